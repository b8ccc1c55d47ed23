"""The pool sanitizer lets whole networks pass, and stops at seeded faults where the planner's own judge does."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mlir import ir
from mlir.dialects import arith

import vmcu
from test_e2e_operators import window
from vmcu import planner
from vmcu.abi.names import Names
from vmcu.abi.pool_map import Held, Home, PoolMap, Site, View
from vmcu.dialects import vmcu as d
from vmcu.errors import Internal
from vmcu.run.sanitizer import PoolFault, PoolShadow

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
ZOO = os.environ.get("VMCU_MODEL_ZOO")
MODELS = ["ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8", "mcunet_vww_80"]
INPUTS = ["resident", "fed"]


def run_sanitized(path: Path, **options: object) -> vmcu.Firmware:
    """One run that must equal the host's, with every access checked."""
    compiled = vmcu.Compilation(path, sanitize=True, **options).finish()
    image = compiled.inputs[0].random(np.random.default_rng(5))
    with compiled.firmware() as firmware:
        (found,) = firmware.run(image, count=False).outputs
    np.testing.assert_array_equal(found, compiled.reference(image)[0])
    return firmware


class Heard:
    """Which bytes of its tensor each operand of each site has loaded or stored, as the shadow was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.bytes: dict[tuple[str, int, int], np.ndarray] = {}
        for report in ("load", "store"):
            monkeypatch.setattr(PoolShadow, f"_on_{report}", self._listen(report, getattr(PoolShadow, f"_on_{report}")))

    def _listen(self, report: str, check: Callable) -> Callable:
        def hear(shadow: PoolShadow, operand: int, byte: int, address: int, count: int) -> None:
            size = shadow.pool.tensors[shadow._site.views[operand].tensor].bytes
            key = report, shadow._number, operand
            self.bytes.setdefault(key, np.zeros(size, bool))[byte : byte + count] = True
            check(shadow, operand, byte, address, count)

        return hear

    def check_all_is_reported(self, pool: PoolMap) -> None:
        """Every kernel loads some of each input, and together they store all bytes of each tensor that is made."""
        stored = [np.zeros(tensor.bytes, bool) for tensor in pool.tensors]
        for number in pool.inputs:
            stored[number][:] = True
        for site, operand, view in views_of(pool):
            if view.role == "input":
                assert ("load", site, operand) in self.bytes, (
                    f"{pool.sites[site].name} is silent about operand {operand}"
                )
            elif view.role == "workspace":
                stored[view.tensor][:] = True  # is owned by its kernel, and need not be used up
            elif ("store", site, operand) in self.bytes:
                stored[view.tensor] |= self.bytes["store", site, operand]
        assert [tensor.name for tensor, bytes_ in zip(pool.tensors, stored) if not bytes_.all()] == []


def views_of(pool: PoolMap) -> Iterator[tuple[int, int, View]]:
    for number, site in enumerate(pool.sites):
        for operand, view in enumerate(site.views):
            yield number, operand, view


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(monkeypatch)


@pytest.mark.parametrize("input", INPUTS)
@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")
@pytest.mark.parametrize("name", MODELS)
def test_network_is_clean(name: str, input: str, heard: Heard) -> None:
    firmware = run_sanitized(Path(ZOO) / f"{name}.tflite", input=input)
    heard.check_all_is_reported(firmware.shadow.pool)


@pytest.mark.parametrize("options", [{}, {"input": "fed"}, {"streams": False}], ids=["streams", "fed", "layers"])
def test_example_is_clean(options: dict, heard: Heard) -> None:
    heard.check_all_is_reported(run_sanitized(DIGITS, **options).shadow.pool)


@pytest.mark.parametrize("streams", [False, True], ids=["layers", "streams"])
@pytest.mark.parametrize("code", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("image", [(8, 8), (5, 9)])
def test_layer_that_leaves_rows_and_columns_out_is_clean(
    image: tuple[int, int], code: str, streams: bool, heard: Heard, tmp_path: Path
) -> None:
    """What no window takes may be stored over from the start: code that frees it late, or takes it along, would stop."""
    path = window(tmp_path / "m.tflite", code, image, 4, (3, 2), stride=(2, 3), valid=True)
    heard.check_all_is_reported(run_sanitized(path, streams=streams).shadow.pool)


def test_every_run_starts_anew() -> None:
    compiled = vmcu.Compilation(DIGITS, input="fed", sanitize=True).finish()
    image = compiled.inputs[0].random(np.random.default_rng(6))
    with compiled.firmware() as firmware:
        first = firmware.run(image, count=False)
        accesses = firmware.shadow.accesses
        firmware.feed(image[0, 0], count=False)  # the first row of an image that never ends
        again = firmware.run(image, count=False)
    np.testing.assert_array_equal(first.outputs[0], again.outputs[0])
    assert firmware.shadow.accesses == accesses


def test_sanitized_code_has_the_same_plan() -> None:
    compilation = vmcu.Compilation(DIGITS)
    plain, sanitized = compilation.finish(), compilation.sanitized()
    assert compilation.finish().code == plain.code != sanitized.code
    assert (sanitized.pool_bytes, sanitized.inputs) == (plain.pool_bytes, plain.inputs)
    assert sanitized.pool_map.bytes == plain.pool_bytes


def test_ordinary_code_reports_nothing() -> None:
    compiled = vmcu.compile_model(DIGITS)
    assert compiled.pool_map is None and "_report_" not in compiled.llvm_ir
    with compiled.firmware() as firmware:
        assert firmware.shadow is None


@pytest.mark.parametrize("options", [[], ["--fed", "--json"]], ids=["text", "json"])
def test_command_checks_and_measures_ordinary_code(options: list[str]) -> None:
    def run(*more: str) -> str:
        call = [sys.executable, "-m", "vmcu.cli", "run", DIGITS, *options, *more]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout

    plain, checked = run().splitlines(), run("--sanitize").splitlines()
    (extra,) = set(checked) - set(plain) - {plain[-2] + ","}  # JSON's last member gets a comma
    assert re.search(r"\d,\d{3} accesses to the pool checked|\"checked_accesses\": \d{4}", extra)


# Faults of the plan: the planner's own judge sees them, and so does the sanitizer


@pytest.fixture(scope="module")
def planned() -> tuple[planner.Network, planner.Plan]:
    """The example as the planner sees it, and its answer."""
    found: list[tuple[planner.Network, planner.Plan]] = []
    make = planner.plan

    def keep(network: planner.Network, **options: object) -> planner.Plan:
        found.append((network, make(network, **options)))
        return found[0][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "plan", keep)
        vmcu.Compilation(DIGITS).emit("plan")
    return found[0]


def is_refused(network: planner.Network, plan: planner.Plan) -> bool:
    """By the replay of the plan."""
    try:
        planner.check(network, plan)
    except Internal:
        return True
    return False


def run_with(plan: planner.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile and run the example as `plan` says."""
    monkeypatch.setattr(planner, "plan", lambda network, **options: plan)
    run_sanitized(DIGITS)


