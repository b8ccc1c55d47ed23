"""LSTM and SVDF: LiteRT's reference kernels, call after call, say what is right; and the arithmetic of their gates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from test_api import ZOO
from vmcu.errors import Unsupported
from vmcu.frontends.tflite.fixed_gates import MOST_BITS, Arithmetic

ON_ARRAYS = Arithmetic(lambda a, b, c: np.where(a, b, c).astype(np.int32), np.minimum)
WORDS = np.arange(-32768, 32768, dtype=np.int32)


def lstm(
    path: Path,
    steps: int = 3,
    columns: int = 5,
    size: int = 6,
    *,
    hidden_zero: int = 0,
    cell_bits: int = 3,
    clip: float = 0.0,
    absent: tuple[int, ...] = (),
    more: tuple[int, ...] = (),
    activation: int = 4,
    cell_scale: float | None = None,
) -> Path:
    """A sequence LSTM; inputs `absent` are left out, and vectors are put where inputs `more` are."""
    draw, graph = np.random.default_rng(steps + size), tiny.Graph()
    x = graph.tensor("x", (1, steps, columns), scale=0.03, zero_point=-7)
    inputs = [x] + [-1] * 23
    for gate in range(4):
        w = draw.integers(-127, 128, (size, columns)).astype(np.int8)
        r = draw.integers(-127, 128, (size, size)).astype(np.int8)
        inputs[1 + gate] = graph.const(f"w{gate}", w, scale=0.01 + 0.003 * gate)
        inputs[5 + gate] = graph.const(f"r{gate}", r, scale=0.012 - 0.002 * gate)
        bias = draw.integers(-3000, 3000, size).astype(np.int32)
        inputs[12 + gate] = graph.const(f"b{gate}", bias, scale=0.0003)
    inputs[18] = graph.tensor("h", (1, size), scale=1 / 128, zero_point=hidden_zero)
    inputs[19] = graph.tensor("c", (1, size), scale=cell_scale or 2.0 ** (cell_bits - 15), dtype=np.int16)
    for number in more:
        inputs[number] = graph.const(f"more{number}", np.ones(size, np.int16), scale=0.001)
    for number in absent:
        inputs[number] = -1
    for number in (18, 19):
        graph.tensors[inputs[number]].isVariable = True
    y = graph.tensor("y", (1, steps, size), scale=1 / 128, zero_point=hidden_zero)
    inner = [graph.tensor(f"inner{number}", (), scale=2.0**-12, dtype=np.int16) for number in range(4)]
    inner.append(graph.tensor("hidden", (), scale=1 / 128, zero_point=hidden_zero))
    graph.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=activation, cellClip=clip,
    )  # fmt: skip
    graph.operators[-1].intermediates = inner
    return graph.write(path, [x], [y])


def svdf(
    path: Path,
    columns: int = 7,
    units: int = 5,
    steps: int = 4,
    rank: int = 2,
    *,
    bias: bool = True,
    memory: type = np.int16,
) -> Path:
    """Keywords' favourite layer: filters of features, and of time over what they gave before."""
    draw, graph = np.random.default_rng(units + steps), tiny.Graph()
    x = graph.tensor("x", (1, columns), scale=0.04, zero_point=11)
    features = draw.integers(-127, 128, (units * rank, columns)).astype(np.int8)
    time = draw.integers(-3000, 3000, (units * rank, steps)).astype(np.int16)
    numbers = draw.integers(-3000, 3000, units).astype(np.int32)
    inputs = [
        x,
        graph.const("features", features, scale=0.01),
        graph.const("time", time, scale=0.0001),
        graph.const("bias", numbers, scale=1e-7) if bias else -1,
        graph.tensor("memory", (1, units * rank * steps), scale=0.002, dtype=memory),
    ]
    graph.tensors[inputs[4]].isVariable = True
    y = graph.tensor("y", (1, units), scale=0.02, zero_point=-20)
    graph.op("SVDF", inputs, [y], "SVDFOptions", rank=rank, fusedActivationFunction=1)
    return graph.write(path, [x], [y])


