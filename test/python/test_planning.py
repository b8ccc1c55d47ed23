"""What `optimize` weighs: pool, stack, cycles, code."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vmcu.driver.compilation import Compiled, compile_model
from vmcu.driver.weighing import SLACK

ZOO = os.environ.get("VMCU_MODEL_ZOO")
#: Modelled Cortex-M4 cycles of a run, at most.
CYCLES = {
    "vww_96_int8": 10_600_000,
    "kws_ref_model": 4_000_000,
    "pretrainedResnet_quant": 16_500_000,
    "ad01_int8": 420_000,
    "mcunet_vww_80": 21_000_000,
}


def run(compiled: Compiled) -> tuple[int, int, int]:
    """RAM of pool and stack, cycles, bytes of code."""
    with compiled.firmware() as firmware:
        counts = firmware.run(*[np.zeros(each.shape, each.dtype) for each in compiled.inputs]).counts
        return firmware.sizes.ram + counts.stack_bytes, counts.cycles, firmware.sizes.text


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
@pytest.mark.parametrize("name", CYCLES)
def test_balanced_is_fast_for_little_ram(name: str) -> None:
    path = Path(ZOO) / f"{name}.tflite"
    ram, cycles, _ = run(compile_model(path))
    least, _, _ = run(compile_model(path, optimize="ram"))
    assert cycles <= CYCLES[name]
    assert ram <= (1 + SLACK) * least


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
@pytest.mark.parametrize("name", ["kws_ref_model", "vww_96_int8"])
def test_each_wish_is_the_best_at_what_it_wishes(name: str) -> None:
    path = Path(ZOO) / f"{name}.tflite"
    found = {wish: run(compile_model(path, optimize=wish)) for wish in ("ram", "balanced", "latency", "size")}
    for position, wish in enumerate(("ram", "latency", "size")):
        assert found[wish][position] == min(each[position] for each in found.values())


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
def test_lanes_and_pool_share_the_ram() -> None:
    path = Path(ZOO) / "vww_96_int8.tflite"
    compiled = compile_model(path)
    tight = compile_model(path, ram=compiled.pool_bytes + 500)
    with tight.firmware() as firmware:
        counts = firmware.run(np.zeros((1, 96, 96, 3), np.int8)).counts
    assert tight.pool_bytes + counts.stack_bytes < compiled.pool_bytes + 1000
