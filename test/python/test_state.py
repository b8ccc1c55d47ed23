"""Networks that keep something from run to run: LiteRT, call after call, says what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from test_api import ZOO, compile_c
from vmcu import planner
from vmcu.errors import Internal, Unsupported, VmcuError
from vmcu.planner import Access, InvalidNetwork, Kernel, Network, State, Tensor, check, plan
from vmcu.run.sanitizer import PoolFault

Q = {"scale": 0.05, "zero_point": 3}
CALLS = 12
Writer = Callable[[Path], Path]


def _add(graph: tiny.Graph, a: int, b: int, name: str, shape: tuple[int, ...], code: str = "ADD") -> int:
    made = graph.tensor(name, shape, scale=0.07, zero_point=-5)
    graph.op(code, [a, b], [made], f"{code.capitalize()}Options")
    return made


def _as_state(graph: tiny.Graph, value: int, name: str, shape: tuple[int, ...]) -> int:
    """A tensor with the quantisation of the states."""
    made = graph.tensor(name, shape, **Q)
    graph.op("QUANTIZE", [value], [made], "QuantizeOptions")
    return made


def accumulate(path: Path) -> Path:
    """`s = s + x` on an odd number of bytes, whose initial value is neither zero nor the zero point."""
    graph, shape = tiny.Graph(), (1, 13)
    x, s = graph.tensor("x", shape, scale=0.01), graph.variable("s")
    old = graph.read(s, "old", shape, **Q)
    y = _add(graph, old, x, "sum", shape)
    graph.assign(s, _as_state(graph, y, "new", shape))
    graph.initialise({"s": np.arange(13, dtype=np.int8).reshape(shape)}, **Q)
    return graph.write(path, [x], [y])


def in_place(path: Path) -> Path:
    """One elementwise kernel makes the new value of the old one."""
    graph, shape = tiny.Graph(), (1, 4, 4, 4)
    x, s = graph.tensor("x", shape, scale=0.01), graph.variable("s")
    old = graph.read(s, "old", shape, **Q)
    new = graph.tensor("new", shape, **Q)
    graph.op("ADD", [old, x], [new], "AddOptions")
    graph.assign(s, new)
    graph.initialise({"s": np.full(shape, 3, np.int8)}, **Q)
    y = graph.tensor("y", shape, scale=0.03, zero_point=-9)
    graph.op("QUANTIZE", [new], [y], "QuantizeOptions")
    return graph.write(path, [x], [y])


def late_reader(path: Path) -> Path:
    """The old value is read after the new one is made, and assigned before that: the new value is copied."""
    graph, shape = tiny.Graph(), (1, 9)
    x, s = graph.tensor("x", shape), graph.variable("s")
    old = graph.read(s, "old", shape, **Q)
    new = _as_state(graph, _add(graph, old, x, "sum", shape), "new", shape)
    graph.assign(s, new)
    y = _add(graph, new, old, "product", shape, "MUL")
    graph.initialise({"s": np.full(shape, 40, np.int8)}, **Q)
    return graph.write(path, [x], [y])


def swap(path: Path) -> Path:
    """Two states of which each becomes the other one."""
    graph, shape = tiny.Graph(), (1, 5)
    x, s, t = graph.tensor("x", shape), graph.variable("s"), graph.variable("t")
    a, b = graph.read(s, "a", shape, **Q), graph.read(t, "b", shape, **Q)
    y = _add(graph, a, x, "sum", shape)
    graph.assign(s, b)
    graph.assign(t, a)
    graph.initialise({"s": np.full(shape, -7, np.int8), "t": np.full(shape, 90, np.int8)}, **Q)
    return graph.write(path, [x], [y])


def delay(path: Path) -> Path:
    """The input is kept as it is, twice; the output is what came before, and the sum of both."""
    graph, shape = tiny.Graph(), (1, 6)
    x, s, t = graph.tensor("x", shape, **Q), graph.variable("s"), graph.variable("t")
    old, older = graph.read(s, "old", shape, **Q), graph.read(t, "older", shape, **Q)
    y = _add(graph, old, older, "sum", shape)
    graph.assign(s, x)
    graph.assign(t, x)
    graph.initialise({"s": np.zeros(shape, np.int8), "t": np.ones(shape, np.int8)}, **Q)
    return graph.write(path, [x], [old, y])


def one_new_value(path: Path) -> Path:
    """Two states get one tensor, which is returned, too; both are read twice, one of them after it was assigned."""
    graph, shape = tiny.Graph(), (1, 7)
    x, s, t = graph.tensor("x", shape), graph.variable("s"), graph.variable("t")
    a, b = graph.read(s, "a", shape, **Q), graph.read(t, "b", shape, **Q)
    again = graph.read(t, "again", shape, **Q)
    new = _as_state(graph, _add(graph, _add(graph, a, b, "ab", shape), x, "abx", shape), "new", shape)
    graph.assign(s, new)
    graph.assign(t, new)
    late = graph.read(s, "late", shape, **Q)
    y = _add(graph, late, again, "y", shape)
    graph.initialise({"s": np.full(shape, 11, np.int8), "t": np.full(shape, -11, np.int8)}, **Q)
    return graph.write(path, [x], [new, y])


def never_assigned(path: Path) -> Path:
    """A variable that is a constant, one that is only written, and one that is written before it is read."""
    graph, shape = tiny.Graph(), (1, 8)
    x, s, t, u = graph.tensor("x", shape), *map(graph.variable, "stu")
    constant = graph.read(s, "constant", shape, **Q)
    made = _as_state(graph, _add(graph, constant, x, "sum", shape), "made", shape)
    graph.assign(t, made)
    graph.assign(u, made)
    y = _add(graph, graph.read(u, "back", shape, **Q), constant, "y", shape)
    values = {name: np.arange(8, dtype=np.int8).reshape(shape) for name in "stu"}
    graph.initialise(values, **Q)
    return graph.write(path, [x], [y])


def window(path: Path) -> Path:
    """A ring as streaming converters write it, `new = concat(old, x)[1:]`, before a convolution over all its rows."""
    draw, graph = np.random.default_rng(3), tiny.Graph()
    x, s = graph.tensor("x", (1, 1, 1, 5), **Q), graph.variable("s")
    old = graph.read(s, "old", (1, 3, 1, 5), **Q)
    whole = graph.tensor("whole", (1, 4, 1, 5), **Q)
    graph.op("CONCATENATION", [old, x], [whole], "ConcatenationOptions", axis=1)
    new = graph.tensor("new", (1, 3, 1, 5), **Q)
    ends = [graph.const(f"c{i}", np.array(each, np.int32)) for i, each in enumerate(([0, 1, 0, 0], [0] * 4, [1] * 4))]
    graph.op("STRIDED_SLICE", [whole, *ends], [new], "StridedSliceOptions", beginMask=13, endMask=15)
    graph.assign(s, new)
    w = graph.const("w", draw.integers(-127, 128, (6, 4, 1, 5)).astype(np.int8), scale=0.01)
    b = graph.const("b", draw.integers(-500, 500, 6).astype(np.int32), scale=0.0005)
    y = graph.tensor("y", (1, 1, 1, 6), scale=0.1, zero_point=5)
    graph.op("CONV_2D", [whole, w, b], [y], "Conv2DOptions", padding=1, strideW=1, strideH=1)
    graph.initialise({"s": np.full((1, 3, 1, 5), 3, np.int8)}, **Q)
    return graph.write(path, [x], [y])


def image(path: Path) -> Path:
    """Convolutions that run row by row; what the last image gave is added to what this one gives."""
    draw, graph = np.random.default_rng(4), tiny.Graph()
    s = graph.variable("s")
    x = graph.tensor("x", (1, 12, 12, 4), **Q)
    value = x
    for number, filters in enumerate((12, 4)):
        channels = graph.tensors[value].shape[3]
        w = graph.const(f"w{number}", draw.integers(-127, 128, (filters, 3, 3, channels)).astype(np.int8), scale=0.004)
        b = graph.const(f"b{number}", draw.integers(-500, 500, filters).astype(np.int32), scale=0.0002)
        made = graph.tensor(f"y{number}", (1, 12, 12, filters), scale=0.06, zero_point=-2)
        graph.op("CONV_2D", [value, w, b], [made], "Conv2DOptions", padding=0, strideW=1, strideH=1)
        value = made
    old = graph.read(s, "old", (1, 12, 12, 4), **Q)
    new = _as_state(graph, _add(graph, value, old, "sum", (1, 12, 12, 4)), "new", (1, 12, 12, 4))
    graph.assign(s, new)
    y = graph.tensor("y", (1, 6, 6, 4), **Q)
    graph.op("MAX_POOL_2D", [new], [y], "Pool2DOptions", padding=1, strideW=2, strideH=2, filterWidth=2, filterHeight=2)
    graph.initialise({"s": np.full((1, 12, 12, 4), 3, np.int8)}, **Q)
    return graph.write(path, [x], [y])


def words(path: Path) -> Path:
    """`s = s + x` in int16."""
    graph, shape = tiny.Graph(), (1, 11)
    x, s = graph.tensor("x", shape, scale=1e-5, dtype=np.int16), graph.variable("s")
    old = graph.read(s, "old", shape, scale=1e-4, dtype=np.int16)
    new = graph.tensor("new", shape, scale=1e-4, dtype=np.int16)
    graph.op("ADD", [old, x], [new], "AddOptions")
    graph.assign(s, new)
    graph.initialise({"s": np.arange(-3000, 3600, 600, dtype=np.int16).reshape(shape)}, scale=1e-4)
    return graph.write(path, [x], [new])


NETWORKS: list[Writer] = [
    accumulate, in_place, late_reader, swap, delay, one_new_value, never_assigned, window, image, words,
]  # fmt: skip


def _calls(compiled: vmcu.Compiled, count: int = CALLS) -> list[list[np.ndarray]]:
    draw = np.random.default_rng(7)
    return [[each.random(draw) for each in compiled.inputs] for _ in range(count)]


def _assert_exact(compiled: vmcu.Compiled, count: int = CALLS, oracle: str = "litert") -> None:
    """Equal to an oracle in all calls, and again after a reset."""
    panel = compiled.oracle(oracle)
    with compiled.firmware() as firmware:
        for begin in range(2):
            for number, arrays in enumerate(_calls(compiled, count)):
                found, answer = firmware.run(*arrays, count=False).outputs, panel.ask(*arrays)
                for ours, theirs in zip(found, answer.outputs, strict=True):
                    np.testing.assert_array_equal(ours, theirs, f"call {number} after reset {begin}")
            firmware.reset()
            panel.reset()


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize("write", NETWORKS)
def test_equals_litert_call_after_call(write: Writer, core: str, tmp_path: Path) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite"), core)
    assert bool(compiled.states) == (write is not never_assigned)
    _assert_exact(compiled)


@pytest.mark.parametrize("write", NETWORKS)
def test_sanitizer_follows_states_from_run_to_run(write: Writer, tmp_path: Path) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite"), sanitize=True)
    _assert_exact(compiled, 3)


@pytest.mark.parametrize("oracle", ["mlir", "tosa"])
@pytest.mark.parametrize("write", [late_reader, one_new_value])
def test_all_oracles_keep_states(write: Writer, oracle: str, tmp_path: Path) -> None:
    _assert_exact(vmcu.compile_model(write(tmp_path / "net.tflite")), 4, oracle)


@pytest.mark.parametrize("io", ["uint8", "float"])
def test_states_stay_int8_whatever_the_boundary_is(io: str, tmp_path: Path) -> None:
    compiled = vmcu.compile_model(in_place(tmp_path / "net.tflite"), io=io)
    assert [each.dtype for each in compiled.states] == [np.int8]
    _assert_exact(compiled, 5)


def test_rows_are_fed_beside_a_state(tmp_path: Path) -> None:
    path = image(tmp_path / "net.tflite")
    whole, fed = vmcu.compile_model(path), vmcu.compile_model(path, input="fed")
    assert whole.streams and fed.pool_bytes < whole.pool_bytes
    assert whole.state_bytes == fed.state_bytes == 576 < fed.pool_bytes
    _assert_exact(fed, 3)


# The planner, its judge and the sanitizer


def _window(order: list[int]) -> Network:
    """Kernels on a state of 8 bytes: each reads tensor `order[i]` and makes the next one, the last one the new value."""
    names = [f"t{number}" for number in range(len(order) + 1)]
    kernels = [
        Kernel(f"k{number}", (Access(names[source]),), (Access(names[number + 1]),), reversible=False, overlap=False)
        for number, source in enumerate(order)
    ]
    tensors = tuple(Tensor(name, 8) for name in ("x", *names))
    return Network(tensors, tuple(kernels), ("x",), (names[1],), states=(State("t0", names[-1]),))


def test_state_has_one_place_that_nobody_else_has_between_runs() -> None:
    network = _window([0, 1])
    found = plan(network, align=1)
    assert found.offsets["t0"] == found.offsets["t2"] and found.pool_bytes == 16
    for name in ("x", "t1"):
        with pytest.raises(Internal, match=f"kernel k0 reads t0 .* overwritten by {name}"):
            check(network, replace(found, offsets={**found.offsets, name: found.offsets["t0"] + 1}, pool_bytes=32))


def test_place_of_a_state_is_free_between_its_last_read_and_its_first_write() -> None:
    network = _window([0, 1, 2, 3])
    found = plan(network, align=1)
    # t1 is an output and x is filled by the caller, so a third place would be needed for t2 and t3 but for the state's own.
    assert found.pool_bytes == 24
    assert found.offsets["t0"] == found.offsets["t4"]


def test_second_run_finds_what_the_first_one_loses_invalid() -> None:
    # The input is read by nobody: within a run it may lie over the new value, which is made later.
    network = _window([0, 1])
    found = plan(network, align=1)
    over = replace(found, offsets={**found.offsets, "x": found.offsets["t2"]})
    with pytest.raises(Internal, match="kernel k0 reads t0 .* were overwritten by x"):
        check(network, over)


def test_new_value_elsewhere_invalid() -> None:
    network = _window([0, 1])
    found = plan(network, align=1)
    moved = replace(found, offsets={**found.offsets, "t2": 24}, pool_bytes=32)
    with pytest.raises(Internal, match="t2 is made at byte 24, and the next run looks for it at byte .*, as t0"):
        check(network, moved)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ((State("t0", "x"),), "the new value x of state t0 is there before any kernel runs"),
        ((State("t0", "t9"),), "state t9 is not a tensor"),
        ((State("t0", "t1"), State("t0", "t2")), "input or state t0 appears 2 times"),
        ((State("t0", "t2"), State("x", "t2")), "new value of a state t2 appears 2 times"),
    ],
)
def test_states_that_contradict_the_network_invalid(states: tuple[State, ...], message: str) -> None:
    with pytest.raises(InvalidNetwork, match=message):
        replace(_window([0, 1]), states=states).validate()


def test_network_with_states_survives_json() -> None:
    assert Network.from_json(_window([0, 1]).to_json()) == _window([0, 1])


def test_sanitizer_stops_at_a_lost_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan in which a tensor lies over a state, which no judge has seen."""
    make = planner.plan

    def spoil(network: Network, **options: object) -> planner.Plan:
        found = make(network, **options)
        (made,) = (kernel.writes[0].tensor for kernel in network.kernels[-1:])
        return replace(found, offsets={**found.offsets, made: found.offsets[network.states[0].old]})

    compilation = vmcu.Compilation(window(tmp_path / "net.tflite"), sanitize=True)
    monkeypatch.setattr(planner, "plan", spoil)
    compiled = compilation.finish()
    with compiled.firmware() as firmware, pytest.raises(PoolFault, match=r"holds byte \d+ of .*, which is live"):
        for arrays in _calls(compiled, 3):
            firmware.run(*arrays, count=False)


