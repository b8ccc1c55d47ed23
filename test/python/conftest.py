"""Settings of all tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_measurements_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the user has measured must not decide what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VMCU_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
