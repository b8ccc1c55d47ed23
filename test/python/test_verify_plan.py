"""The plans of a network pass `vmcu-verify-plan`, and fail once a tensor is moved onto another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlir import ir

import vmcu.passes  # noqa: F401  registers them
from vmcu.dialects import vmcu as d
from vmcu.driver.compilation import Compilation
from vmcu.errors import Unsupported
from vmcu.ir import bridge, walk

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize("options", [{}, {"input": "fed"}, {"streams": False}, {"recompute": 1.5}], ids=str)
def test_plans_of_a_network_lose_no_byte(options: dict) -> None:
    text = Compilation(DIGITS, **options).emit("plan")
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        bridge.run(module, ["vmcu-verify-plan"])
        assert str(ir.Module.parse(text)) == str(module)


@pytest.mark.parametrize("options", [{}, {"input": "fed"}], ids=str)
def test_most_places_that_move_by_a_word_are_found_invalid(options: dict) -> None:
    text = Compilation(DIGITS, **options).emit("plan")
    found = 0
    with bridge.context(), ir.Location.unknown():
        count = sum(isinstance(op, d.PlaceOp) for op in walk.walk(ir.Module.parse(text).operation))
        for number in range(count):
            module = ir.Module.parse(text)
            place = [op for op in walk.walk(module.operation) if isinstance(op, d.PlaceOp)][number]
            offset = place.offset.value
            place.operation.attributes["offset"] = ir.IntegerAttr.get(
                ir.IntegerType.get_signless(64), offset - 4 if offset >= 4 else offset + 4
            )
            try:
                bridge.run(module, ["vmcu-verify-plan"])
            except Unsupported:
                found += 1
    assert found > count // 2