# What the firmware sees


def test_header_tells_the_state(tmp_path: Path) -> None:
    compiled = vmcu.compile_model(accumulate(tmp_path / "net.tflite"), name="net")
    assert compiled.state_bytes == 13
    for text in (
        "#define NET_STATE_BYTES 13\n",
        "void net_reset(void);",
        f"s, int8[1x13], at byte {compiled.states[0].offset}",
    ):
        assert text in compiled.header
    assert "net_reset" not in vmcu.compile_model(never_assigned(tmp_path / "other.tflite"), name="net").header


@pytest.mark.parametrize(("suffix", "compiler"), [("c", "cc"), ("cpp", "c++")])
def test_header_with_state_compiles(suffix: str, compiler: str, tmp_path: Path) -> None:
    vmcu.compile_model(delay(tmp_path / "delay.tflite"), name="net").save(tmp_path)
    source = tmp_path / f"main.{suffix}"
    source.write_text(
        '#include "net.h"\n'
        "int main(void) { net_reset(); net_input()[0] = NET_STATE_BYTES; net_run(); return net_output1()[0]; }\n"
    )
    assert b"net_reset" in compile_c(source, tmp_path / "main.o", compiler).read_bytes()


def test_reset_needs_no_library(tmp_path: Path) -> None:
    assert vmcu.compile_model(accumulate(tmp_path / "net.tflite"), "cortex-m0plus").needs == ()


