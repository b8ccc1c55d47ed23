"""Every rule of the dialect is promised in a .td file, kept by a verifier and broken by a test, under one label."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LABEL = r"[a-z_]+_c\d+"


def labels(paths: Iterable[Path], pattern: str) -> set[str]:
    return {label for path in paths for label in re.findall(pattern, path.read_text())}


PROMISED = labels((ROOT / "dialect").glob("*.td"), rf"- \(({LABEL})\)")


def test_every_rule_has_a_verifier() -> None:
    assert labels((ROOT / "dialect").glob("*.cpp"), rf"// ({LABEL})\b") == PROMISED


def test_every_rule_has_a_test_that_breaks_it() -> None:
    assert labels((ROOT / "test" / "Dialect").glob("*invalid.mlir"), r"@((?:[a-z]+_)+?c\d+)") == PROMISED
