"""Families of one's own in a real network: chosen, planned, right to the bit; and what is refused."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vmcu
from vmcu.errors import InputError, Unsupported
from vmcu.isa import OwnFamily
from vmcu.isa.own import _union, offered
from vmcu.lang import Index, Input, Output, extend, full, loop, maximum, narrow, row_of, segment_load, segment_store
from vmcu.operators import PLAIN, MaxPool, PlainMaxPool
from vmcu.operators.geometry import Window

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DIGITS = EXAMPLES / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def pixelwise() -> OwnFamily:
    spec = importlib.util.spec_from_file_location("family", EXAMPLES / "custom_kernel" / "family.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["family"] = module
    spec.loader.exec_module(module)
    return module.pixelwise


def test_example_runs() -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "custom_kernel" / "family.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 digits equal to the host" in done.stdout


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_network_with_it_equals_the_host(pixelwise: OwnFamily, target: str, streams: bool) -> None:
    images = np.load(EXAMPLES / "digits" / "heldout.npz")["inputs"][:2]
    with vmcu.register(pixelwise):
        compilation = vmcu.Compilation(DIGITS, target, streams=streams, sanitize=True)
        variants = re.findall(
            r"vmcu\.placed_kernel @(\w+) conv2d variant<\"pixelwise\">", compilation.emit("plan", elide=True)
        )
        compiled = compilation.finish()
    assert variants == ["conv2d_2", "conv2d_3", "conv2d_4"]
    with compiled.firmware() as firmware:
        for image in images:
            found = firmware.run(image[None], count=False).outputs[0]
            np.testing.assert_array_equal(found, compiled.reference(image[None])[0])


def test_family_is_offered_until_the_end_of_with(pixelwise: OwnFamily) -> None:
    with vmcu.register(pixelwise):
        with_it = vmcu.compile_model(DIGITS)
    without = vmcu.compile_model(DIGITS)
    assert with_it.code != without.code
    assert pixelwise not in offered(MaxPool(Window((1, 1), (1, 1)), 4, 0))


def test_built_in_names_are_taken_invalid() -> None:
    from vmcu.operators import Conv2D

    for name in ("matmul", "two words"):
        with pytest.raises(InputError, match=f"no built-in family has, found '{name}'"):
            vmcu.register(vmcu.family(Conv2D, name)(lambda *arguments: None))


POOL = MaxPool(Window((4, 6), (2, 3), (2, 2), (2, 2)), 8, 0, low=-128, high=127)


def pooled(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    for column in loop(pool.window.output[1]):
        for channel in loop(0, pool.channels, 4):
            best = full(-128, 4)
            for tap in range(2):
                first = (row * 2 + tap) * pool.window.image[1] + column * 2
                pair = segment_load(x, first, channel, bytes=4, rows=2)
                best = maximum(best, maximum(extend(row_of(pair, 0)), extend(row_of(pair, 1))))
            segment_store(y, row * pool.window.output[1] + column, channel, narrow(best))


def test_steps_are_those_of_the_closed_form() -> None:
    family = vmcu.family(MaxPool, "pooled")(pooled)
    found, wanted = family.steps(POOL, PLAIN), PlainMaxPool().steps(POOL, PLAIN)
    for name in ("lo", "hi", "write_lo", "write_hi"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert family.reversible(POOL, PLAIN)


def upside_down(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    """As `pooled`, but the first pixel of a row is made apart from the others: run backwards, it is still the first."""
    del x
    for start, stop in ((0, 1), (1, 3)):
        for column in loop(start, stop):
            segment_store(y, row * 3 + column, 0, narrow(full(0, 4)))
            segment_store(y, row * 3 + column, 4, narrow(full(0, 4)))


def test_kernel_of_one_direction_is_not_reversible() -> None:
    assert not vmcu.family(MaxPool, "upside")(upside_down).reversible(POOL, PLAIN)


def two_rows(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    for column in loop(3):
        segment_load(x, row * 12 + column * 2, rows=2, stride=6)
        segment_store(y, row * 3 + column, 0, segment_load(x, row * 12))


def far_row(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    for column in loop(3):
        segment_store(y, row * 3 + column, 0, segment_load(x, 18))


def wrong_order(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    for column in loop(3):
        segment_store(y, (1 - row) * 3 + column, 0, segment_load(x, (1 - row) * 12))


def not_all(pool: MaxPool, x: Input, y: Output, row: Index) -> None:
    segment_store(y, row * 3, 0, segment_load(x, row * 12))


@pytest.mark.parametrize(
    ("function", "line", "message"),
    [
        (two_rows, 2, "segment_load touches two rows of an image at once, which lie apart in a stream"),
        (far_row, 2, "segment_load loads row 3 of the input for row 0 of the output, which needs others"),
        (wrong_order, 2, "segment_store stores to row 0 of the output when a row behind it was made already"),
        (not_all, None, "stores nothing to 32 bytes of output 0"),
    ],
)
def test_wrong_rows_invalid(function: Callable[..., None], line: int | None, message: str) -> None:
    with pytest.raises(Unsupported, match=message) as error:
        vmcu.family(MaxPool, "wrong")(function).steps(POOL, PLAIN)
    if line is not None:
        assert str(error.value).startswith(f"{__file__}:{function.__code__.co_firstlineno + line}: ")


def test_wrong_family_is_refused_when_a_network_is_compiled() -> None:
    from vmcu.operators import Conv2D

    def empty(conv: Conv2D, x: Input, y: Output, row: Index) -> None:
        del conv, x, y, row

    with vmcu.register(vmcu.family(Conv2D, "empty")(empty)), pytest.raises(Unsupported, match="stores nothing to"):
        vmcu.compile_model(DIGITS)


def test_reads_of_two_inputs_are_joined() -> None:
    first, second = np.array([[0, 0, 4], [4, 0, 8]]), np.array([[2, 1, 0], [6, 3, 0]])
    lo, hi = _union((tuple(first), tuple(second)))
    assert (lo.tolist(), hi.tolist()) == ([0, 1, 4], [6, 3, 8])
