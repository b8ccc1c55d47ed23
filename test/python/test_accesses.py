"""What is read off the loops of a tiled kernel: accesses, steps, frees; on kernels small enough to say it by hand, and on
built-in kernels against their closed forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlir import ir

from test_kernels import Kernel, kernels, survives, tiled_kernel
from vmcu import planner
from vmcu.dialects import vmcu as d
from vmcu.errors import Unsupported
from vmcu.ir import bridge
from vmcu.operators.accesses import Accesses, read_accesses, trace
from vmcu.operators.frees import complete_frees
from vmcu.planner.distance import find_forbidden


@contextmanager
def kernel_of(body: str, types: str = "x: 8x4, y: 8x4") -> Iterator[d.TiledKernelOp]:
    """A tiled kernel of input `%x` and output `%y`; `body` may use the constants `%c0` to `%c8`."""
    x, y = (each.split(": ")[1] for each in types.split(", "))
    constants = "\n".join(f"%c{number} = arith.constant {number} : index" for number in range(9))
    places = "\n".join(
        f"%{name} = vmcu.place %pool[0] : !vmcu.pool<4096> -> !vmcu.sequence<{kind}xi8>"
        for name, kind in (("x", x), ("y", y))
    )
    text = f"""func.func @f() {{
      %pool = vmcu.pool : !vmcu.pool<4096>
      {places}
      vmcu.tiled_kernel @k elementwise ins(%x : !vmcu.sequence<{x}xi8>) outs(%y : !vmcu.sequence<{y}xi8>) {{
      ^bb0(%in: !vmcu.sequence<{x}xi8>, %out: !vmcu.sequence<{y}xi8>):
        {constants}
        {body.replace("%x", "%in").replace("%y", "%out")}
      }}
      return
    }}"""
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        yield next(
            op for op in module.body.operations[0].regions[0].blocks[0].operations if isinstance(op, d.TiledKernelOp)
        )


def load(index: str, name: str = "%v") -> str:
    return f"{name} = vmcu.segment_load %x[{index}, %c0] : !vmcu.sequence<8x4xi8> -> vector<1x4xi8>"


def store(index: str, name: str = "%v") -> str:
    return f"vmcu.segment_store {name}, %y[{index}, %c0] : vector<1x4xi8>, !vmcu.sequence<8x4xi8>"


def steps_of(accesses: Accesses) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """What each step reads of the input and writes of the output."""
    pairs = (zip(*(each.tolist() for each in side[0])) for side in (accesses.reads, accesses.writes))
    return tuple(list(each) for each in pairs)


COPY = f"scf.for %i = %c0 to %c8 step %c1 {{ {load('%i')} {store('%i')} }}"


def test_a_step_is_a_store_and_what_was_loaded_before_it() -> None:
    with kernel_of(COPY) as kernel:
        segments = [(4 * at, 4 * at + 4) for at in range(8)]
        assert steps_of(read_accesses(trace(kernel))) == (segments, segments)


def test_events_are_in_order_of_execution() -> None:
    body = f"""scf.for %i = %c0 to %c4 step %c2 {{
      scf.for %j = %i to %c4 step %c1 {{ {load("%j")} {store("%j")} }}
      %is_last = arith.cmpi eq, %i, %c2 : index
      scf.if %is_last {{ {load("%c7", "%w")} }} else {{ {load("%c6", "%w")} }}
    }}"""
    with kernel_of(body) as kernel:
        loaded = [event.lo // 4 for event in trace(kernel).events() if event.kind == "load"]
    assert loaded == [0, 1, 2, 3, 6, 2, 3, 7]


def test_loads_after_the_last_store_are_a_step() -> None:
    with kernel_of(COPY + load("%c2", "%late")) as kernel:
        reads, writes = steps_of(read_accesses(trace(kernel)))
    assert (reads[-1], writes[-1]) == ((8, 12), (0, 0))


def test_op_that_reads_while_it_stores_reads_in_the_step_after() -> None:
    tables = """%w = arith.constant dense<1> : tensor<4x4xi8>
      %b = arith.constant dense<1> : tensor<4xi32>
      %s = arith.constant dense<40> : tensor<4xi8>"""
    product = """vmcu.matmul %x[%c0] times %w, %b, %b, %s into %y[%c0] pixels 1 pitch 4 depth 4 round single zero_point 0
      clamp -128 to 127 : !vmcu.sequence<1x4xi8>, tensor<4x4xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8>
      into !vmcu.sequence<1x4xi8>"""
    with kernel_of(tables + product, "x: 1x4, y: 1x4") as kernel:
        assert steps_of(read_accesses(trace(kernel))) == ([(0, 4), (0, 4)], [(0, 4), (0, 0)])


def test_guarded_rows_are_not_loaded() -> None:
    body = f"""scf.for %i = %c0 to %c8 step %c1 {{
      %low = arith.cmpi ult, %i, %c3 : index
      %v = vmcu.segment_load %x[%i, %c0] if (%low) else 0 : !vmcu.sequence<8x4xi8> -> vector<1x4xi8>
      {store("%i")} }}"""
    with kernel_of(body) as kernel:
        reads, _ = steps_of(read_accesses(trace(kernel)))
    assert reads == [(0, 4), (4, 8), (8, 12), *[(0, 0)] * 5]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            f"scf.for %i = %c1 to %c8 step %c1 {{ {load('%i')} {store('%i')} }}",
            r"stores nothing to 4 bytes of output 0",
        ),
        (
            "%far = arith.addi %c8, %c1 : index " + load("%far") + COPY.replace("%v", "%w"),
            r"vmcu.segment_load loads bytes \[36, 40\) of input 0, which has 8 segments of 4 bytes",
        ),
        (
            "%m = memref.alloca() : memref<1xindex> %far = memref.load %m[%c0] : memref<1xindex> " + load("%far"),
            "comes from 'memref.load', which is not known before the kernel runs",
        ),
        (COPY.replace("%x[", "%y["), "loads from output 0, an output"),
        (COPY.replace("%y[", "%x["), "stores to input 0, an input"),
        (
            f"scf.while : () -> () {{ %t = arith.constant false scf.condition(%t) }} do {{ scf.yield }} {COPY}",
            "scf.while",
        ),
    ],
)
def test_refusals_invalid(body: str, message: str) -> None:
    with kernel_of(body) as kernel, pytest.raises(Unsupported, match=message):
        read_accesses(trace(kernel))


def completed(kernel: d.TiledKernelOp) -> list[tuple[str, int, int]]:
    """The frees and stores of a kernel whose frees are derived."""
    found = trace(kernel)
    complete_frees(found, read_accesses(found))
    kernel.verify()
    return [(each.kind, each.lo, each.hi) for each in trace(kernel).events() if each.kind != "load"]


def test_frees_come_before_stores() -> None:
    with kernel_of(COPY) as kernel:
        wanted = [("free", 0, 4 * at + 4) if is_free else ("store", 4 * at, 4 * at + 4)
                  for at in range(8) for is_free in (True, False)]  # fmt: skip
        assert completed(kernel) == wanted


def test_frees_of_what_is_never_read_come_first() -> None:
    body = f"scf.for %i = %c0 to %c8 step %c1 {{ {load('%c3')} {store('%i')} }}"
    with kernel_of(body) as kernel:
        events = completed(kernel)
    assert events[:2] == [("free", 0, 12), ("free", 16, 32)]
    assert events[-2] == ("free", 0, 32)


def test_frees_without_a_formula_are_looked_up() -> None:
    table = "%t = arith.constant dense<[0, 0, 3, 3, 3, 5, 6, 7]> : tensor<8xi32>"
    look = """%r = vmcu.flash_load %t[%i] : tensor<8xi32> -> vector<1xi32>
      %e = vector.extract %r[0] : i32 from vector<1xi32> %n = arith.index_cast %e : i32 to index"""
    body = f"{table} scf.for %i = %c0 to %c8 step %c1 {{ {look} {load('%n')} {store('%i')} }}"
    with kernel_of(body) as kernel:
        frees = [hi // 4 for kind, _, hi in completed(kernel) if kind == "free"]
    assert frees == [0, 3, 3, 3, 5, 6, 7, 8]


FREE = "vmcu.segment_free %x before {} : !vmcu.sequence<8x4xi8>"
NEXT = "%n = arith.addi %i, %c1 : index "


def by_hand(index: str) -> str:
    return f"scf.for %i = %c0 to %c8 step %c1 {{ {load('%i')} {NEXT} {FREE.format(index)} {store('%i')} }}"


def test_frees_by_hand_stay_as_they_are() -> None:
    with kernel_of(by_hand("%n")) as kernel:
        before = str(kernel)
        found = trace(kernel)
        complete_frees(found, read_accesses(found))
        assert str(kernel) == before


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("%i", r"segment_store is executed while segments \[0, 8\) of input 0 are not freed, of which only \[1, 8\)"),
        ("%c4", r"segment_load loads bytes \[4, 8\) of input 0, whose segments before 4 and from 8 on were freed"),
    ],
)
def test_wrong_frees_by_hand_invalid(index: str, message: str) -> None:
    with kernel_of(by_hand(index)) as kernel, pytest.raises(Unsupported, match=message):
        found = trace(kernel)
        complete_frees(found, read_accesses(found))


def as_planned(accesses: Accesses) -> planner.Kernel:
    reads, writes = (
        tuple(planner.Access(name, *each) for name, each in zip(names, side))
        for names, side in (("x", accesses.reads), ("y", accesses.writes))
    )
    return planner.Kernel("k", reads, writes)


def has_halo(kernel: Kernel) -> bool:
    return any(kernel.operator.window.inside(axis) != (0, kernel.operator.window.output[axis]) for axis in range(2))


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_closed_forms_say_what_is_read_off_the_loops(kernel: Kernel, backward: bool) -> None:
    """Which distances between input and output are forbidden is all that a plan makes of steps.

    A closed form takes a window that sees only halo for one that reads the pixel next to it.
    """
    ((length, size),), ((out_length, out_size),) = kernel.operator.sequences()
    source, target = planner.Tensor("x", length * size), planner.Tensor("y", out_length * out_size)
    steps = kernel.steps()
    closed = planner.Kernel(
        "k", (planner.Access("x", steps.lo, steps.hi),), (planner.Access("y", steps.write_lo, steps.write_hi),)
    )
    with tiled_kernel(kernel, backward=backward) as op:
        read = as_planned(read_accesses(trace(op)))
    wanted = find_forbidden(closed, source, target, backward=backward)
    found = find_forbidden(read, source, target, backward=False)
    if has_halo(kernel):
        assert all(any(low <= lo and hi <= high for low, high in wanted) for lo, hi in found)
    else:
        assert found == wanted


@settings(deadline=None)
@given(kernels(), st.booleans())
def test_derived_frees_lose_no_byte(kernel: Kernel, backward: bool) -> None:
    """As `test_tightest_overlap_loses_no_byte`, of loops whose own frees were taken away."""
    ((length, size),), ((out_length, out_size),) = kernel.operator.sequences()
    with tiled_kernel(kernel, backward=backward) as op:
        for use in list(op.body.blocks[0].arguments[0].uses):
            if isinstance(use.owner, d.SegmentFreeOp):
                use.owner.operation.erase()
        found = trace(op)
        accesses = read_accesses(found)
        complete_frees(found, accesses)
        op.verify()
        events = trace(op).events()
    source, target = planner.Tensor("x", length * size), planner.Tensor("y", out_length * out_size)
    for lo, hi in find_forbidden(as_planned(accesses), source, target, backward=False):
        assert survives(events, source.bytes, lo - 1) and survives(events, source.bytes, hi)
        assert not survives(events, source.bytes, lo) and not survives(events, source.bytes, hi - 1)


@settings(deadline=None)
@given(kernels().filter(lambda kernel: not has_halo(kernel)), st.booleans())
def test_frees_of_built_in_kernels_pass_the_check(kernel: Kernel, backward: bool) -> None:
    with tiled_kernel(kernel, backward=backward) as op:
        before, found = str(op), trace(op)
        complete_frees(found, read_accesses(found))
        assert np.any(found.kind == 2) and str(op) == before
