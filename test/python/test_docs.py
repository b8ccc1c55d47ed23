"""The reference pages are what the sources say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

GENERATE = Path(__file__).resolve().parents[2] / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", GENERATE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        module.find_mlir()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return module


def test_pages_are_fresh(generate: ModuleType) -> None:
    check = subprocess.run([sys.executable, GENERATE, "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def test_stale_page_is_shown(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    for name, write in generate.PAGES.items():
        (tmp_path / name).write_text(write())
    assert list(generate.find_stale()) == []
    page = tmp_path / "ops.md"
    page.write_text(page.read_text().replace("### `vmcu.dot`", "### `vmcu.point`"))
    (diff,) = generate.find_stale()
    assert "-### `vmcu.point`" in diff
    assert "+### `vmcu.dot`" in diff


def test_pages_name_every_op_and_pass(generate: ModuleType) -> None:
    from vmcu.dialects import vmcu as d
    from vmcu.passes._registry import PASSES

    names = {op.OPERATION_NAME for op in vars(d).values() if isinstance(op, type) and hasattr(op, "OPERATION_NAME")}
    assert names and all(f"### `{name}`" in generate.write_ops() for name in names)
    passes = {name for name, info in PASSES.items() if info.run.__module__.startswith("vmcu.passes.")}
    assert passes and all(f"## `{name}`" in generate.write_passes() for name in passes)
