"""The planner: literal tiny problems, the paper's formula, brute force, seeded faults, and two real networks.

Every plan made here has been replayed by `check` inside `plan`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner_networks import mobilenet_v1, resnet_8
from vmcu.errors import Internal
from vmcu.planner import Access, InvalidNetwork, Kernel, Network, Plan, Tensor, check, describe, plan
from vmcu.planner.distance import find_forbidden


def chain(sizes: list[int], *kernels: Kernel) -> Network:
    """Tensors t0, t1, ... of the given sizes; the first is the input, the last the output."""
    tensors = tuple(Tensor(f"t{index}", size) for index, size in enumerate(sizes))
    return Network(tensors, kernels, ("t0",), (tensors[-1].name,))


def elementwise(name: str, source: str, target: str, size: int, **options: object) -> Kernel:
    """One byte in, one byte out, per step."""
    steps = np.arange(size)
    return Kernel(name, (Access(source, steps, steps + 1),), (Access(target, steps, steps + 1),), **options)


def matrix_product(m: int, k: int, n: int) -> Network:
    """M x K -> M x N, one row at a time, one byte of output per step."""
    row, out = np.repeat(np.arange(m), n), np.arange(m * n)
    kernel = Kernel("dense", (Access("t0", row * k, row * k + k),), (Access("t1", out, out + 1),))
    return chain([m * k, m * n], kernel)


def widening(**options: object) -> Kernel:
    """Each byte of t0 becomes two of t1."""
    steps = np.arange(4)
    write = Access("t1", 2 * steps, 2 * steps + 2)
    return Kernel("widen", (Access("t0", steps, steps + 1),), (write,), **options)


# Tiny problems


def test_elementwise_runs_in_place() -> None:
    found = plan(chain([8, 8, 8], elementwise("a", "t0", "t1", 8), elementwise("b", "t1", "t2", 8)), align=1)
    assert found == Plan(8, {"t0": 0, "t1": 0, "t2": 0}, {}, frozenset(), 8, "a", True)


def test_distance_of_a_widening_kernel() -> None:
    source, target = Tensor("t0", 4), Tensor("t1", 8)
    # Forward, step 2 has written 6 bytes and frees 3: the output starts 3 below, or above the last byte read later.
    assert find_forbidden(widening(), source, target, backward=False) == ((-2, 4),)
    assert find_forbidden(widening(), source, target, backward=True) == ((-7, -1),)


def test_distance_may_have_a_hole() -> None:
    kernel = Kernel("k", (Access("t0", [0, 0, 9], [0, 1, 10]),), (Access("t1", [0, 20, 0], [1, 21, 0]),))
    assert find_forbidden(kernel, Tensor("t0", 10), Tensor("t1", 21), backward=False) == ((-11, -10), (0, 10))


def test_widening_needs_no_more_than_its_output() -> None:
    assert plan(chain([4, 8], widening()), align=1).pool_bytes == 8
    assert plan(chain([4, 8], widening(overlap=False)), align=1).pool_bytes == 12


def test_opaque_kernel_is_disjoint() -> None:
    network = chain([8, 8], Kernel("k", (Access("t0"),), (Access("t1"),)))
    assert plan(network).pool_bytes == 16
    with pytest.raises(Internal, match=r"kernel k reads t0 \[0, 8\) but bytes \[4, 8\) were overwritten by t1"):
        check(network, Plan(12, {"t0": 0, "t1": 4}))


def test_input_read_later_stays_whole() -> None:
    add = elementwise("add", "t0", "t2", 8)
    add = replace(add, reads=(*add.reads, Access("t1", add.reads[0].lo, add.reads[0].hi)))
    found = plan(chain([8, 8, 8], elementwise("a", "t0", "t1", 8), add), align=1)
    assert found.pool_bytes == 16


def test_network_output_lives_to_the_end() -> None:
    network = replace(
        chain([8, 8, 8], *(elementwise(f"k{i}", f"t{i}", f"t{i + 1}", 8) for i in (0, 1))), outputs=("t1", "t2")
    )
    assert plan(network).pool_bytes == 16


def test_output_without_reader_is_disjoint_from_its_sibling() -> None:
    kernel = elementwise("k", "t0", "t1", 4)
    kernel = replace(kernel, writes=(*kernel.writes, Access("t2", [0, 1, 2, 3], [1, 2, 3, 4])))
    assert plan(replace(chain([4, 4, 4], kernel), outputs=("t1",)), align=1).pool_bytes == 8


def test_workspace_is_apart_from_all() -> None:
    found = plan(chain([8, 8], elementwise("k", "t0", "t1", 8, workspace=6)), align=4)
    assert found.pool_bytes == found.lower_bound == 14
    assert (found.offsets, found.workspaces) == ({"t0": 0, "t1": 0}, {"k": 8})


def test_direction_cancels_drift() -> None:
    # Both kernels read one byte ahead: forward pushes the output down, backward up.
    steps = np.arange(8)
    kernels = [
        Kernel(
            f"k{i}",
            (Access(f"t{i}", np.maximum(steps - 1, 0), np.minimum(steps + 2, 8)),),
            (Access(f"t{i + 1}", steps, steps + 1),),
        )
        for i in range(2)
    ]
    assert plan(chain([8, 8, 8], *kernels), align=1).pool_bytes == 9
    ahead = [replace(kernel, reversible=False) for kernel in kernels]
    assert plan(chain([8, 8, 8], *ahead), align=1).pool_bytes == 10


def test_network_without_kernels() -> None:
    assert plan(Network((Tensor("x", 5),), (), ("x",), ("x",))).pool_bytes == 5


@pytest.mark.parametrize("align", [1, 4, 16])
def test_offsets_are_aligned(align: int) -> None:
    found = plan(resnet_8(), align=align)
    assert all(offset % align == 0 for offset in (*found.offsets.values(), *found.workspaces.values()))


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, 40)] * 3)
def test_matrix_product_needs_what_the_paper_says(m: int, n: int, k: int) -> None:
    assert plan(matrix_product(m, k, n), align=1).pool_bytes == max(m * n, m * k) + min(n, k) - 1


# Random problems


@st.composite
def windows(draw: st.DrawFn, size: int, steps: int) -> tuple[list[int], list[int]]:
    """A window that slides over all `size` bytes without a gap, now and then stands still, and never goes back."""
    inner = sorted(draw(st.lists(st.integers(0, size - 1), min_size=steps - 1, max_size=steps - 1)))
    lo = [0, *inner]
    hi = [draw(st.integers(max(low + 1, later), size)) for low, later in zip(lo, [*inner, size])]
    return lo, np.maximum.accumulate(hi).tolist()


@st.composite
def networks(draw: st.DrawFn, most_kernels: int = 5, most_bytes: int = 24, branches: bool = True) -> Network:
    sizes = draw(st.lists(st.integers(1, most_bytes), min_size=2, max_size=most_kernels + 1))
    kernels = []
    for index, size in enumerate(sizes[1:]):
        steps = draw(st.integers(1, 6))
        sources = {index} | (draw(st.sets(st.integers(0, index), max_size=1)) if branches else set())
        reads = tuple(Access(f"t{i}", *draw(windows(sizes[i], steps))) for i in sorted(sources))
        write = Access(f"t{index + 1}", *draw(windows(size, steps)))
        kernels.append(Kernel(f"k{index}", reads, (write,), draw(st.sampled_from([0, 0, 3])), draw(st.booleans())))
    return chain(sizes, *kernels)


@settings(max_examples=100, deadline=None)
@given(networks(), st.sampled_from([1, 4]))
def test_random_plan_survives_its_replay_and_respects_its_bound(network: Network, align: int) -> None:
    found = plan(network, align=align)
    assert found.optimal and found.pool_bytes >= found.lower_bound
    assert found == plan(network, align=align)
    check(network, found)


def fits(network: Network, pool_bytes: int) -> bool:
    """Try every plan of a pool of that size with the checker alone."""
    names = [tensor.name for tensor in network.tensors]
    places = [range(pool_bytes - tensor.bytes + 1) for tensor in network.tensors]
    owners = [kernel.name for kernel in network.kernels if kernel.workspace]
    places += [range(pool_bytes - kernel.workspace + 1) for kernel in network.kernels if kernel.workspace]
    free = [kernel.name for kernel in network.kernels if kernel.reversible]
    for offsets, turned in product(product(*places), product((False, True), repeat=len(free))):
        tensors, workspaces = dict(zip(names, offsets)), dict(zip(owners, offsets[len(names) :]))
        backward = frozenset(name for name, is_turned in zip(free, turned) if is_turned)
        try:
            check(network, Plan(pool_bytes, tensors, workspaces, backward))
        except Internal:
            continue
        return True
    return False


@settings(max_examples=40, deadline=None)
@given(networks(most_kernels=2, most_bytes=5))
def test_brute_force_finds_nothing_smaller(network: Network) -> None:
    pool_bytes = plan(network, align=1).pool_bytes
    assert not fits(network, pool_bytes - 1)


@settings(max_examples=150, deadline=None)
@given(networks(most_kernels=1, most_bytes=9, branches=False), st.booleans())
def test_forbidden_differences_are_those_that_the_replay_refuses(network: Network, backward: bool) -> None:
    source, target = network.tensors
    kernel = replace(network.kernels[0], workspace=0, reversible=True)
    intervals = find_forbidden(kernel, source, target, backward=backward)
    for delta in range(-target.bytes - 1, source.bytes + 2):
        offsets = {"t0": max(0, -delta), "t1": max(0, delta)}
        attempt = Plan(40, offsets, backward=frozenset([kernel.name] if backward else []))
        try:
            check(replace(network, kernels=(kernel,)), attempt)
            survives = True
        except Internal:
            survives = False
        assert survives != any(lo <= delta < hi for lo, hi in intervals), delta


@given(networks())
def test_json_round_trip(network: Network) -> None:
    found = plan(network)
    assert Network.from_json(network.to_json()) == network
    assert Plan.from_json(found.to_json()) == found


# Seeded faults: the checker names both culprits


def test_checker_catches_an_offset_off_by_one() -> None:
    network = chain([4, 8], widening())
    good = Plan(8, {"t0": 4, "t1": 0})
    check(network, good)
    # The distance is 3, so offset 3 still holds and 2 does not.
    check(network, replace(good, offsets={"t0": 3, "t1": 0}))
    message = r"kernel widen step 3 reads t0 \[5, 6\) but bytes \[5, 6\) were overwritten by t1"
    with pytest.raises(Internal, match=message):
        check(network, replace(good, offsets={"t0": 2, "t1": 0}))


def test_checker_catches_the_wrong_direction() -> None:
    network = chain([4, 8], widening())
    with pytest.raises(Internal, match=r"kernel widen step 2 reads t0 \[6, 7\) but bytes \[6, 7\) .* by t1"):
        check(network, Plan(8, {"t0": 4, "t1": 0}, backward=frozenset({"widen"})))


def test_checker_catches_a_direction_that_is_not_allowed() -> None:
    network = chain([4, 8], widening(reversible=False))
    with pytest.raises(Internal, match="kernel widen is planned backward but is not reversible"):
        check(network, Plan(12, {"t0": 8, "t1": 0}, backward=frozenset({"widen"})))


@pytest.mark.parametrize("workspace", [0, 7, 15])
def test_checker_catches_a_workspace_over_a_tensor(workspace: int) -> None:
    network = chain([8, 8], elementwise("k", "t0", "t1", 8, workspace=2))
    with pytest.raises(Internal, match="the workspace of k"):
        check(network, Plan(17, {"t0": 0, "t1": 8}, {"k": workspace}))


def test_checker_catches_a_lost_output() -> None:
    network = replace(
        chain([8, 8, 8], elementwise("a", "t0", "t1", 8), elementwise("b", "t1", "t2", 8)), outputs=("t1", "t2")
    )
    with pytest.raises(Internal, match=r"user reads t1 \[0, 8\) but bytes \[6, 8\) were overwritten by t2"):
        check(network, Plan(14, {"t0": 0, "t1": 0, "t2": 6}, backward=frozenset({"b"})))


def test_checker_catches_bytes_that_were_never_written() -> None:
    hole = Kernel("a", (Access("t0", [0, 2], [2, 4]),), (Access("t1", [0, 3], [2, 4]),))
    with pytest.raises(Internal, match=r"bytes \[6, 7\) were never written"):
        check(chain([4, 4], hole), Plan(8, {"t0": 0, "t1": 4}))


def test_checker_catches_what_is_outside_the_pool() -> None:
    network = chain([4, 8], widening())
    with pytest.raises(Internal, match=r"t1 \[8, 16\) is outside the pool of 12 bytes"):
        check(network, Plan(12, {"t0": 0, "t1": 8}))
    with pytest.raises(Internal, match="t1 has no place in the pool"):
        check(network, Plan(12, {"t0": 0}))


# Faults of the network


COPY = elementwise("copy", "t0", "t1", 4)


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ((replace(COPY, reads=(Access("ghost"),)),), "kernel copy at tensor ghost: there is no such tensor"),
        ((COPY, replace(COPY, name="again")), "kernel again writes t1 again after kernel copy"),
        ((replace(COPY, writes=(Access("t0"),)),), "kernel copy writes t0 again after the network's input"),
        ((elementwise("early", "t1", "t2", 4), COPY), "kernel early reads t1 before anything wrote it"),
        ((elementwise("long", "t0", "t1", 5),), r"step 4 touches \[4, 5\), the tensor has 4 bytes"),
        ((replace(COPY, reads=(Access("t0", [0], [4]),)),), r"lo has shape \(4,\) .* the kernel has 1 steps"),
        ((replace(COPY, reads=(Access("t0", [0, 1, 2, 3], None),)),), "only one of lo and hi is given"),
        ((replace(COPY, workspace=-1),), "kernel copy has a workspace of -1 bytes"),
        ((COPY, elementwise("copy", "t1", "t2", 4)), "kernel copy appears 2 times"),
        ((COPY,), "tensor t2 is never written"),
    ],
)
def test_invalid_network_names_the_culprit(kernels: tuple[Kernel, ...], message: str) -> None:
    with pytest.raises(InvalidNetwork, match=message):
        chain([4, 4, 4], *kernels).validate()


def test_invalid_network_names_all_culprits() -> None:
    network = Network((Tensor("x", 0), Tensor("x", 4)), (), ("x",), ("y",))
    with pytest.raises(InvalidNetwork, match="tensor x appears 2 times; .*output y is not a tensor"):
        network.validate()


# Real networks


@pytest.mark.parametrize(
    ("network", "most_bytes", "where"),
    [(mobilenet_v1(), 37_500, "pointwise1"), (resnet_8(), 36_000, "conv1b")],
    ids=["mobilenet_v1", "resnet_8"],
)
def test_real_network_fits(network: Network, most_bytes: int, where: str) -> None:
    start = time.perf_counter()
    found = plan(network)
    assert time.perf_counter() - start < 5
    assert found.pool_bytes <= most_bytes
    assert found.pool_bytes == found.lower_bound and found.lower_bound_kernel == where


def test_chain_needs_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    # The greedy start reaches the bound, so that nobody waits for the import.
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    assert plan(mobilenet_v1()).optimal


def test_no_time_still_gives_a_plan() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(50, 200, 24).tolist()
    kernels = [
        Kernel(f"k{i}", (Access(f"t{i}"), Access(f"t{max(0, i - 3)}")), (Access(f"t{i + 1}"),))
        for i in range(len(sizes) - 1)
    ]
    network = chain(sizes, *kernels)
    hurried, patient = plan(network, time_limit=0.0), plan(network)
    assert patient.optimal and patient.pool_bytes <= hurried.pool_bytes


def test_large_kernel_is_planned_and_checked_in_seconds() -> None:
    start = time.perf_counter()
    assert plan(matrix_product(1000, 100, 100), align=1).pool_bytes == 100_099
    assert time.perf_counter() - start < 5


def test_description_shows_the_pool() -> None:
    network = chain([4, 8], widening(workspace=4))
    text = describe(plan(network), network, columns=12)
    assert text.splitlines()[0] == "pool 12 bytes (optimal), lower bound 12 set by widen"
    assert set(text.splitlines()[2].split()[-1]) == set("woX")
