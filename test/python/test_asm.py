"""The pieces that inner loops are written of, assembled and run on the emulated core: additions of constants, scaling."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from test_scale import apply_scale, tie_heavy
from thumb import M4, M7, assemble
from vmcu.cores import Target
from vmcu.isa.arm_dsp.asm import Asm, Scaling
from vmcu.isa.arm_dsp.asm_matmul import Matmul
from vmcu.operators.scale import choose_form

MOST = 100_000
SCALING = Scaling("single", 0, -128, 127)


def read_addition(line: str) -> int:
    """What a line adds."""
    op, operands = line.split(" ", 1)
    target, source, amount = operands.split(", ")
    assert target == source == "r7" and op in ("add", "sub") and amount.startswith("#")
    return int(amount[1:]) * (1 if op == "add" else -1)


def is_encodable(amount: int) -> bool:
    """Whether ADD takes it: twelve bits, or eight that begin with a one, anywhere (Armv7-M, "ThumbExpandImm")."""
    return amount < 4096 or amount >> max(0, amount.bit_length() - 8) << max(0, amount.bit_length() - 8) == amount


def test_sums_of_immediates_are_encodable() -> None:
    for amount in [*range(-9000, 9000), *range(-MOST, MOST, 7), 2**31 - 1, -(2**31), 0x7FFF0]:
        asm = Asm()
        asm.add("r7", amount)
        found = [read_addition(line) for line in asm.lines]
        assert sum(found) == amount and all(is_encodable(abs(each)) and each for each in found)
        assert len(found) <= 4 and (abs(amount) > 4095 or len(found) == (amount != 0))


def test_assembler_takes_the_immediates(tmp_path: Path) -> None:
    draw = random.Random(0)
    amounts = [draw.randint(-MOST, MOST) for _ in range(120)] + [draw.randint(-5000, 5000) for _ in range(60)]
    amounts += [4095, 4096, 4097, -4095, -4096, -4097, 65535, 65536, 65537, 99_999]
    asm = Asm()
    for number, amount in enumerate(amounts):
        asm.set("r2", 0)
        asm.add("r2", amount)
        asm.store("r2", "r0", 4 * number, op="str")
    machine = assemble("\n".join([*asm.lines, "bx lr"]), tmp_path, M4)
    memory = machine.reserve(4 * len(amounts))
    machine.call("f", memory, count=False)
    assert np.frombuffer(machine.read(memory, 4 * len(amounts)), np.int32).tolist() == amounts


def test_loads_and_stores_move_their_address(tmp_path: Path) -> None:
    asm = Asm()
    for each in range(3):
        asm.load("r2", "r0", 4 * (2 - each))
        asm.store("r2", "r1", op="strb", step=255)
    machine = assemble("\n".join([*asm.lines, "mov r0, r1", "bx lr"]), tmp_path, M4)
    source, target = machine.reserve(16), machine.reserve(1024)
    machine.write(source, np.array([1, -2, 3], np.int32).tobytes())
    assert machine.call("f", source, target, count=False).value % 2**32 == target + 3 * 255
    found = np.frombuffer(machine.read(target, 1024), np.int8)
    assert [found[255 * each] for each in range(3)] == [3, -2, 1]


def scale_on_core(
    values: np.ndarray, multiplier: int, factor: int, scaling: Scaling, folder: Path, target: Target
) -> list[int]:
    """int32 accumulators, scaled in a loop."""
    asm = Asm()
    asm.set("r4", scaling.zero_point)
    scaling.emit(asm, "r5", "r1", "r2", "r4")
    zero, body = asm.lines[0], asm.lines[1:]
    loop = ["1:", "ldr r5, [r0]", *body, "str r5, [r0], #4", "cmp r0, r3", "bne 1b"]
    machine = assemble("\n".join(["push {r4, r5}", zero, *loop, "pop {r4, r5}", "bx lr"]), folder, target)
    memory = machine.reserve(4 * len(values))
    machine.write(memory, values.astype(np.int32).tobytes())
    machine.call("f", memory, multiplier, factor, memory + 4 * len(values), count=False)
    return np.frombuffer(machine.read(memory, 4 * len(values)), np.int32).tolist()


CLAMPS = [
    (-3, -128, 127),
    (-128, -128, 127),  # ReLU
    (5, 5, 127),
    (0, 0, 127),
    (5, 5, 64),  # ReLU6, and ties below the zero point do not matter
    (5, 6, 20),
    (5, 4, 20),  # one below it: they do
    (3, -3, 3),
    (-100, -64, 63),  # SSAT alone
    (127, -128, 126),
    (-7, -7, -7),
]


@pytest.mark.parametrize("clamp", CLAMPS, ids=str)
@pytest.mark.parametrize(
    ("multiplier", "shift", "rounding"),
    [
        (2**30, 32, "double"),
        (2**30, 39, "double"),
        (1355802031, 40, "double"),
        (2**31 - 1, 33, "double"),
        (1073741931, 62, "double"),
        (2**30, 33, "single"),
        (1355802031, 39, "single"),
        (77, 34, "single"),
        (2**31 - 1, 62, "single"),
    ],
)
def test_scaling_equals_the_definition(
    multiplier: int, shift: int, rounding: str, clamp: tuple[int, int, int], tmp_path: Path
) -> None:
    zero_point, low, high = clamp
    form = choose_form(np.array([multiplier]), np.array([shift]), rounding)
    assert form.kind == rounding
    scaling = Scaling(form.kind, zero_point, low, high)
    assert scaling.rounds_away == (low < zero_point)
    draw = np.random.default_rng(shift)
    # Around all results that the clamp lets through, and their ties, besides the ties near zero.
    steps = np.arange(2 * (low - zero_point) - 9, 2 * (high - zero_point) + 10)
    near = np.clip(steps * 2.0**shift / (2.0 * multiplier), -(2**31) + 2, 2**31 - 3).astype(np.int64)
    values = np.concatenate([tie_heavy(multiplier, shift).ravel(), *(near + each for each in (-1, 0, 1))])
    values = draw.permutation(np.append(values, draw.integers(-(2**31), 2**31, 50)))
    target = M7 if shift % 2 else M4
    found = scale_on_core(values, int(form.multiplier[0]), int(form.factor[0]), scaling, tmp_path, target)
    exact = [apply_scale(int(each), multiplier, shift, rounding) + zero_point for each in values]
    assert found == np.clip(exact, low, high).tolist()


def test_a_block_reads_what_it_has_written() -> None:
    asm = Asm()
    asm("smlad", "r4", "r2", "r3", "r4")
    with pytest.raises(ValueError, match="instruction 0, 'smlad r4, r2, r3, r4', reads r4, which nothing has written"):
        asm.check({"r2", "r3"})
    asm.check({"r2", "r3", "r4"})


def test_a_move_under_a_condition_may_leave_its_register_as_it_is() -> None:
    asm = Asm()
    asm.replace_if("lt", "r4", -5)
    assert [each.op for each in asm.instructions] == ["cmp", "it", "movlt"]
    with pytest.raises(ValueError, match="reads r4"):
        asm.check(())


def test_addresses_out_of_reach_are_refused() -> None:
    asm = Asm()
    with pytest.raises(ValueError, match="ldr reaches 4095 bytes and moves on by 255, not 4096 and 0"):
        asm.load("r2", "r0", 4096)
    with pytest.raises(ValueError, match="not 0 and 256"):
        asm.store("r2", "r0", op="strb", step=256)


def test_an_instruction_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no instruction 'umlal' in inner loops"):
        Asm()("umlal", "r0", "r1", "r2", "r3")


def test_registers_that_instructions_change() -> None:
    asm = Asm()
    asm.load("r2", "r0", step=4)
    asm.load_multiple("r1", 0, 2)
    asm.store("r2", "r3", 8)
    changed = [(each.defs, each.uses) for each in asm.instructions]
    assert changed == [(("r2", "r0"), ("r0",)), (("r1", "s0", "s1", "s2"), ("r1",)), ((), ("r2", "r3"))]


def test_the_inner_loop_of_a_product_is_counted_without_an_assembler() -> None:
    """Two pixels, four channels and two lanes of depth are 4 loads, 8 SMLAD and 2 SXTB16."""
    steps = 64 // 2
    counts = Counter(each.op for each in Matmul(2, 4, 64, 64, False, SCALING, 4, unroll=64).write().instructions)
    assert counts["smlad"] == 8 * steps and counts["sxtb16"] == 2 * steps
    starts, constants = 4, 2 * 4  # of two pairs of channels
    assert counts["ldr"] == 4 * steps + starts + constants