def test_levels_below_know_the_state(tmp_path: Path) -> None:
    compilation = vmcu.Compilation(window(tmp_path / "net.tflite"))
    for level in ("tosa", "kernels", "plan", "segments"):
        file = tmp_path / f"net.{level}.mlir"
        file.write_text(compilation.emit(level))
        again = vmcu.compile_model(file, name=compilation.name)
        assert again.code == compilation.finish().code
        assert again.states == compilation.finish().states
    _assert_exact(vmcu.compile_model(tmp_path / "net.plan.mlir"), 3, "mlir")


# Refusals


def _refuse(path: Path, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        vmcu.compile_model(path)


def test_variable_of_another_type_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, s = graph.tensor("x", (1, 4)), graph.variable("s")
    old = graph.read(s, "old", (1, 4), scale=None, dtype=np.float32)
    y = graph.tensor("y", (1, 4))
    graph.op("QUANTIZE", [old], [y], "QuantizeOptions")
    graph.assign(s, old)
    path = graph.write(tmp_path / "net.tflite", [x], [y])
    _refuse(
        path,
        r"operator READ_VARIABLE at layer 'old' \(number 1\): its value 'old' .* is float32; .* variables of int8",
    )


def test_subgraph_that_computes_invalid(tmp_path: Path) -> None:
    graph, shape = tiny.Graph(), (1, 4)
    x, s = graph.tensor("x", shape), graph.variable("s")
    y = _add(graph, graph.read(s, "old", shape, **Q), x, "y", shape)
    graph.assign(s, x)
    once = graph.initialise({})
    made = _add(
        once, once.const("a", np.zeros(shape, np.int8), **Q), once.const("b", np.zeros(shape, np.int8), **Q), "c", shape
    )
    once.assign(once.variable("s"), made)
    path = graph.write(tmp_path / "net.tflite", [x], [y])
    _refuse(
        path, r"operator CALL_ONCE .*: its subgraph has operator ADD \(number 0\); supported are VAR_HANDLE and ASSIGN"
    )


def test_assigned_constant_invalid(tmp_path: Path) -> None:
    graph, shape = tiny.Graph(), (1, 4)
    x, s = graph.tensor("x", shape), graph.variable("s")
    y = _add(graph, graph.read(s, "old", shape, **Q), x, "y", shape)
    graph.assign(s, graph.const("zero", np.zeros(shape, np.int8), **Q))
    _refuse(graph.write(tmp_path / "net.tflite", [x], [y]), "operator ASSIGN_VARIABLE .* assigns the constant 'zero'")


def test_shape_that_changes_invalid(tmp_path: Path) -> None:
    graph = tiny.Graph()
    x, s = graph.tensor("x", (1, 4)), graph.variable("s")
    y = _add(graph, graph.read(s, "old", (1, 4), **Q), x, "y", (1, 4))
    graph.assign(s, graph.tensor("new", (1, 5), **Q))
    _refuse(
        graph.write(tmp_path / "net.tflite", [x], [y]),
        r"the variable is 'old' .*1x4.* elsewhere, and 'new' .*1x5.* here",
    )


# Networks that people deploy


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO does not name a folder of models")
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize("name", ["wake_vad_v2", "wake_okay_nabu_v2"])
def test_wake_words_equal_litert_over_fifty_calls(name: str, core: str) -> None:
    path = Path(ZOO) / "public" / f"{name}.tflite"
    compiled = vmcu.compile_model(path, core)
    draw, panel, scores = np.random.default_rng(5), compiled.oracle("litert"), set()
    with compiled.firmware() as firmware:
        for number in range(50):
            # Loud and quiet passages: scores that stay at zero would hide a difference.
            level = -110 + 30 * np.sin(number / 4)
            frames = np.clip(draw.normal(level, 15, compiled.inputs[0].shape), -128, 127).astype(np.int8)
            (found,), (expected,) = firmware.run(frames, count=False).outputs, panel.ask(frames).outputs
            np.testing.assert_array_equal(found, expected, f"call {number}")
            scores.add(int(found.item()))
    assert len(scores) > 3


# State that the file does not tell


def _tied(path: Path) -> Path:
    """A network with the state among its inputs and outputs: `new = old + x`."""
    graph, shape = tiny.Graph(), (1, 9)
    x, old, new = (
        graph.tensor("x", shape, scale=0.01),
        graph.tensor("old", shape, **Q),
        graph.tensor("new", (1, 1, 9), **Q),
    )
    made = _as_state(graph, _add(graph, old, x, "sum", shape), "made", shape)
    graph.op("RESHAPE", [made, graph.const("sizes", np.array([1, 1, 9], np.int32))], [new], "ReshapeOptions")
    y = graph.tensor("y", shape, scale=0.1, zero_point=4)
    graph.op("QUANTIZE", [made], [y], "QuantizeOptions")
    return graph.write(path, [old, x], [y, new])


def test_tied_input_and_output_are_state(tmp_path: Path) -> None:
    compiled = vmcu.compile_model(_tied(tmp_path / "net.tflite"), state=["old=new"])
    assert [each.name for each in compiled.inputs] == ["x"] and [each.name for each in compiled.outputs] == ["y"]
    assert compiled.state_bytes == 9
    _assert_exact(compiled, 5)
    _assert_exact(compiled, 5, "mlir")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("old", "a state is INPUT=OUTPUT, found 'old'"),
        ("older=new", "no input 'older' that could be state; inputs are 'old', 'x'"),
        ("old=newer", "no output 'newer' that could be state; outputs are 'y', 'new'"),
        ("old=y", "input 'old' is .*scale 0.05 and zero point 3, output 'y' .*scale 0.1 .*; supported as state are"),
    ],
)
def test_tied_state_invalid(state: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(VmcuError, match=message):
        vmcu.compile_model(_tied(tmp_path / "net.tflite"), state=[state])


VARIABLE = """
tosa.variable @s = dense<3> : tensor<1x8xi8>
func.func @main(%x: tensor<1x8xi8>) -> tensor<1x8xi8> {
  %0 = tosa.variable_read @s : tensor<1x8xi8>
  %1 = tosa.maximum %0, %x : (tensor<1x8xi8>, tensor<1x8xi8>) -> tensor<1x8xi8>
  tosa.variable_write @s, %1 : tensor<1x8xi8>
  %2 = tosa.variable_read @s : tensor<1x8xi8>
  return %2 : tensor<1x8xi8>
}
"""


def test_variables_of_tosa_are_state(tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    path.write_text(VARIABLE)
    compiled = vmcu.compile_model(path)
    largest = np.full((1, 8), 3, np.int8)
    with compiled.firmware() as firmware:
        for (x,) in _calls(compiled, 5):
            largest = np.maximum(largest, x)
            np.testing.assert_array_equal(firmware.run(x, count=False).outputs[0], largest)
    assert compiled.oracle().ask(*_calls(compiled, 1)[0]).notes == (
        "tosa: its variables do not outlive a run of the reference model",
    )
