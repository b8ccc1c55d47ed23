"""Operators of a form that nobody reads are refused by name: numbers of tensors, ranks, sizes of windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated

import damages
import tiny_tflite as tiny
import vmcu
from vmcu.errors import InputError, Unsupported
from vmcu.frontends.tflite.forms import _INPUTS
from vmcu.frontends.tflite.model import read_model
from vmcu.frontends.tflite.prepare import prepare
from vmcu.frontends.tflite.schema import OPERATORS
from vmcu.frontends.tflite.shapes import make_static
from vmcu.frontends.tflite.support import SUPPORT


def write(path: Path, code: str, inputs: int, outputs: int, *, left_out: bool = False) -> Path:
    """One operator with so many activations on either side; the first input may be left out."""
    graph = tiny.Graph()
    read = [graph.tensor(f"x{number}", (1, 4, 4, 4)) for number in range(inputs)]
    made = [graph.tensor(f"y{number}", (1, 4, 4, 4)) for number in range(outputs)]
    graph.op(code, [-1, *read[1:]] if left_out else read, made)
    return graph.write(path, read[:1], made[:1])


#: What they keep from run to run is found before their forms are looked at.
STATEFUL = ("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "VAR_HANDLE")


@pytest.mark.parametrize("code", [each for each in SUPPORT if each not in STATEFUL])
def test_an_operator_takes_what_the_table_says_invalid(tmp_path: Path, code: str) -> None:
    fewest, most = _INPUTS.get(code, (1, 1))
    wrong = [fewest - 1] * (fewest > 1) + [most + 1] * (most < 9)
    for count in wrong:
        with pytest.raises(
            Unsupported, match=rf"operator {code} at layer 'y0' \(number 0\): it has {count} inputs? where"
        ):
            prepare(write(tmp_path / "net.tflite", code, count, 1))
    with pytest.raises(Unsupported, match="its input 0 is left out"):
        prepare(write(tmp_path / "net.tflite", code, fewest, 1, left_out=True))


def test_an_operator_has_one_result_unless_it_splits_invalid(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="it has 2 outputs where it makes 1"):
        prepare(write(tmp_path / "net.tflite", "RELU", 1, 2))
    prepare(write(tmp_path / "net.tflite", "UNPACK", 1, 4))


@pytest.mark.parametrize("field", ["strideW", "strideH", "dilationWFactor", "dilationHFactor"])
@pytest.mark.parametrize("multiplier", [0, 1])
def test_windows_that_do_not_move_invalid(tmp_path: Path, field: str, multiplier: int) -> None:
    data = tiny.conv(tmp_path / "net.tflite", multiplier=multiplier).read_bytes()
    model = schema_py_generated.ModelT.InitFromPackedBuf(data, 0)
    setattr(model.subgraphs[0].operators[0].builtinOptions, field, 0)
    (tmp_path / "net.tflite").write_bytes(damages.write(model))
    with pytest.raises(Unsupported, match=rf"its {field[:6]}\w* (over|of) (rows|columns) is 0"):
        prepare(tmp_path / "net.tflite")


@pytest.mark.parametrize("slope", [np.inf, -np.inf, np.nan])
def test_numbers_without_an_end_invalid(tmp_path: Path, slope: float) -> None:
    path = tiny.unary(tmp_path / "net.tflite", "LEAKY_RELU", (1, 8), (1, 8), "LeakyReluOptions", alpha=slope)
    with pytest.raises(Unsupported, match=rf"LEAKY_RELU at layer 'y' \(number 0\): its slope is {slope}"):
        prepare(path)


def test_steps_of_zero_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 8)), graph.tensor("y", (1, 8))
    ends = [graph.const(name, np.array(at, np.int32)) for name, at in (("b", [0, 0]), ("e", [1, 8]), ("s", [1, 0]))]
    graph.op("STRIDED_SLICE", [x, *ends], [y], "StridedSliceOptions")
    with pytest.raises(Unsupported, match="STRIDED_SLICE at layer 'y' .*: one of its steps is 0"):
        prepare(graph.write(tmp_path / "net.tflite", [x], [y]))


def test_graph_without_outputs_invalid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the first subgraph has no output"):
        prepare(tiny.Graph().write(tmp_path / "net.tflite", [], []))


def test_shapes_that_contradict_one_another_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 8, 1, 4)), graph.tensor("y", (1, 8, 6, 2))
    ends = [graph.const(name, np.array(at, np.int32)) for name, at in (("b", [0, 0]), ("e", [1, 2]), ("s", [1, 1]))]
    graph.op("STRIDED_SLICE", [x, *ends], [y], "StridedSliceOptions", ellipsisMask=1)
    with pytest.raises(
        Unsupported, match="net.tflite: the file's shapes contradict one another: .*reshape 16 elements into 96"
    ):
        vmcu.compile_model(graph.write(tmp_path / "net.tflite", [x], [y]))


def test_ranks_of_windows_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 8, 4)), graph.tensor("y", (1, 4, 4))
    graph.op("MAX_POOL_2D", [x], [y], "Pool2DOptions", strideW=2, strideH=2, filterWidth=2, filterHeight=2)
    with pytest.raises(Unsupported, match=r"tensor 'x' \(int8\[1x8x4\]\) has 3 sizes where it takes 4"):
        prepare(graph.write(tmp_path / "net.tflite", [x], [y]))


def test_operators_of_the_table_are_those_of_the_schema() -> None:
    assert set(_INPUTS) <= set(OPERATORS)


def test_a_shape_that_needs_an_open_value_stays_open(tmp_path: Path) -> None:
    graph = tiny.Graph()
    size = graph.tensor("size", (4,), scale=None, dtype=np.int32)
    x, y = graph.tensor("x", (1, 4, 4, 4)), graph.tensor("y", (1, 4, 4, 4), dynamic_batch=True)
    weights = graph.const("w", np.ones((4, 1, 1, 4), np.int8), scale=0.1)
    graph.op("TRANSPOSE_CONV", [size, weights, x], [y], "TransposeConvOptions", strideW=1, strideH=1)
    model = read_model(graph.write(tmp_path / "net.tflite", [x, size], [y]).read_bytes())
    assert make_static(model)[0][y].signature[0] == -1
