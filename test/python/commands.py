"""The `vmcu` command in the process of a test."""

from __future__ import annotations

import pytest

from vmcu import cli


class Command:
    """Runs `vmcu` in this process and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]):
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(each) for each in arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def fails(self, code: int, *arguments: object) -> str:
        """The one line on stderr of a command that has to fail with `code`."""
        found, out, err = self(*arguments)
        assert (found, out) == (code, ""), err
        assert err.startswith("vmcu: ") and err.count("\n") == 1, err
        return err