def move(plan: planner.Plan, tensor: str, distance: int) -> planner.Plan:
    """A tensor elsewhere, in a pool that is large enough for it there."""
    offsets = {**plan.offsets, tensor: plan.offsets[tensor] + distance}
    return dataclasses.replace(plan, offsets=offsets, pool_bytes=plan.pool_bytes + max(distance, 0))


#: Bytes of a segment.
SEGMENTS = {"input_0": 1, "conv2d_0.0": 8, "conv2d_1.0": 16, "conv2d_3.0": 16, "depthwise_2.0": 16, "conv2d_4.0": 32}
MOVES = [(tensor, side * size) for tensor, size in SEGMENTS.items() for side in (-1, 1)]


@pytest.mark.parametrize(("tensor", "distance"), MOVES)
def test_offset_off_by_a_segment(
    planned: tuple[planner.Network, planner.Plan], tensor: str, distance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, plan = planned
    if plan.offsets[tensor] + distance < 0:
        pytest.skip("there is nothing before the pool")
    wrong = move(plan, tensor, distance)
    if not is_refused(network, wrong):  # There was a gap, and the plan is as good as before.
        run_with(wrong, monkeypatch)
        return
    with pytest.raises(PoolFault):
        run_with(wrong, monkeypatch)


def test_most_offsets_are_tight(planned: tuple[planner.Network, planner.Plan]) -> None:
    network, plan = planned
    moved = [move(plan, *each) for each in MOVES if plan.offsets[each[0]] + each[1] >= 0]
    assert sum(is_refused(network, each) for each in moved) > len(moved) / 2


def test_ring_one_row_short(planned: tuple[planner.Network, planner.Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    network, plan = planned
    tensor = next(name for name, rows in plan.rings.items() if rows > 1 and name not in plan.landings)
    short = dataclasses.replace(plan, rings={**plan.rings, tensor: plan.rings[tensor] - 1})
    assert is_refused(network, short)
    with pytest.raises(PoolFault, match=f"store .* of {tensor} at bytes .* of {tensor}, which is live") as fault:
        run_with(short, monkeypatch)
    assert fault.value.op == "store" and fault.value.other == fault.value.tensor == tensor


# Faults of the code: no plan shows them


def change_frees(kernel: str, change: Callable[[d.SegmentFreeOp], int], **options: object) -> vmcu.Program:
    """The example with the segments that a kernel frees replaced by a constant number of them."""
    text = vmcu.Compilation(DIGITS, **options).emit("segments")
    with vmcu.context(), ir.Location.unknown():
        module = ir.Module.parse(text)
        found: list[d.SegmentFreeOp] = []

        def collect(op: ir.Operation) -> ir.WalkResult:
            if op.name == "vmcu.tiled_kernel" and op.attributes["name"].value == kernel:
                op.walk(lambda inner: found.append(inner.opview) or ir.WalkResult.ADVANCE
                        if inner.name == "vmcu.segment_free" else ir.WalkResult.ADVANCE)  # fmt: skip
            return ir.WalkResult.ADVANCE

        module.operation.walk(collect)
        assert found, f"kernel {kernel} frees nothing"
        for op in found:
            with ir.InsertionPoint(op):
                op.operation.operands[1] = arith.constant(ir.IndexType.get(), change(op))
        return vmcu.compile_module(module, sanitize=True)


def length(op: d.SegmentFreeOp) -> int:
    return op.sequence.type.length


def run_program(program: vmcu.Program) -> None:
    with program.firmware() as firmware:
        firmware.run(program.inputs[0].random(np.random.default_rng(7)), count=False)


@pytest.mark.parametrize("kernel", ["depthwise_0", "conv2d_3"])
@pytest.mark.parametrize("streams", [True, False], ids=["streams", "layers"])
def test_free_too_early(kernel: str, streams: bool) -> None:
    def free_all(op: d.SegmentFreeOp) -> int:
        return 0 if op.side.value == d.Side.from_ else length(op)

    with pytest.raises(PoolFault, match=f"kernel {kernel}, load of segment .* has freed it|freed"):
        run_program(change_frees(kernel, free_all, streams=streams))


@pytest.mark.parametrize("streams", [True, False], ids=["streams", "layers"])
def test_free_too_late(streams: bool) -> None:
    def free_nothing(op: d.SegmentFreeOp) -> int:
        return length(op) if op.side.value == d.Side.from_ else 0

    with pytest.raises(PoolFault, match="store of segment .* which is live"):
        run_program(change_frees("depthwise_1", free_nothing, streams=streams))


# The shadow by itself


class Core:
    """Stands for the emulated core: reports by hand, from a pool at address 1000."""

    def __init__(self, pool: PoolMap):
        self.reports: dict[str, Callable[..., None]] = {}
        self.shadow = PoolShadow(pool, self, Names("net"))

    def address(self, symbol: str) -> int:
        assert symbol == "net_pool"
        return 1000

    def on_call(self, symbol: str, callback: Callable[..., None]) -> None:
        self.reports[symbol.removeprefix("net_report_")] = callback

    def enter(self, site: int) -> None:
        self.reports["enter"](site, 0, 0, 0)

    def load(self, operand: int, byte: int, at: int, count: int = 4) -> None:
        self.reports["load"](operand, byte, 1000 + at, count)

    def store(self, operand: int, byte: int, at: int, count: int = 4) -> None:
        self.reports["store"](operand, byte, 1000 + at, count)

    def free(self, operand: int, byte: int, is_suffix: int = 0) -> None:
        self.reports["free"](operand, byte, is_suffix, 0)


X, Y, Z = 0, 1, 2


def pool_of(*sites: Site, homes: tuple[Home, ...] = (Home(0, 8),), inputs: tuple[int, ...] = (X,)) -> Core:
    """A pool of 16 bytes: x of 8 bytes at 0, y of 8 bytes at 4, z of 4 bytes at 12, which is the output."""
    tensors = (Held("x", 8, homes), Held("y", 8, (Home(4, 8),)), Held("z", 4, (Home(12, 4),)))
    return Core(PoolMap(16, tensors, sites, inputs, (Z,)))


def view(tensor: int, role: str, *, span: int | None = None) -> View:
    offset, size = ((0, 8), (4, 8), (12, 4))[tensor]
    return View(tensor, 4, Home(offset, span or size), role)


GROW = Site("kernel grow", 1, (view(X, "input"), view(Y, "output")))  # y over x
LAST = Site("kernel last", 2, (view(Y, "input"), view(Z, "output")))


def test_free_makes_room() -> None:
    core = pool_of(GROW, LAST)
    core.enter(0)
    core.load(0, 4, 4)
    core.free(0, 4, 1)  # from byte 4 on
    core.store(1, 0, 4)
    with pytest.raises(PoolFault, match=r"segment 1 of x at bytes \[4, 8\) .*byte 4 holds byte 0 of y") as fault:
        core.load(0, 4, 4)
    assert fault.value.other == "y" and fault.value.site == "kernel grow" and fault.value.segment == 1


def test_store_over_live_segment_is_a_fault() -> None:
    core = pool_of(GROW, LAST)
    core.enter(0)
    with pytest.raises(PoolFault, match="kernel grow, store of segment 0 of y at .*byte 4 of x, which is live"):
        core.store(1, 0, 4)


def test_load_of_what_was_never_stored_is_a_fault() -> None:
    core = pool_of(GROW, LAST, inputs=())
    core.enter(0)
    with pytest.raises(PoolFault, match="never stored"):
        core.load(0, 0, 0)


def test_load_at_a_wrong_address_is_a_fault() -> None:
    core = pool_of(GROW, LAST)
    core.enter(0)
    with pytest.raises(PoolFault, match="byte 1 holds byte 1 of x"):
        core.load(0, 0, 1)


@pytest.mark.parametrize("at", [-4, 13, 16])
def test_access_outside_of_the_pool_is_a_fault(at: int) -> None:
    core = pool_of(GROW, LAST)
    core.enter(0)
    with pytest.raises(PoolFault, match="outside of the pool of 16 bytes"):
        core.load(0, 0, at)
    with pytest.raises(PoolFault, match="outside of the pool of 16 bytes"):
        core.store(1, 0, at)


def test_access_outside_of_the_tensor_is_a_fault() -> None:
    core = pool_of(GROW, LAST)
    core.enter(0)
    with pytest.raises(PoolFault, match="outside of the tensor of 8 bytes"):
        core.load(0, 6, 6)
    with pytest.raises(PoolFault, match=r"belongs elsewhere in \[4, 12\)"):
        core.store(1, 0, 12)


def test_segment_lives_until_all_readers_have_freed_it() -> None:
    twice = Site("kernel twice", 1, (view(X, "input"), view(X, "input"), view(Y, "output")))
    core = pool_of(twice, LAST)
    core.enter(0)
    core.free(0, 8)
    with pytest.raises(PoolFault, match="this kernel has freed it"):
        core.load(0, 0, 0)
    core.load(1, 4, 4)
    core.free(1, 4)  # bytes before 4, but y starts there
    with pytest.raises(PoolFault, match="byte 4 of x, which is live"):
        core.store(2, 0, 4)
    core.free(1, 8)
    core.store(2, 0, 4)


def test_kernel_that_has_ended_reads_no_more() -> None:
    sites = Site("kernel idle", 1, (view(X, "input"),)), Site("kernel next", 2, (view(Y, "output"),)), LAST
    core = pool_of(*sites)
    core.enter(0)
    core.enter(1)
    core.store(0, 0, 4)  # though nobody freed x


def test_bytes_that_a_kernel_leaves_out_are_free() -> None:
    def kernel(low: int, high: int) -> Core:
        some = View(X, 4, Home(0, 8), "input", reads=(low, high))
        core = pool_of(Site("kernel some", 1, (some, view(Y, "output"))), LAST)
        core.enter(0)
        return core

    core = kernel(0, 4)
    core.store(1, 0, 4)  # though nobody freed bytes 4 to 8 of x
    core.load(0, 0, 0)
    with pytest.raises(PoolFault, match="byte 4 of x, which is live"):
        kernel(4, 8).store(1, 0, 4)


def test_load_of_bytes_that_the_kernel_leaves_out_is_a_fault() -> None:
    readers = View(X, 4, Home(0, 8), "input", reads=(0, 4)), view(X, "input")
    core = pool_of(Site("kernel most", 1, readers), LAST)
    core.enter(0)
    core.load(1, 4, 4)  # the other reader keeps them
    with pytest.raises(PoolFault, match="this kernel said that it reads no such bytes"):
        core.load(0, 4, 4)


def test_ring_keeps_its_newest_rows() -> None:
    ring = (Home(0, 4),)
    make = Site("kernel make", 1, (View(X, 4, ring[0], "output"),))
    read = Site("kernel read", 1, (View(X, 4, ring[0], "input"), view(Z, "output")))
    core = pool_of(make, read, homes=ring, inputs=())
    core.enter(0)
    core.store(0, 0, 0)
    with pytest.raises(PoolFault, match="kernel make, store of segment 1 of x .* byte 0 of x, which is live"):
        core.store(0, 4, 0)
    core.enter(1)
    core.load(0, 0, 0)
    core.free(0, 4)
    core.enter(0)
    core.store(0, 4, 0)


def test_row_settles_in_its_ring() -> None:
    homes = Home(8, 4), Home(0, 4)  # a landing, and a ring
    make = Site("kernel make", 1, (View(X, 4, homes[0], "output"),))
    settle = Site("a row settling", 1, (View(X, 4, homes[0], "output"), View(X, 4, homes[1], "output")))
    read = Site("kernel read", 1, (View(X, 4, homes[1], "input"), view(Z, "output")))
    core = pool_of(make, settle, read, homes=homes, inputs=())
    core.enter(0)
    core.store(0, 0, 8)
    core.enter(2)
    core.load(0, 0, 8)
    core.enter(1)
    core.load(0, 0, 8)
    core.store(1, 0, 0)
    core.enter(2)
    core.load(0, 0, 0)
    with pytest.raises(PoolFault, match="load of segment 0 of x"):
        core.load(0, 0, 8)  # it has left
    core.enter(1)
    with pytest.raises(PoolFault, match="never stored"):
        core.load(0, 4, 8)  # row 1 is not there yet


def test_workspace_is_owned_until_its_kernel_frees_it() -> None:
    own = Site("kernel own", 1, (view(Y, "workspace"),))
    other = Site("kernel other", 1, (view(X, "output"),))
    core = pool_of(own, other, inputs=())
    core.enter(0)
    core.enter(1)
    with pytest.raises(PoolFault, match="byte 0 of y, which is live"):
        core.store(0, 4, 4)
    core.enter(0)
    core.free(0, 8)
    core.enter(1)
    core.store(0, 4, 4)


def test_output_must_be_there_at_the_end() -> None:
    core = pool_of(GROW, LAST)
    core.enter(1)
    with pytest.raises(PoolFault, match="the caller, load of segment 0 of z .* never stored"):
        core.shadow.finish()
    core.enter(1)
    core.store(1, 0, 12)
    core.shadow.finish()