def _assert_exact(compiled: vmcu.Compiled, calls: int) -> None:
    draw, panel, seen = np.random.default_rng(9), compiled.oracle("litert"), set()
    with compiled.firmware() as firmware:
        for _ in range(2):
            for number in range(calls):
                arrays = [each.random(draw) for each in compiled.inputs]
                found, answer = firmware.run(*arrays, count=False).outputs, panel.ask(*arrays).outputs
                np.testing.assert_array_equal(found[0], answer[0], f"call {number}")
                seen.add(found[0].tobytes())
            firmware.reset()
            panel.reset()
    assert len(seen) > calls


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"steps": 1, "columns": 1, "size": 1, "hidden_zero": 3},
        {"cell_bits": 4, "hidden_zero": -9},
        {"cell_bits": 1, "clip": 0.5},
    ],
    ids=["plain", "one", "zero_points", "clipped"],
)
def test_lstm_equals_litert_call_after_call(options: dict, core: str, tmp_path: Path) -> None:
    compiled = vmcu.compile_model(lstm(tmp_path / "net.tflite", **options), core)
    size = options.get("size", 6)
    assert compiled.state_bytes == 3 * size
    _assert_exact(compiled, 6)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize(
    "options", [{}, {"rank": 1, "bias": False}, {"columns": 1, "units": 1, "steps": 9}], ids=["plain", "rank", "one"]
)
def test_svdf_equals_litert_call_after_call(options: dict, core: str, tmp_path: Path) -> None:
    _assert_exact(vmcu.compile_model(svdf(tmp_path / "net.tflite", **options), core), 12)


@pytest.mark.parametrize("write", [lstm, svdf])
def test_accesses_of_recurrent_layers_are_right(write: object, tmp_path: Path) -> None:
    _assert_exact(vmcu.compile_model(write(tmp_path / "net.tflite"), sanitize=True), 2)


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO does not name a folder of models")
def test_lstm_of_digits_equals_litert() -> None:
    _assert_close_calls(vmcu.compile_model(Path(ZOO) / "public" / "mnist_lstm_int8.tflite"))


def _assert_close_calls(compiled: vmcu.Compiled) -> None:
    """Images of strokes: random pixels all look alike to the network."""
    draw, panel = np.random.default_rng(2), compiled.oracle("litert")
    with compiled.firmware() as firmware:
        for _ in range(10):
            image = np.full(compiled.inputs[0].shape, -128, np.int8)
            row, column = draw.integers(2, 20, 2)
            image[0, row : row + 6, column : column + 2] = 127
            image[0, row : row + 2, column : column + 6] = 60
            np.testing.assert_array_equal(firmware.run(image, count=False).outputs[0], panel.ask(image).outputs[0])


# Gates


def test_logistic_is_near_the_real_one() -> None:
    real = 1 / (1 + np.exp(-WORDS / 4096))
    assert np.abs(ON_ARRAYS.logistic(WORDS) / 32768 - real).max() < 3e-4


@pytest.mark.parametrize("bits", range(MOST_BITS + 1))
def test_tanh_is_near_the_real_one(bits: int) -> None:
    real = np.tanh(WORDS / 2.0 ** (15 - bits))
    assert np.abs(ON_ARRAYS.tanh(WORDS, bits) / 32768 - real).max() < 6e-4


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"more": (9, 10, 11)}, "it has peephole connections"),
        ({"more": (20, 21, 22, 23)}, "it has layer normalisation"),
        ({"absent": (1, 5, 12)}, "it has no weights or no bias of its own for each of four gates"),
        ({"activation": 1}, "its activation is not TANH"),
        ({"cell_scale": 0.0003}, r"the cells .* are not of int16 with a scale of 2\^-15 to 2\^-11, a power of two"),
    ],
)
def test_other_forms_of_lstm_invalid(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=f"operator UNIDIRECTIONAL_SEQUENCE_LSTM .*: {message}"):
        vmcu.compile_model(lstm(tmp_path / "net.tflite", **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1}, "its memory is one step long"),
        ({"memory": np.int8}, r"its memory 'memory' \(int8\[1x40\]\) is not of int16 with a scale"),
    ],
)
def test_other_forms_of_svdf_invalid(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=f"operator SVDF .*: {message}"):
        vmcu.compile_model(svdf(tmp_path / "net.tflite", **options))
