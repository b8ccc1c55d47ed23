"""The fast forms of requantisation equal the definition of `tosa.apply_scale`, in numbers and on the emulated core.

Accumulators are drawn near exact ties: there, and nowhere else, do ways of rounding differ.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlir import ir
from mlir.dialects import llvm

from thumb import M4, machine_from_ir
from vmcu.cores import CORES, Target
from vmcu.ir import bridge
from vmcu.operators.scale import ScaleForm, choose_form
from vmcu.passes.pipelines import fill_options

INT32 = (-(2**31), 2**31 - 1)
EDGES = (*INT32, INT32[0] + 1, -1, 0, 1)
roundings = st.sampled_from(["single", "double"])


def apply_scale(value: int, multiplier: int, shift: int, rounding: str) -> int:
    """The definition: TOSA 1.0, `apply_scale_32`, without its requirement that the result fits 32 bits."""
    round_ = 1 << (shift - 1)
    if rounding == "double" and shift > 31:
        round_ += 1 << 30 if value >= 0 else -(1 << 30)
    return wrap((value * multiplier + round_) >> shift)


def wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def evaluate_by_shift(form: ScaleForm, value: int, zero_point: int) -> int:
    """What the instructions of cores without DSP compute, channel 0."""
    product = value * int(form.multiplier[0])
    scaled = product >> 32
    if form.kind == "double":
        scaled = wrap(wrap((product + 2**31) >> 32) + value)
        scaled = wrap(scaled + (scaled >> 31))
    return wrap(((scaled >> int(form.shift[0])) + 1 >> 1) + zero_point)


def evaluate(form: ScaleForm, value: int, zero_point: int) -> int:
    """What the instructions compute, channel 0; every 32-bit register wraps."""
    factor = int(form.factor[0]) if form.factor is not None else None
    multiplier = int(form.multiplier[0])
    if form.kind == "shift":
        return wrap((value << multiplier) + zero_point)
    if form.kind == "double":
        scaled = wrap(((value << 32) + value * multiplier + 2**31) >> 32)  # SMMLAR
        scaled = wrap(scaled + (scaled >> 31))
    else:
        scaled = (value * multiplier) >> 32  # SMMUL
    return wrap(((zero_point << 32) - scaled * factor + 2**31) >> 32)  # SMMLSR


@st.composite
def multipliers(draw: st.DrawFn) -> int:
    """Quantised scales, which are at least 2^30; powers of two and their neighbours; anything."""
    power = 1 << draw(st.integers(0, 30))
    return draw(st.one_of(
        st.integers(2**30, INT32[1]), st.integers(2**30, 2**30 + 4), st.integers(INT32[1] - 4, INT32[1]),
        st.just(power), st.integers(max(1, power - 2), min(power + 2, INT32[1])), st.integers(1, INT32[1]),
    ))  # fmt: skip


@st.composite
def ties(draw: st.DrawFn, multiplier: int, shift: int) -> int:
    """An accumulator whose scaled value lies near a tie of the last rounding or of the one at bit 31."""
    bit = draw(st.sampled_from([shift, 31, 32]))
    # value * multiplier = (n + 1/2) * 2^bit
    n = draw(st.integers(-(2**31) * multiplier >> bit, 2**31 * multiplier >> bit))
    value = round(Fraction((2 * n + 1) << bit, 2 * multiplier)) + draw(st.integers(-2, 2))
    return min(max(value, INT32[0]), INT32[1])


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, int]:
    multiplier, shift = draw(multipliers()), draw(st.integers(2, 62))
    value = draw(st.one_of(ties(multiplier, shift), st.sampled_from(EDGES), st.integers(*INT32)))
    return value, multiplier, shift


@settings(max_examples=1500, deadline=None)
@given(cases(), roundings, st.integers(-128, 127))
@example((INT32[0], INT32[1], 32), "double", 0)  # the smallest t: stepping away from zero must not leave 32 bits
@example((-1, 2**30, 32), "double", 0)  # t = 0 of a negative value
@example((1, 2**30, 31), "double", 0)
def test_fast_form_equals_definition(case: tuple[int, int, int], rounding: str, zero_point: int) -> None:
    value, multiplier, shift = case
    form = choose_form(np.array([multiplier]), np.array([shift]), rounding)
    exact = wrap(apply_scale(value, multiplier, shift, rounding) + zero_point)
    if form.kind != "wide":
        assert evaluate(form, value, zero_point) == exact
    if form.kind == rounding:
        assert evaluate_by_shift(form, value, zero_point) == exact


@pytest.mark.parametrize("shift", range(2, 63))
@pytest.mark.parametrize("rounding", ["single", "double"])
def test_fast_form_equals_definition_at_every_shift(shift: int, rounding: str) -> None:
    for multiplier in (1, 2**29, 2**30 - 1, 2**30, 2**30 + 1, 3 * 2**29, INT32[1]):
        form = choose_form(np.array([multiplier]), np.array([shift]), rounding)
        if form.kind == "wide":
            continue
        half = Fraction(1 << shift, 2 * multiplier)
        near = {round(half * odd) + off for odd in (-5, -3, -1, 1, 3, 5) for off in (-1, 0, 1)} | set(EDGES)
        near |= {round(Fraction(2**30, multiplier)) * sign + off for sign in (-1, 1) for off in (-1, 0, 1)}
        for value in near:
            if INT32[0] <= value <= INT32[1]:
                assert evaluate(form, value, 7) == wrap(apply_scale(value, multiplier, shift, rounding) + 7)


@pytest.mark.parametrize(
    ("multiplier", "shift", "rounding", "kind"),
    [
        ([2**30], [32], "double", "double"),
        ([2**30 - 1], [40], "double", "wide"),
        ([2**30, 2**31 - 1], [62, 32], "double", "double"),
        ([2**30, 2**30], [31, 32], "double", "wide"),
        ([3], [33], "single", "single"),
        ([3], [32], "single", "wide"),
        ([2**30], [30], "single", "shift"),
        ([2**30], [11], "double", "shift"),
        ([4], [3], "single", "wide"),
        ([2**30, 2**30], [30, 30], "single", "wide"),
        ([2**30], [11, 12], "single", "wide"),
        ([2**30], [33, 34], "double", "double"),
    ],
)
def test_form_is_the_fastest_that_is_exact_for_all_channels(
    multiplier: list[int], shift: list[int], rounding: str, kind: str
) -> None:
    assert choose_form(np.array(multiplier), np.array(shift), rounding).kind == kind


@given(
    st.lists(st.tuples(st.integers(2**30, INT32[1]), st.integers(33, 62)), min_size=2, max_size=4),
    roundings,
    st.integers(*INT32),
)
def test_table_of_channels_equals_channels_one_by_one(table: list[tuple[int, int]], rounding: str, value: int) -> None:
    form = choose_form(*map(np.array, zip(*table)), rounding)
    assert form.kind == rounding
    for channel, (multiplier, shift) in enumerate(table):
        alone = ScaleForm(form.kind, form.multiplier[channel:], form.factor[channel:])
        assert evaluate(alone, value, -5) == wrap(apply_scale(value, multiplier, shift, rounding) - 5)


REQUANTIZE = """
func.func @main() attributes {{vmcu.inputs = [], vmcu.outputs = []}} {{
  %pool = vmcu.pool : !vmcu.pool<{bytes}>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<{bytes}> -> !vmcu.sequence<{half}x1xi8>
  %y = vmcu.place %pool[{half}] as output 0 : !vmcu.pool<{bytes}> -> !vmcu.sequence<{half}x1xi8>
  vmcu.tiled_kernel @k buffer ins(%x : !vmcu.sequence<{half}x1xi8>) outs(%y : !vmcu.sequence<{half}x1xi8>) {{
  ^bb0(%in: !vmcu.sequence<{half}x1xi8>, %out: !vmcu.sequence<{half}x1xi8>):
    %from = vmcu.buffer %in[0] : !vmcu.sequence<{half}x1xi8> -> memref<{count}xi32>
    %to = vmcu.buffer %out[0] : !vmcu.sequence<{half}x1xi8> -> memref<{count}xi32>
    {tables}
    %zero = arith.constant 0 : index
    %step = arith.constant {channels} : index
    %end = arith.constant {count} : index
    scf.for %i = %zero to %end step %step {{
      {reads}
      {loads}
      %r = vmcu.requantize %v by %m, %s round {rounding} zero_point {zero_point} clamp -2147483648 to 2147483647
        : vector<{channels}xi32>, {types} -> vector<{channels}xi32>
      {writes}
    }}
  }}
  return
}}
"""


def run_on_core(
    values: np.ndarray,
    table: tuple[str, str, str],
    rounding: str,
    folder: Path,
    target: Target,
    *,
    zero_point: int = -7,
) -> np.ndarray:
    """Requantise `[n, channels]` int32 on the emulated core; `table` is the IR that makes and loads %m and %s."""
    tables, loads, types = table
    lanes = range(channels := values.shape[1])
    places = [f"%i{lane} = affine.apply affine_map<(d0) -> (d0 + {lane})>(%i)" for lane in lanes]
    reads = [f"%v{lane} = memref.load %from[%i{lane}] : memref<{values.size}xi32>" for lane in lanes]
    collect = f"%v = vector.from_elements {', '.join(f'%v{lane}' for lane in lanes)} : vector<{channels}xi32>"
    writes = [
        f"%r{lane} = vector.extract %r[{lane}] : i32 from vector<{channels}xi32>\n"
        f"memref.store %r{lane}, %to[%i{lane}] : memref<{values.size}xi32>"
        for lane in lanes
    ]
    count = values.size
    text = REQUANTIZE.format(
        bytes=8 * count,
        half=4 * count,
        count=count,
        channels=channels,
        rounding=rounding,
        tables=tables,
        loads=loads,
        types=types,
        writes="\n".join(writes),
        reads="\n".join([*places, *reads, collect]),
        zero_point=zero_point,
    )
    with bridge.context():
        module = ir.Module.parse(text)
        bridge.run(module, fill_options("llvm", {"name": "t"}, target))
        code = llvm.translate_module_to_llvmir(module.operation)
    machine = machine_from_ir(code, folder, ["t_run", "t_pool"], target)
    pool = machine.address("t_pool")
    machine.write(pool, values.astype(np.int32).tobytes())
    machine.call("t_run", count=False)
    return np.frombuffer(machine.read(pool + 4 * count, 4 * count), np.int32).reshape(values.shape)


CHANNELS = 4
# What multipliers and shifts are: one constant for all, a constant of the tile, or loaded from tables of 8 channels.
SPLAT = """%m = arith.constant dense<{m}> : vector<1xi32>
    %s = arith.constant dense<{s}> : vector<1xi8>"""
TABLES = """%ms = arith.constant dense<{m}> : tensor<8xi32>
    %ss = arith.constant dense<{s}> : tensor<8xi8>
    %four = arith.constant 4 : index
    %two = arith.constant 2 : index"""
LOADS = """%m = vmcu.flash_load %ms[%{at_m}] : tensor<8xi32> -> vector<4xi32>
      %s = vmcu.flash_load %ss[%{at_s}] : tensor<8xi8> -> vector<4xi8>"""
SHIFT_LOAD = "%s = vmcu.flash_load %ss[%four] : tensor<8xi8> -> vector<4xi8>"


def tie_heavy(multiplier: int, shift: int) -> np.ndarray:
    """Accumulators at and beside ties, edges, and random ones, `[n, CHANNELS]`."""
    half = Fraction(1 << shift, 2 * multiplier)
    odd = range(-41, 43, 2)
    near = [round(half * each) + off for each in odd for off in (-1, 0, 1)] + list(EDGES)
    near += [round(Fraction(1 << 31, 2 * multiplier) * each) for each in odd]
    values = np.array([each for each in near if INT32[0] <= each <= INT32[1]], np.int64)
    draws = np.random.default_rng(shift).integers(*INT32, 40)
    return np.resize(np.concatenate([values, draws]), (-(-(len(values) + 40) // CHANNELS), CHANNELS)).astype(np.int32)


def expected(
    values: np.ndarray, multipliers_: list[int], shifts: list[int], rounding: str, zero_point: int
) -> np.ndarray:
    lanes = [
        [wrap(apply_scale(int(v), m, s, rounding) + zero_point) for v, m, s in zip(row, multipliers_, shifts)]
        for row in values
    ]
    return np.array(lanes, np.int32)


@pytest.mark.parametrize("target", CORES.values(), ids=CORES)
@pytest.mark.parametrize(
    ("multiplier", "shift", "rounding"),
    [
        (2**30, 32, "double"),
        (2**30, 40, "double"),
        (1355802031, 40, "double"),
        (INT32[1], 32, "double"),
        (2**30, 62, "double"),
        (1355802031, 39, "single"),
        (2**30, 33, "single"),
        (5, 62, "single"),
        (INT32[1], 33, "single"),
        (2**30, 30, "single"),
        (2**30, 11, "double"),
        (1 << 20, 20, "single"),
        (2**30, 31, "double"),
        (2**30 - 1, 45, "double"),
        (1355802031, 32, "single"),
        (1355802031, 31, "double"),
        (77, 2, "single"),
    ],
)
def test_instructions_equal_definition(
    multiplier: int, shift: int, rounding: str, target: Target, tmp_path: Path
) -> None:
    values = tie_heavy(multiplier, shift)
    table = (SPLAT.format(m=multiplier, s=shift), "", "vector<1xi32>, vector<1xi8>")
    found = run_on_core(values, table, rounding, tmp_path, target)
    np.testing.assert_array_equal(found, expected(values, [multiplier] * 4, [shift] * 4, rounding, -7))


@pytest.mark.parametrize("rounding", ["single", "double"])
@pytest.mark.parametrize(("at_m", "at_s"), [("four", "four"), ("four", "two")])
@pytest.mark.parametrize("target", CORES.values(), ids=CORES)
def test_instructions_take_each_channel_from_its_table(
    target: Target, rounding: str, at_m: str, at_s: str, tmp_path: Path
) -> None:
    draw = np.random.default_rng(0)
    m, s = draw.integers(2**30, INT32[1], 8).tolist(), draw.integers(33, 45, 8).tolist()
    table = (TABLES.format(m=m, s=s), LOADS.format(at_m=at_m, at_s=at_s), "vector<4xi32>, vector<4xi8>")
    starts = [dict(four=4, two=2)[each] for each in (at_m, at_s)]
    ms, ss = m[starts[0] : starts[0] + 4], s[starts[1] : starts[1] + 4]
    values = tie_heavy(ms[0], ss[0])
    np.testing.assert_array_equal(
        run_on_core(values, table, rounding, tmp_path, target), expected(values, ms, ss, rounding, -7)
    )


@pytest.mark.parametrize("m", [[2**30], [2**30, 5, 6, 2**30]], ids=["one for all", "of the tile"])
def test_instructions_take_shifts_from_a_table_and_multipliers_from_a_constant(m: list[int], tmp_path: Path) -> None:
    s = [2, 3, 4, 5, 11, 30, 12, 29]
    size = len(m)
    tables = f"{TABLES.format(m=[1] * 8, s=s)}\n    %m = arith.constant dense<{m}> : vector<{size}xi32>"
    table = (tables, SHIFT_LOAD, f"vector<{size}xi32>, vector<4xi8>")
    values = tie_heavy(2**30, 30)
    found = run_on_core(values, table, "single", tmp_path, M4)
    np.testing.assert_array_equal(found, expected(values, np.resize(m, 4).tolist(), s[4:], "single", -7))
