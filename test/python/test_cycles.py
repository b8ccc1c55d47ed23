"""Instructions and accesses are counted exactly, and cycles follow the table of the target."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thumb import run
from vmcu.errors import Internal
from vmcu.run.emulator import Counts

# What every function below spends apart from its row: `bx lr`.
RETURN = 3

# (instructions, their number, loads, stores, cycles); r0 points to 256 bytes of RAM.
ROWS = {
    "data": ("adds r1, r1, r2\neor r1, r1, r2, lsl #3\nuxtb r1, r1", 3, 0, 0, 3),
    "mul": ("mul r1, r1, r2\nsmull r1, r2, r1, r2\nmla r1, r1, r2, r3", 3, 0, 0, 3),
    "dsp": ("smlad r1, r1, r2, r3\nsmmlar r1, r1, r2, r3\nssat r1, #8, r1\nsxtb16 r1, r1", 4, 0, 0, 4),
    "load": ("ldr r1, [r0]", 1, 1, 0, 2),
    "load after load": ("ldr r1, [r0]\nldrb r2, [r0, #1]\nldrsh r3, [r0, #2]!", 3, 3, 0, 2 + 1 + 1),
    "load after store": ("str r1, [r0]\nldr r1, [r0]", 2, 1, 1, 1 + 1),
    "load after data": ("ldr r1, [r0]\nnop\nldr r1, [r0]", 3, 2, 0, 2 + 1 + 2),
    "load after ldrd": ("ldrd r1, r2, [r0]\nldr r1, [r0]", 2, 3, 0, 3 + 2),
    "store": ("str r1, [r0]\nstrb r1, [r0]\nstrh r1, [r0], #2", 3, 0, 3, 3),
    "ldrd": ("ldrd r1, r2, [r0]", 1, 2, 0, 3),
    "strd": ("strd r1, r2, [r0, #8]", 1, 0, 2, 3),
    "ldm": ("ldm r0, {r1, r2, r3}", 1, 3, 0, 4),
    "stm": ("stm r0!, {r1, r2, r3, r12}", 1, 0, 4, 5),
    "push and pop": ("push {r4, r5, lr}\npop {r4, r5, lr}", 2, 3, 3, 4 + 4),
    "pop one": ("push {r4}\npop {r4}", 2, 1, 1, 2 + 2),
    "literal": ("ldr r1, 1f\nb 2f\n.p2align 2\n1: .long 7\n2:", 2, 1, 0, 2 + 3),
    "branch": ("b 1f\nnop\n1:", 1, 0, 0, 3),
    "branch taken": ("cmp r0, r0\nbeq 1f\nnop\n1:", 2, 0, 0, 1 + 3),
    "branch not taken": ("cmp r0, r0\nbne 1f\nnop\n1:", 3, 0, 0, 1 + 1 + 1),
    "cbz taken": ("movs r1, #0\ncbz r1, 1f\nnop\n1:", 2, 0, 0, 1 + 3),
    "cbz not taken": ("cbz r0, 1f\nnop\n1:", 2, 0, 0, 1 + 1),
    "call": ("mov r12, lr\nbl 1f\nb 2f\n1: bx lr\n2: mov lr, r12", 5, 0, 0, 1 + 3 + 3 + 3 + 1),
    "call and pop pc": (
        "push {lr}\nbl 1f\nb 2f\n1: push {r4, lr}\npop {r4, pc}\n2: pop {lr}",
        6,
        3,
        3,
        2 + 3 + 3 + (3 + 2) + 3 + 2,
    ),
    "blx": ("mov r12, lr\nadr r1, 1f\nadds r1, #1\nblx r1\nb 2f\n.p2align 2\n1: bx lr\n2: mov lr, r12", 7, 0, 0, 13),
    "divide": ("udiv r1, r0, r0\nsdiv r1, r0, r0", 2, 0, 0, 14),
    "vfp": ("vmov s0, r1\nvadd.f32 s0, s0, s0\nvmul.f32 s0, s0, s0\nvmov r1, s0", 4, 0, 0, 4),
    "vldr": ("vldr s0, [r0]", 1, 1, 0, 2),
    "vldr double": ("vldr d0, [r0]", 1, 2, 0, 3),
    "vstr": ("vstr s0, [r0]", 1, 0, 1, 2),
    "vldm": ("vldmia r0, {s0-s4}", 1, 5, 0, 6),
    "vpush": ("vpush {d8, d9}\nvpop {d8, d9}", 2, 4, 4, 10),
    "vdiv": ("vdiv.f32 s0, s1, s2", 1, 0, 0, 14),
    "vfma": ("vfma.f32 s0, s1, s2", 1, 0, 0, 3),
    "tbb": ("movs r1, #1\ntbb [pc, r1]\n1: .byte (2f-1b)/2, (3f-1b)/2\n2: nop\n3:", 2, 1, 0, 1 + 2 + 3),
    "it executed": ("cmp r0, r0\nit eq\nldreq r1, [r0]", 3, 1, 0, 1 + 1 + 2),
    "it skipped": ("cmp r0, r0\nit ne\nldrne r1, [r0]", 3, 0, 0, 1 + 1 + 1),
    "it else": (
        "cmp r0, r0\nitete eq\nldreq r1, [r0]\nstrne r1, [r0]\nstreq r1, [r0]\nmulne r1, r1, r1",
        6,
        1,
        1,
        1 + 1 + 2 + 1 + 1 + 1,
    ),
    "it two loads": ("cmp r0, r0\nitt eq\nldreq r1, [r0]\nldreq r2, [r0]\nldr r3, [r0]", 5, 3, 0, 1 + 1 + 2 + 1 + 1),
    "it skipped loads": (
        "cmp r0, r0\nitt ne\nldrne r1, [r0]\nldrne r2, [r0]\nldr r3, [r0]",
        5,
        1,
        0,
        1 + 1 + 1 + 1 + 2,
    ),
    "it flags change": (
        "cmp r0, r0\nittt eq\nldreq r1, [r0]\ncmpeq r0, #0\nldreq r1, [r0]\nbne 1f\nnop\n1:",
        6,
        1,
        0,
        9,
    ),
    "it ldm": ("cmp r0, r0\nitt eq\nldmeq r0, {r1, r2}\nudiveq r1, r1, r1", 4, 2, 0, 1 + 1 + 3 + 7),
    "it branch taken": ("cmp r0, r0\nit eq\nbeq 1f\nnop\n1:", 3, 0, 0, 1 + 1 + 3),
    "it pop pc skipped": ("cmp r0, r0\nit ne\npopne {r4, pc}", 3, 0, 0, 1 + 1 + 1),
    "it branch skipped": ("cmp r0, r0\nit ne\nbxne lr", 3, 0, 0, 1 + 1 + 1),
}


@pytest.mark.parametrize("row", ROWS)
def test_row_of_the_cycle_table(row: str, tmp_path: Path) -> None:
    body, instructions, loads, stores, cycles = ROWS[row]
    counts = run(f"{body}\nbx lr", tmp_path)
    assert (counts.instructions, counts.loads, counts.stores) == (instructions + 1, loads, stores)
    assert counts.cycles == cycles + RETURN


def test_conditional_return_from_the_stack(tmp_path: Path) -> None:
    counts = run("push {r4, lr}\ncmp r0, r0\nit eq\npopeq {r4, pc}\nudf #0", tmp_path)
    assert (counts.instructions, counts.loads, counts.stores, counts.cycles) == (4, 2, 2, 3 + 1 + 1 + 3 + 2)


@pytest.mark.parametrize("gap", [2, 4, 6, 8, 10])
def test_blocks_split_at_pages(gap: int, tmp_path: Path) -> None:
    """Unicorn ends a block at each KiB of code; here the end falls into pairs of loads and into an IT block."""
    place = f"b 1f\n.p2align 10\n.space {1024 - gap}\n1:"
    block = "cmp r0, r0\nittt eq\nldreq r1, [r0]\nldreq r2, [r0]\naddeq r1, r1, r2"
    counts = run(f"{place}\n{block}\nldr r1, [r0]\nldr r1, [r0]\nbx lr", tmp_path)
    assert (counts.instructions, counts.loads) == (9, 4)
    assert counts.cycles == 3 + 1 + 1 + (2 + 1) + 1 + (2 + 1) + RETURN


# Straight-line instructions: text, loads, stores, cycles, "single access", "single load".
PIECES = [
    ("adds r1, r1, r2", 0, 0, 1, False, False),
    ("smlad r1, r1, r2, r3", 0, 0, 1, False, False),
    ("ldr r1, [r0, #4]", 1, 0, 2, True, True),
    ("ldrsb.w r2, [r0, #9]", 1, 0, 2, True, True),
    ("str r1, [r0]", 0, 1, 1, True, False),
    ("ldrd r2, r3, [r0]", 2, 0, 3, False, False),
    ("stm r0, {r1, r2, r3}", 0, 3, 4, False, False),
    ("vldr s0, [r0, #8]", 1, 0, 2, False, False),
    ("sdiv r3, r1, r2", 0, 0, 7, False, False),
]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=40), st.integers(1, 300))
def test_loop_counts(pieces: list[tuple[str, int, int, int, bool, bool]], times: int) -> None:
    """A loop costs its body times its trips, whatever the body."""
    body = [text for text, *_ in pieces]
    cycles, after_access = 0, False
    for _, _, _, cost, is_access, is_load in pieces:
        cycles += cost - (is_load and after_access)
        after_access = is_access
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join([f"mov r12, #{times}", "1:", *body, "subs r12, r12, #1", "bne.w 1b", "bx lr"])
        counts = run(text, Path(folder))
    assert counts.instructions == 1 + times * (len(pieces) + 2) + 1
    assert counts.loads == times * sum(piece[1] for piece in pieces)
    assert counts.stores == times * sum(piece[2] for piece in pieces)
    assert counts.cycles == 1 + times * (cycles + 1 + 3) - 2 + RETURN


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 200), st.integers(1, 8))
def test_alternating_condition(times: int, period: int) -> None:
    """A load in an IT block counts only in the trips in which its condition holds."""
    text = f"""mov r12, #{times}
        movs r3, #0
        1: adds r3, #1
        cmp r3, #{period}
        itt eq
        moveq r3, #0
        ldreq r1, [r0]
        ldr r2, [r0]
        subs r12, r12, #1
        bne 1b
        bx lr"""
    with tempfile.TemporaryDirectory() as folder:
        counts = run(text, Path(folder))
    hits = times // period
    assert (counts.instructions, counts.loads) == (2 + 8 * times + 1, times + hits)
    # A hit's load costs one more than a skip, and makes the next load one cheaper.
    assert counts.cycles == 2 + times * (1 + 1 + 1 + 1 + 1 + 2 + 1 + 3) - 2 + RETURN


def test_long_straight_code(tmp_path: Path) -> None:
    """Longer than any block Unicorn makes, with a cheap load across wherever it cuts."""
    counts = run(".rept 3000\nldr r1, [r0]\n.endr\nbx lr", tmp_path)
    assert (counts.instructions, counts.loads, counts.cycles) == (3001, 3000, 3001 + RETURN)


def test_figures_of_a_call_that_did_not_count_are_refused() -> None:
    counts = Counts(None, None, None, None, stack_bytes=0, value=0, value64=0)
    with pytest.raises(Internal, match="a call that did not count"):
        _ = counts.whole
