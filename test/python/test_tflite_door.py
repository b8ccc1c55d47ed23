"""What is done with a `.tflite` before it is converted: names, static shapes, refusals of damage."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import tiny_tflite as tiny
from emulated import check_model
from vmcu.cli import main
from vmcu.errors import InputError, Unsupported
from vmcu.frontends import load, ports, tflite
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import read_model
from vmcu.frontends.tflite.prepare import prepare
from vmcu.frontends.tflite.shapes import make_static
from vmcu.frontends.tflite.support import _INSTEAD, SUPPORT

INT = np.int32


def activation(graph: tiny.Graph, name: str, sizes: tuple[int, ...], known: tuple[int, ...]) -> int:
    """An activation whose signature is `sizes`; `known` is what the file has for its shape."""
    index = graph.tensor(name, known)
    graph.tensors[index].shapeSignature = list(sizes)
    return index


def flatten(path: Path) -> Path:
    """SHAPE, STRIDED_SLICE and PACK give a RESHAPE its sizes, and a fully connected layer follows."""
    graph = tiny.Graph()
    x = activation(graph, "x", (-1, 4, 6), (1, 4, 6))
    shape = graph.tensor("shape", (3,), scale=None, dtype=INT)
    batch = graph.tensor("batch", (), scale=None, dtype=INT)
    sizes = graph.tensor("sizes", (2,), scale=None, dtype=INT)
    flat = activation(graph, "flat", (-1, -1), (1, 1))
    y = activation(graph, "y", (-1, 5), (1, 5))
    at = [graph.const(name, np.array([value], INT)) for name, value in (("begin", 0), ("end", 1), ("step", 1))]
    rest = graph.const("rest", np.array(24, INT))
    weights = graph.const("weights", np.arange(-60, 60, dtype=np.int8).reshape(5, 24), scale=0.01)
    graph.op("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    graph.op("STRIDED_SLICE", [shape, *at], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    graph.op("PACK", [batch, rest], [sizes], "PackOptions", valuesCount=2, axis=0)
    graph.op("RESHAPE", [x, sizes], [flat], "ReshapeOptions", newShape=[-1, 24])
    graph.op("FULLY_CONNECTED", [flat, weights, -1], [y], "FullyConnectedOptions")
    return graph.write(path, [x], [y])


def dense_on_sequence(path: Path) -> Path:
    """A layer on each step of a sequence: GATHER, REDUCE_PROD and CONCATENATION of the shape."""
    graph = tiny.Graph()
    x = activation(graph, "x", (-1, 4, 6), (1, 4, 6))
    shape = graph.tensor("shape", (3,), scale=None, dtype=INT)
    free = graph.tensor("free", (2,), scale=None, dtype=INT)
    rows = graph.tensor("rows", (), scale=None, dtype=INT)
    sizes = graph.tensor("sizes", (2,), scale=None, dtype=INT)
    back = graph.tensor("back", (3,), scale=None, dtype=INT)
    flat = activation(graph, "flat", (-1, -1), (1, 1))
    layer = activation(graph, "layer", (-1, 5), (1, 5))
    y = activation(graph, "y", (-1, 4, 5), (1, 4, 5))
    axes = graph.const("axes", np.array([0, 1], INT))
    zero = graph.const("zero", np.array([0], INT))
    six = graph.const("six", np.array(6, INT))
    five = graph.const("five", np.array([5], INT))
    weights = graph.const("weights", np.arange(-15, 15, dtype=np.int8).reshape(5, 6), scale=0.01)
    graph.op("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    graph.op("GATHER", [shape, axes], [free], "GatherOptions", axis=0)
    graph.op("REDUCE_PROD", [free, zero], [rows], "ReducerOptions", keepDims=False)
    graph.op("PACK", [rows, six], [sizes], "PackOptions", valuesCount=2, axis=0)
    graph.op("CONCATENATION", [free, five], [back], "ConcatenationOptions", axis=0)
    graph.op("RESHAPE", [x, sizes], [flat])
    graph.op("FULLY_CONNECTED", [flat, weights, -1], [layer], "FullyConnectedOptions")
    graph.op("RESHAPE", [layer, back], [y])
    return graph.write(path, [x], [y])


def grouped(path: Path) -> Path:
    """A convolution of two groups whose batch is dynamic."""
    graph = tiny.Graph()
    x = activation(graph, "x", (-1, 5, 6, 4), (1, 5, 6, 4))
    y = activation(graph, "y", (-1, 3, 3, 6), (1, 3, 3, 6))
    weights = graph.const("weights", np.arange(-54, 54, dtype=np.int8).reshape(6, 3, 3, 2), scale=0.01)
    bias = graph.const("bias", np.arange(6, dtype=INT) * 100, scale=0.0005)
    graph.op("CONV_2D", [x, weights, bias], [y], "Conv2DOptions", strideW=2, strideH=2)
    return graph.write(path, [x], [y])


@pytest.mark.parametrize("make", [flatten, dense_on_sequence, grouped])
def test_dynamic_batch_is_one(make: Callable[[Path], Path], tmp_path: Path) -> None:
    compiled = check_model(make(tmp_path / "model.tflite"))
    assert compiled.inputs[0].shape[0] == 1


def test_shapes_that_a_window_leaves_open_are_found(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x = activation(graph, "x", (-1, 9, 8, 4), (1, 9, 8, 4))
    y = activation(graph, "y", (-1, -1, -1, 4), (1, 1, 1, 4))
    options = {"filterWidth": 3, "filterHeight": 2, "strideW": 2, "strideH": 3, "padding": 1}
    graph.op("MAX_POOL_2D", [x], [y], "Pool2DOptions", **options)
    tensors, _ = make_static(read_model(graph.write(tmp_path / "model.tflite", [x], [y]).read_bytes()))
    assert tensors[y].shape == (1, 3, 3, 4)
    check_model(tmp_path / "model.tflite")


def test_model_with_nothing_to_change_is_converted_as_it_is(tmp_path: Path) -> None:
    path = tiny.conv(tmp_path / "model.tflite")
    assert prepare(path)[1] == path.read_bytes()


def test_dynamic_size_other_than_the_batch_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = (activation(graph, name, (-1, -1, 4), (1, 1, 4)) for name in "xy")
    graph.op("RELU", [x], [y])
    with ir.Context(), pytest.raises(Unsupported, match=r"input 'x' is \?x\?x4; only the first size, the batch"):
        load(graph.write(tmp_path / "model.tflite", [x], [y]))


def relus(path: Path, names: list[bytes | str | None]) -> Path:
    """RELU after RELU; the tensors have these names."""
    graph = tiny.Graph()
    tensors = [graph.tensor("t", (1, 8), scale=0.05 + 0.01 * index) for index in range(len(names))]
    for index, name in enumerate(names):
        graph.tensors[index].name = name
    for source, result in zip(tensors, tensors[1:]):
        graph.op("RELU", [source], [result])
    return graph.write(path, tensors[:1], tensors[-1:])


@pytest.mark.parametrize(
    "names, known",
    [
        ([None, None, None], ["tensor_0", "tensor_1", "tensor_2"]),
        (["", "", "x"], ["tensor_0", "tensor_1", "x"]),
        ([b"a\xff", b"b\xc3", b"c\x80"], ["a\ufffd", "b\ufffd", "c\ufffd"]),
        (["x", "x", "x"], ["x", "x_1", "x_2"]),
        (["größe", "ß", "\\C3"], ["größe", "ß", "\\C3"]),
    ],
)
def test_names_that_are_missing_or_unreadable_are_made_up(tmp_path: Path, names: list, known: list) -> None:
    path = relus(tmp_path / "model.tflite", names)
    assert [each.label for each in prepare(path)[0].tensors] == known
    with ir.Context():
        (source,), (result,) = ports(load(path))
    assert (source.name, result.name) == (known[0], known[-1])


def test_model_without_names_compiles(tmp_path: Path) -> None:
    check_model(relus(tmp_path / "model.tflite", [None, "x", None]))


def test_size_that_no_core_has_invalid(tmp_path: Path) -> None:
    path = tiny.unary(tmp_path / "model.tflite", "RELU", (1, 50000, 50000, 3), (1, 50000, 50000, 3))
    start = time.perf_counter()
    with (
        ir.Context(),
        pytest.raises(Unsupported, match=r"tensor 'x' \(int8\[1x50000x50000x3\]\) has 7,500,000,000 bytes"),
    ):
        load(path)
    assert time.perf_counter() - start < 1


def test_size_that_no_core_has_inside_invalid(tmp_path: Path) -> None:
    path = tmp_path / "model.mlir"
    path.write_text("""func.func @main(%x: tensor<1x8xi8>) -> tensor<1x8xi8> {
      %shape = tosa.const_shape {values = dense<[1, 9, 2000000, 8]> : tensor<4xindex>} : () -> !tosa.shape<4>
      %s = tosa.const_shape {values = dense<[1, 1, 1, 8]> : tensor<4xindex>} : () -> !tosa.shape<4>
      %y = tosa.reshape %x, %s : (tensor<1x8xi8>, !tosa.shape<4>) -> tensor<1x1x1x8xi8>
      %z = tosa.tile %y, %shape : (tensor<1x1x1x8xi8>, !tosa.shape<4>) -> tensor<1x9x2000000x64xi8>
      return %x : tensor<1x8xi8>
    }""")
    with ir.Context(), pytest.raises(Unsupported, match=r"tosa\.tile .* has 1,152,000,000 bytes; supported .* 16MiB"):
        load(path)


def test_constant_of_another_length_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 40)), graph.tensor("y", (1, 10))
    weights = graph.const("w", np.ones((10, 40), np.int8), scale=0.01)
    graph.buffers[-1].data = np.zeros(100, np.uint8)
    graph.op("FULLY_CONNECTED", [x, weights, -1], [y], "FullyConnectedOptions")
    message = r"tensor 'w' \(int8\[10x40\]\) takes 400 bytes, its buffer has 100 \(read by operator FULLY_CONNECTED at"
    with ir.Context(), pytest.raises(InputError, match=message):
        load(graph.write(tmp_path / "model.tflite", [x], [y]))


def test_operator_of_a_dialect_that_nobody_parses_invalid() -> None:
    text = '#loc1 = loc("which"(#loc))\n    %0 = tfl.greater(%arg0, %arg1) : tensor<1x8xi1> loc(#loc1)\n'
    with pytest.raises(Unsupported, match="operator GREATER at layer 'which' has no TOSA equivalent"):
        tflite._refuse_leftovers(text)


def test_no_offset_leads_out_of_a_file(tmp_path: Path) -> None:
    whole = tiny.conv(tmp_path / "model.tflite").read_bytes()
    refused = 0
    for at in range(0, len(whole) - 4):
        for value in (0xFFFFFFFF, 0x7FFFFFFF):
            try:
                read_model(whole[:at] + struct.pack("<I", value) + whole[at + 4 :])
            except InputError:
                refused += 1
    assert refused > 100


def faulty(path: Path) -> Path:
    """Four things that are wrong: a float island, an unknown operator, a form that is not there, a missing scale."""
    graph = tiny.Graph()
    x = graph.tensor("x", (1, 8))
    real, island, back = (
        graph.tensor(name, (1, 8), scale=None, dtype=np.float32) for name in ("real", "island", "back")
    )
    again, rounded, clamped = (graph.tensor(name, (1, 8)) for name in ("again", "rounded", "clamped"))
    soft, bare, y = (graph.tensor("soft", (1, 8)), graph.tensor("bare", (1, 8), scale=None), graph.tensor("y", (1, 8)))
    graph.op("DEQUANTIZE", [x], [real])
    graph.op("COS", [real], [island])
    graph.op("SIN", [island], [back])
    graph.op("QUANTIZE", [back], [again])
    graph.op("ROUND", [again], [rounded])
    graph.op("MAXIMUM", [rounded, again], [clamped], "MaximumMinimumOptions")
    graph.tensors[clamped].quantization.scale = np.array([0.5], np.float32)
    graph.op("RELU", [clamped], [soft])
    graph.op("RELU", [soft], [bare])
    graph.op("RELU6", [bare], [y])
    return graph.write(path, [x], [y])


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    with ir.Context(), pytest.raises(Unsupported, match=r"model\.tflite: 5 faults") as caught:
        load(faulty(tmp_path / "model.tflite"))
    island, rounded, clamped, *bare = caught.value.faults
    assert island.startswith(
        "2 operators compute on float32 between DEQUANTIZE at layer 'real' (number 0) and QUANTIZE at"
    )
    assert "layer 'again' (number 3): COS, SIN; supported are int8 networks" in island
    assert rounded.startswith(
        "operator ROUND at layer 'rounded' (number 4): it is not supported: there is no kernel for int8; `vmcu ops`"
    )
    assert clamped.startswith("operator MAXIMUM at layer 'clamped' (number 5): its inputs and outputs differ in scale")
    assert [each.split(";")[0] for each in bare] == [
        "operator RELU at layer 'bare' (number 7): tensor 'bare' (int8[1x8]) has no scale",
        "operator RELU6 at layer 'y' (number 8): tensor 'bare' (int8[1x8]) has no scale",
    ]


def test_custom_operator_of_vela_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, y = graph.tensor("x", (1, 8)), graph.tensor("y", (1, 8))
    graph.op("CUSTOM", [x], [y])
    path = graph.write(tmp_path / "model.tflite", [x], [y], custom="ethos-u")
    with ir.Context(), pytest.raises(Unsupported, match="CUSTOM 'ethos-u' at layer 'y'.* commands for an Ethos-U"):
        load(path)


@pytest.mark.parametrize(
    "scale, zero_point, why", [(0.0, 0, "scale 0"), (np.nan, 0, "scale nan"), (0.1, 300, "zero point 300")]
)
def test_quantisation_invalid(tmp_path: Path, scale: float, zero_point: int, why: str) -> None:
    path = tiny.unary(tmp_path / "model.tflite", "RELU", (1, 8), (1, 8), out=(scale, zero_point))
    with ir.Context(), pytest.raises(Unsupported, match=rf"tensor 'y' \(int8\[1x8\]\) has the {why}"):
        load(path)


def test_every_operator_of_the_table_is_one_of_the_schema() -> None:
    assert set(SUPPORT) <= set(schema.OPERATORS)
    assert not set(_INSTEAD) & set(SUPPORT)


def test_command_reports_faults_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(faulty(tmp_path / "model.tflite"))]) == 1
    first, *faults = capsys.readouterr().err.splitlines()
    assert first.endswith("model.tflite: 5 faults")
    assert [each[:2] for each in faults] == ["  "] * 5


def test_bench_prints_the_good_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = faulty(tmp_path / "bad.tflite"), tiny.fully_connected(tmp_path / "good.tflite")
    assert main(["bench", str(bad), str(good), "--json"]) == 1
    said = capsys.readouterr()
    assert [each["model"] for each in json.loads(said.out)] == ["good"]
    assert "bad.tflite: 5 faults" in said.err


def test_ops_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"operator", "kernel", "form", "exact"} == set(listed[0])
    assert [each["operator"] for each in listed] == sorted(SUPPORT)
    assert main(["ops"]) == 0
    assert "FULLY_CONNECTED" in capsys.readouterr().out


def test_interrupt_is_quiet(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a compilation: one line, and neither a traceback nor a signal of C++."""
    code = (
        "import os, signal, sys\n"
        "from vmcu.cli import main\n"
        "from vmcu.frontends import tflite\n"
        "def stop(*given): os.kill(os.getpid(), signal.SIGINT); [None for _ in range(10000)]\n"
        "tflite.correct = stop\n"
        "sys.exit(main(['compile', sys.argv[1]]))"
    )
    path = tiny.conv(tmp_path / "model.tflite")
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (130, "vmcu: interrupted\n", "")
