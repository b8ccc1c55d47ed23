"""Damaged `.tflite` files are compiled or refused: no traceback, no signal, no endless run."""

from __future__ import annotations

import os

from damaged_files import outcomes

COUNT = int(os.environ.get("VMCU_FUZZ_FILES", "40"))


def test_damaged_files_are_compiled_or_refused() -> None:
    found = [(number, outcome) for number, _, outcome in outcomes(COUNT)]
    assert len(found) == COUNT
    assert not [(number, outcome.word, outcome.said) for number, outcome in found if outcome.is_fault]
    assert {outcome.word for _, outcome in found} == {"compiled", "refused"}  # the damage is neither none nor all
