"""Code keeps to the instructions of its core, and does everything there that it does elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from test_api import DIGITS, random_inputs
from test_e2e_operators import LAYERS
from thumb import run
from vmcu.cores import CORES
from vmcu.report.figures import is_exact

PLAIN = [name for name, core in CORES.items() if not core.features.dsp]
DSP = re.compile(r"\b(smla[bdt]\w*|smul[bt][bt]|smuad|s[su]b16|sxtb16|sxtab16|pkh[bt]{2}|smml?\w+|qadd\w*|[su]sat16)\b")


@pytest.mark.parametrize("core", PLAIN)
@pytest.mark.parametrize(
    "layer", ["conv_3x3", "depthwise_5_channels", "fully_connected_odd", "add_odd", "max_pool_same"]
)
def test_plain_cores_get_no_dsp_instructions(layer: str, core: str, tmp_path: Path) -> None:
    compilation = vmcu.Compilation(LAYERS[layer](tmp_path / "model.tflite"), core)
    assert not re.findall(r"llvm\.arm\.(?!ssat)", compilation.emit("llvm"))
    text = compilation.emit("asm")
    assert not DSP.findall(text) and "\tv" not in text
    assert ("\tssat" in text) == (CORES[core].features.saturate and layer != "max_pool_same")
    if not CORES[core].features.long_multiply and layer != "add_odd":
        assert not re.findall(r"__aeabi_\w+", text)


def test_the_pattern_knows_dsp_instructions(tmp_path: Path) -> None:
    text = vmcu.Compilation(LAYERS["conv_3x3"](tmp_path / "model.tflite")).emit("asm")
    assert {"smlad", "sxtb16", "smmlar"} <= set(DSP.findall(text))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("way", [{"input": "fed"}, {"streams": False}], ids=str)
def test_ways_to_run_equal_the_host(way: dict, core: str) -> None:
    compiled = vmcu.compile_model(DIGITS, core, **way)
    (image,) = random_inputs(compiled)
    with compiled.firmware() as firmware:
        assert is_exact(firmware.run(image, count=False).outputs, compiled.reference(image))


@pytest.mark.parametrize("core", PLAIN)
def test_accesses_to_the_pool_are_checked(core: str) -> None:
    compilation = vmcu.Compilation(DIGITS, core)
    sanitized = compilation.sanitized()
    with sanitized.firmware() as firmware:
        firmware.run(*random_inputs(sanitized), count=False)
        # Rows are reported, whatever loads their bytes.
        assert firmware.shadow.accesses > 1000


@pytest.mark.parametrize("core", CORES)
def test_float_boundaries(core: str, tmp_path: Path) -> None:
    """Without an FPU the run-time library computes; words of floats must be aligned where the core asks for it."""
    compiled = vmcu.compile_model(tiny.conv(tmp_path / "model.tflite", float_io=True), core, io="float")
    (image,) = random_inputs(compiled)
    assert image.dtype == np.float32
    with compiled.firmware() as firmware:
        assert is_exact(firmware.run(image, count=False).outputs, compiled.reference(image))


# Instructions that all cores have, with the cycles of the Cortex-M3 and the Cortex-M0+.
ROWS = {
    "data": ("adds r1, r1, r2", 1, 1),
    "mul": ("muls r1, r2, r1", 1, 1),
    "load": ("ldr r1, [r0]", 2, 2),
    "loads": ("ldr r1, [r0]\nldrb r2, [r0, #1]", 3, 4),
    "stores": ("str r1, [r0]\nstrb r1, [r0]", 2, 4),
    "ldm": ("mov r3, r0\nldm r3!, {r1, r2}", 1 + 3, 1 + 3),
    "push and pop": ("push {r4, lr}\npop {r4}\npop {r3}\nmov lr, r3", 3 + 2 + 2 + 1, 3 + 2 + 2 + 1),
    "branch": ("b 1f\nnop\n1:", 3, 2),
    "branch taken": ("cmp r0, r0\nbeq 1f\nnop\n1:", 4, 3),
    "branch not taken": ("cmp r0, r0\nbne 1f\nnop\n1:", 3, 3),
    "call": ("mov r12, lr\nbl 1f\nb 2f\n1: bx lr\n2: mov lr, r12", 1 + 3 + 3 + 3 + 1, 1 + 3 + 2 + 2 + 1),
    "barrier": ("dsb", 1, 3),
}


@pytest.mark.parametrize("row", ROWS)
def test_row_of_the_cycle_table(row: str, tmp_path: Path) -> None:
    body, *expected = ROWS[row]
    for core, cycles in zip(("cortex-m3", "cortex-m0plus"), expected, strict=True):
        returning = CORES[core].cycles.taken
        assert run(f"{body}\nbx lr", tmp_path, CORES[core]).cycles == cycles + returning, core


def test_products_on_the_cortex_m3(tmp_path: Path) -> None:
    for body, cycles in (("mla r1, r1, r2, r3", 2), ("umull r1, r2, r1, r2", 4), ("smlal r1, r2, r1, r2", 5)):
        assert run(f"{body}\nbx lr", tmp_path, CORES["cortex-m3"]).cycles == cycles + 3
