"""Streams of rows: the schedule's closed form, the lives of rows, plans with rings and landings, and seeded faults.

Every plan made here has been replayed by `check` inside `plan`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner_networks import RowNetwork
from vmcu.errors import Internal, Unsupported
from vmcu.planner import Kernel, Network, Plan, Rows, Stream, check, describe, frontier, partition, plan
from vmcu.planner.distance import find_meetings
from vmcu.planner.schedule import read_ticks, schedule, write_ticks
from vmcu.planner.timeline import Life

# Random networks of rows


@st.composite
def windows(draw: st.DrawFn, in_rows: int, same: bool = False) -> Rows:
    """A window that slides over `in_rows` rows; with `same`, there are as many output rows."""
    kernel, dilation = draw(st.sampled_from([1, 1, 2, 3, 3, 4, 5])), draw(st.sampled_from([1, 1, 2]))
    reach = (kernel - 1) * dilation
    if same:
        return Rows(kernel, 1, dilation, draw(st.integers(0, reach)), in_rows, in_rows)
    stride = draw(st.integers(1, 3))
    pad = draw(st.integers(-1 if in_rows > reach + 1 else 0, reach))
    after = draw(st.integers(max(0, reach + 1 - in_rows - pad), max(reach, reach + 1 - in_rows - pad)))
    return Rows(kernel, stride, dilation, pad, in_rows, (in_rows + pad + after - reach - 1) // stride + 1)


@st.composite
def rising_windows(draw: st.DrawFn, in_rows: int) -> Rows:
    """A window that sees rows of nothing between its input's, such as that of an upsampling."""
    up = draw(st.integers(2, 4))
    kernel, dilation = draw(st.integers(1, 6)), draw(st.sampled_from([1, 1, 1, 2]))
    stride = draw(st.sampled_from([1, 1, 1, 2, 3]))
    pad = draw(st.integers(-1, (kernel - 1) * dilation))
    most = max(1, ((in_rows - 1) * up + pad) // stride + 1)  # the last window that begins in the image
    return Rows(kernel, stride, dilation, pad, in_rows, draw(st.integers(max(1, most - 4), most)), up=up)


@st.composite
def row_networks(draw: st.DrawFn, most_blocks: int = 4, all_stream: bool = False, rises: bool = True) -> Network:
    """Windows, residual blocks and steps of a U-Net, now and then a kernel that cannot stream, at the end perhaps a pool
    of all rows.

    Without `rises` no kernel makes more rows than it reads.
    """
    net = RowNetwork()
    row_bytes = st.integers(1, 7)
    x = net.input(draw(st.integers(1, 12)), draw(row_bytes))

    def window(source: str, same: bool) -> str:
        rows = draw(windows(net.tensors[source].rows, same))
        streams = all_stream or draw(st.integers(0, 9)) > 0
        return net.add(
            (source,),
            rows,
            draw(row_bytes),
            workspace=draw(st.sampled_from([0, 0, 3])),
            streams=streams,
            reversible=draw(st.booleans()),
        )

    for _ in range(draw(st.integers(1, most_blocks))):
        count = net.tensors[x].rows
        block = draw(st.sampled_from(["window", "residual", *(["rise", "unet"] if rises else [])]))
        if block == "rise":
            streams = all_stream or draw(st.integers(0, 9)) > 0
            x = net.add((x,), draw(rising_windows(count)), draw(row_bytes), streams=streams)
        elif block == "unet" and count > 1:
            up = draw(st.integers(2, 3))
            low = net.add((x,), Rows(3, up, 1, 1, count, (count - 1) // up + 1), draw(row_bytes))
            low_rows = net.tensors[low].rows
            kernel, pad = draw(st.sampled_from([(up, up - 1), (2 * up, up), (up + 1, up - 1)]))
            y = net.add((low,), Rows(kernel, 1, 1, pad, low_rows, count, up=up), draw(row_bytes))
            x = net.add((y, x), Rows(in_rows=count, out_rows=count), draw(row_bytes))
        elif block == "residual":
            y = window(x, same=True)
            x = net.add((y, x), Rows(in_rows=count, out_rows=count), draw(row_bytes))
        else:
            x = window(x, same=False)
    count = net.tensors[x].rows
    if count > 1 and draw(st.booleans()):
        net.add((x,), Rows(count, 1, 1, 0, count, 1, accumulates=True, workspace=4), 2)
    return net.network()


# The schedule


def simulate(network: Network, stream: Stream) -> dict[str, dict[int, int]]:
    """Fire each kernel as soon as its inputs exist, at most once a tick. Rows of a halo arrive like all others."""
    tick, newest, next_row = -400, {stream.driver: -401}, {}
    made: dict[str, dict[int, int]] = {name: {} for name in stream.kernels}
    kernels = network.kernels
    if stream.backward:
        kernels = [replace(kernel, rows=kernel.rows.mirrored()) for kernel in kernels]
    for tick in range(-400, 400):
        newest[stream.driver] = tick
        for kernel in kernels:
            rows, target = kernel.rows, kernel.writes[0].tensor
            here = [newest[read.tensor] for read in kernel.reads if read.tensor in newest]
            if len(here) < sum(read.tensor in newest or read.tensor.startswith("t") for read in kernel.reads):
                continue  # nothing has come out of an earlier kernel yet
            if rows.accumulates:
                if min(here) >= rows.in_rows - 1:
                    made[kernel.name].setdefault(0, tick)
                continue
            reach = (rows.kernel - 1) * rows.dilation
            ready = (min(here) + rows.pad - reach) // rows.stride  # the last row whose inputs exist
            row = next_row.get(kernel.name, ready)
            if row <= ready:
                made[kernel.name][row] = tick
                newest[target], next_row[kernel.name] = row, row + 1
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_networks(all_stream=True, rises=False), st.booleans())
def test_closed_form_is_the_earliest_schedule(network: Network, backward: bool) -> None:
    stream = schedule(network, network.kernels, backward=backward)
    if stream is None:
        return  # the paths of a residual block differ in nothing here, so only a driver without rows is refused
    made = simulate(network, stream)
    for kernel, phase in zip(network.kernels, stream.phases):
        for row in range(kernel.rows.out_rows):
            assert phase.tick(row) == made[kernel.name][row], (kernel.name, row)
            assert stream.first_tick <= phase.tick(row) <= stream.last_tick


@settings(max_examples=150, deadline=None)
@given(rising_windows(9), st.integers(1, 4), st.integers(-5, 5))
def test_phase_of_a_rising_window_is_the_earliest_that_is_right_for_all_rows(rows: Rows, rate: int, shift: int) -> None:
    net = RowNetwork()
    middle = net.add((net.input(rate * 9, 1),), Rows(1, rate, 1, shift, rate * 9, rows.in_rows), 1)
    net.add((middle,), rows, 1)
    stream = schedule(net.network(), net.kernels)
    first, second = stream.phases
    assert second.scale * rows.up == first.scale * rows.stride and stream.pace * rate == first.scale
    slack = []
    for row in range(-24, 24):  # as many rows as it takes to see every remainder, halos included
        taps = [row * rows.stride - rows.pad + k * rows.dilation for k in range(rows.kernel)]
        newest = (taps[-1] - taps[-1] % rows.up) // rows.up
        slack.append(second.tick(row) - first.tick(newest))
        assert all(first.tick(tap // rows.up) <= second.tick(row) for tap in taps if tap % rows.up == 0)
    assert min(slack) == 0


@given(rising_windows(7))
def test_rows_of_a_rising_window_are_those_of_an_image_with_rows_of_nothing(rows: Rows) -> None:
    spread = [None] * ((rows.in_rows - 1) * rows.up + 1)
    spread[:: rows.up] = range(rows.in_rows)
    for row in range(rows.out_rows):
        taps = [row * rows.stride - rows.pad + k * rows.dilation for k in range(rows.kernel)]
        seen = [spread[tap] for tap in taps if 0 <= tap < len(spread)]
        assert list(rows.read_rows(row)) == [each for each in seen if each is not None]
        for each in rows.read_rows(row):
            assert row <= rows.last_reader(np.array(each))


def test_pace_is_the_least_that_keeps_scales_whole() -> None:
    net = RowNetwork()
    x = net.input(4, 1)
    for up, stride in ((3, 1), (2, 1), (1, 4), (1, 3)):
        count = (net.tensors[x].rows * up - 1) // stride + 1
        x = net.add((x,), Rows(up, stride, 1, up - 1, net.tensors[x].rows, count, up=up), 1)
    scales = {number: schedule(net.network(), net.kernels[:number]) for number in range(1, 5)}
    assert [scales[number].pace for number in scales] == [3, 6, 6, 6]
    assert [phase.scale for phase in scales[4].phases] == [2, 1, 4, 12]


@given(st.data())
def test_mirrored_rows_read_the_same_rows_from_the_other_end(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    rows = data.draw(st.one_of(windows(count), rising_windows(count)))
    for row in range(rows.out_rows):
        there = {rows.in_rows - 1 - each for each in rows.read_rows(rows.out_rows - 1 - row)}
        assert set(rows.mirrored().read_rows(row)) == there


@settings(max_examples=100, deadline=None)
@given(row_networks(all_stream=True), st.booleans())
def test_rows_are_read_after_they_were_written(network: Network, backward: bool) -> None:
    stream = schedule(network, network.kernels, backward=backward)
    rows = {tensor.name: tensor.rows for tensor in network.tensors}
    if stream is None:
        return
    born = {"x": stream.pace * np.arange(rows["x"])[:: -1 if backward else 1]}
    for position, kernel in enumerate(network.kernels):
        ticks = write_ticks(stream, position, kernel.rows.out_rows)
        born[kernel.writes[0].tensor] = ticks
        for read in kernel.reads:
            last = read_ticks(stream, network.kernels, position, rows[read.tensor])
            for row in range(kernel.rows.out_rows):
                needed = list(kernel.rows.read_rows(row))
                assert (born[read.tensor][needed] <= ticks[row]).all()
                if not kernel.rows.accumulates:
                    assert (last[needed] >= ticks[row]).all()


def test_paths_of_different_strides_are_no_stream() -> None:
    net = RowNetwork()
    x = net.input(8, 1)
    half = net.add((x,), Rows(2, 2, 1, 0, 8, 4), 1)
    other = net.add((x,), Rows(5, 1, 1, 0, 8, 4), 1)
    net.add((half, other), Rows(in_rows=4, out_rows=4), 1)
    assert schedule(net.network(), net.kernels) is None
    assert schedule(net.network(), net.kernels[:2]) is not None


# Lives


@st.composite
def lives(draw: st.DrawFn) -> Life:
    births = draw(st.lists(st.integers(0, 12), min_size=1, max_size=6))
    deaths = [birth + draw(st.integers(0, 5)) for birth in births]
    return Life(np.array(births), np.array(deaths), draw(st.integers(1, len(births))), draw(st.integers(1, 4)))


@given(lives(), lives())
def test_meetings_are_those_of_brute_force(source: Life, target: Life) -> None:
    def bytes_at(life: Life, moment: int, offset: int) -> set[int]:
        alive = [row for row in range(len(life.births)) if life.births[row] <= moment <= life.deaths[row]]
        return {offset + row % life.slots * life.slot_bytes + byte for row in alive for byte in range(life.slot_bytes)}

    intervals = find_meetings(source, target)
    for delta in range(-target.slots * target.slot_bytes - 1, source.slots * source.slot_bytes + 2):
        meet = any(bytes_at(source, moment, 0) & bytes_at(target, moment, delta) for moment in range(20))
        assert meet == any(lo <= delta < hi for lo, hi in intervals), delta


# Plans


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_networks(), st.sampled_from([1, 4]))
def test_streams_never_need_more(network: Network, align: int) -> None:
    alone = plan(network, align=align, streams=False)
    assert not alone.streams and not alone.rings
    for landings in (False, True):
        found = plan(network, align=align, landings=landings)
        assert found.lower_bound <= found.pool_bytes <= alone.pool_bytes
        assert landings or not found.landings
        assert set(found.landings) <= set(found.rings)
        assert Plan.from_json(found.to_json()) == found
        assert describe(found, network)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_networks(), st.booleans())
def test_fed_plan_survives_its_replay(network: Network, landings: bool) -> None:
    if network.kernels[0].rows is None:
        with pytest.raises(Unsupported, match="kernel k0 cannot take its input row by row"):
            plan(network, fed=True)
        return
    found = plan(network, fed=True, landings=landings, align=1)
    assert found.fed and found.streams[0].driver == "x" and found.pool_bytes >= found.lower_bound
    assert found == plan(network, fed=True, landings=landings, align=1)
    assert Network.from_json(network.to_json()) == network


def two_windows() -> Network:
    """Two 3-row windows over 8 rows; the tensor between them is four times as large as the others."""
    net = RowNetwork()
    wide = net.add((net.input(8, 4),), Rows(3, 1, 1, 1, 8, 8), 16)
    net.add((wide,), Rows(3, 1, 1, 1, 8, 8), 4)
    return net.network()


def test_ring_of_a_window_has_as_many_rows_as_the_window() -> None:
    found = plan(two_windows(), align=1, landings=False)
    assert found.rings == {"t0": 3} and len(found.streams) == 1
    fed = plan(two_windows(), align=1, landings=False, fed=True)
    assert fed.rings == {"x": 3, "t0": 3}
    # 3 rows of x, 3 of t0, 8 of t1.
    assert fed.pool_bytes <= 3 * 4 + 3 * 16 + 8 * 4


def four_windows() -> Network:
    """Four 3-row windows over 12 rows of one size, and a sum of all rows."""
    net = RowNetwork()
    x = net.input(12, 8)
    for _ in range(4):
        x = net.add((x,), Rows(3, 1, 1, 1, 12, 12), 8)
    net.add((x,), Rows(12, 1, 1, 0, 12, 1, accumulates=True), 1)
    return net.network()


def test_landing_is_shared() -> None:
    without = plan(four_windows(), fed=True, align=1, landings=False)
    found = plan(four_windows(), fed=True, align=1)
    # Four rings of 3 rows become four of 2 rows; what a kernel reads and makes newly takes two more.
    assert (without.pool_bytes, found.pool_bytes) == (4 * 24 + 8, 4 * 16 + 2 * 8)
    assert set(found.rings.values()) <= {1, 2}


def up_and_down() -> Network:
    """An upsampling of 6 rows by 3, whose tensor is large, and a window that makes 6 rows of it again."""
    net = RowNetwork()
    wide = net.add((net.input(6, 4),), Rows(3, 1, 1, 2, 6, 18, up=3), 16)
    net.add((wide,), Rows(3, 3, 1, 0, 18, 6), 4)
    return net.network()


def test_upsampled_rows_die_in_a_stream() -> None:
    found = plan(up_and_down(), align=1, fed=True)
    stream = found.streams[0]
    assert (stream.pace, [phase.scale for phase in stream.phases]) == (3, [1, 3])
    assert found.rings == {"t0": 3, "x": 1}
    assert found.pool_bytes <= 3 * 16 + 4 + 6 * 4


def test_landing_that_saves_nothing_is_left_out() -> None:
    net = RowNetwork()
    small = net.add((net.input(8, 4),), Rows(3, 1, 1, 1, 8, 8), 4)
    small = net.add((small,), Rows(3, 1, 1, 1, 8, 8), 4)
    net.add((small,), Rows(8, 1, 1, 0, 8, 1), 100)
    assert not plan(net.network(), align=1).landings


# Latency: as few kernels in streams as the bytes allow


def test_search_whose_patience_ends_keeps_to_short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    net = RowNetwork()
    x = net.input(40, 2)
    for _ in range(partition.SHORT + 2):
        x = net.add((x,), Rows(3, 1, 1, 1, 40, 40), 16)
    net.add((x,), Rows(40, 1, 1, 0, 40, 1, accumulates=True), 1)
    network = net.network()

    def longest() -> int:
        return max(len(each.kernels) for each in partition.cut(network, landings=True))

    assert longest() > partition.SHORT
    monkeypatch.setattr(partition, "PATIENCE", 0)
    assert longest() <= partition.SHORT


def count_streamed(found: Plan) -> int:
    return sum(len(stream.kernels) for stream in found.streams)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_networks(most_blocks=3))
def test_frontier_trades_streams_for_bytes(network: Network) -> None:
    plans = frontier(network, align=1, time_limit=1.0)
    pools, streamed = [found.pool_bytes for found in plans], [count_streamed(found) for found in plans]
    assert all(smaller < larger for larger, smaller in zip(pools, pools[1:]))
    assert streamed == sorted(streamed)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row_networks(most_blocks=3), st.integers(0, 60))
def test_enough_is_kept_with_no_more_streams_than_the_smallest_plan(network: Network, spare: int) -> None:
    smallest = plan(network, align=1, time_limit=1.0)
    enough = smallest.pool_bytes + spare
    found = plan(network, align=1, time_limit=1.0, enough=enough)
    assert found.pool_bytes <= enough
    assert count_streamed(found) <= count_streamed(smallest)


# Seeded faults: the checker names both sequences, their rows and the tick


def planned(landings: bool = False) -> tuple[Network, Plan]:
    network = two_windows()
    apart = plan(network, align=1, fed=True, landings=landings)
    check(network, apart)
    return network, apart


def test_checker_catches_an_offset_off_by_a_row() -> None:
    network, good = planned()
    faults = 0
    for name, step in (("x", 4), ("t0", 16), ("t1", 4)):
        for direction in (-step, step, -1, 1):
            offset = good.offsets[name] + direction
            if offset < 0:
                continue
            moved = replace(good, offsets={**good.offsets, name: offset}, pool_bytes=good.pool_bytes + step)
            try:
                check(network, moved)
            except Internal as fault:
                faults += 1
                assert "at tick" in str(fault) and "were overwritten by" in str(fault) and " row " in str(fault)
    assert faults


def test_checker_names_rows_and_tick() -> None:
    network, good = planned()
    onto = replace(good, offsets={**good.offsets, "t0": good.offsets["x"]}, pool_bytes=200)
    message = r"kernel k0 at tick 1, which makes row 0, reads row 0 of x \[.* were overwritten by t0 row 0"
    with pytest.raises(Internal, match=message):
        check(network, onto)


@pytest.mark.parametrize("tensor", ["x", "t0"])
def test_checker_catches_a_ring_that_is_a_row_short(tensor: str) -> None:
    network, good = planned()
    short = replace(good, rings={**good.rings, tensor: good.rings[tensor] - 1})
    message = rf"at tick \d+, .* reads row \d+ of {tensor} .* overwritten by {tensor} row \d+"
    with pytest.raises(Internal, match=message):
        check(network, short)


@pytest.mark.parametrize("position", [0, 1])
def test_checker_catches_a_row_too_early(position: int) -> None:
    network, good = planned()
    stream = good.streams[0]
    phases = [replace(phase, shift=phase.shift + (number == position)) for number, phase in enumerate(stream.phases)]
    message = rf"kernel k{position} at tick \d+, .* reads row \d+ of (x|t0) .* (never written|overwritten by)"
    with pytest.raises(Internal, match=message):
        check(network, replace(good, streams=(replace(stream, phases=tuple(phases)),)))


def test_checker_catches_a_wrong_pace() -> None:
    network = up_and_down()
    good = plan(network, align=1, fed=True)
    check(network, good)
    for pace in (2, 4):
        hurried = replace(good.streams[0], pace=pace)
        with pytest.raises(Internal, match=r"at tick \d+, .* reads row \d+ of x .* (never written|overwritten by)"):
            check(network, replace(good, streams=(hurried,)))


def test_checker_catches_the_wrong_direction() -> None:
    net = RowNetwork()
    wide = net.add((net.input(8, 4),), Rows(3, 1, 1, 1, 8, 8), 20)
    net.add((wide,), Rows(3, 1, 1, 1, 8, 8), 12)
    network = net.network()
    good = plan(network, align=1)
    # The output is larger, and grows over the input from one end.
    assert len(good.streams) == 1 and good.pool_bytes < 8 * 4 + 3 * 20 + 8 * 12
    turned = replace(good.streams[0], backward=not good.streams[0].backward)
    with pytest.raises(Internal, match=r"at tick -?\d+, .* were overwritten by"):
        check(network, replace(good, streams=(turned,)))


def test_checker_catches_a_stream_that_ends_too_soon() -> None:
    network, good = planned()
    stream = replace(good.streams[0], last_tick=good.streams[0].last_tick - 1)
    with pytest.raises(Internal, match="kernel k1 makes 7 of its 8 rows"):
        check(network, replace(good, streams=(stream,)))


def test_checker_catches_faults_of_landings() -> None:
    network = four_windows()
    good = plan(network, align=1, fed=True)
    check(network, good)
    for tensor in ("t0", "t1", "t2"):
        assert good.rings[tensor] == 2 and tensor in good.landings
        with pytest.raises(Internal, match=rf"reads row \d+ of {tensor} .* overwritten by {tensor} row \d+"):
            check(network, replace(good, rings={**good.rings, tensor: 1}))
        with pytest.raises(Internal, match=rf"{tensor} .* were overwritten by the landing of {tensor} row"):
            check(network, replace(good, landings={**good.landings, tensor: good.offsets[tensor]}))
        whole = {name: rows for name, rows in good.rings.items() if name != tensor}
        with pytest.raises(Internal, match=f"{tensor} has a landing but no ring"):
            check(network, replace(good, rings=whole, pool_bytes=1000))


def test_checker_catches_a_workspace_of_a_stream() -> None:
    net = RowNetwork()
    wide = net.add((net.input(8, 4),), Rows(3, 1, 1, 1, 8, 8), 16, workspace=5)
    net.add((wide,), Rows(8, 1, 1, 0, 8, 1, accumulates=True, workspace=8), 4)
    network = net.network()
    good = plan(network, align=1)
    assert len(good.streams) == 1 and set(good.workspaces) == {"k0", "k1"}
    for name in good.workspaces:
        with pytest.raises(Internal, match=f"the workspace of {name}"):
            moved = replace(good, workspaces={**good.workspaces, name: good.offsets["t0"]}, pool_bytes=200)
            check(network, moved)


def test_picture_shows_streams_and_rings() -> None:
    network = four_windows()
    text = describe(plan(network, align=1, fed=True), network, columns=32).splitlines()
    assert [line.split()[1:3] for line in text[2:7]] == [["stream", "1"]] * 5
    assert any(line.startswith("ring t0: 2 of 12 rows of 8 bytes at ") and "landing at" in line for line in text)


def test_kernel_without_rows_is_no_part_of_a_stream() -> None:
    network = two_windows()
    kernels = tuple(replace(kernel, rows=None) for kernel in network.kernels)
    assert not plan(replace(network, kernels=kernels)).streams
    assert all(isinstance(kernel, Kernel) for kernel in kernels)


def gated() -> Network:
    """Eight rows, what is computed of all of them, and a wide product of rows and that, which a window makes narrow."""
    net = RowNetwork()
    x = net.input(8, 4)
    gate = net.add((x,), Rows(8, 1, 1, 0, 8, 1, accumulates=True), 4)
    wide = net.add((x, gate), Rows(in_rows=8, out_rows=8), 16)
    net.add((wide,), Rows(3, 1, 1, 1, 8, 8), 4)
    network = net.network()
    *before, product, after = network.kernels
    reads = (product.reads[0], replace(product.reads[1], lo=[0] * 8, hi=[4] * 8, whole=True))
    return replace(network, kernels=(*before, replace(product, reads=reads), after))


def test_what_is_read_whole_is_there_before_its_stream() -> None:
    network = gated()
    found = plan(network, align=1)
    assert [stream.kernels for stream in found.streams] == [("k1", "k2")]
    assert "t0" not in found.rings
    assert schedule(network, network.kernels) is None
    assert schedule(network, network.kernels[1:]) is not None
    broken = replace(found, offsets={**found.offsets, "t0": 200, "t1": 200}, pool_bytes=300)
    with pytest.raises(Internal, match=r"makes row \d+, reads t0 .* were overwritten by t1 row \d+"):
        check(network, broken)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Rows that are born and die in order, the first or the last one first, or in no order."""
    count = draw(st.integers(1, 6))
    births, spans = (np.array(draw(st.lists(st.integers(0, 12), min_size=count, max_size=count))) for _ in range(2))
    order = draw(st.sampled_from(["up", "down", "none"]))
    if order != "none":
        births, deaths = np.sort(births), np.maximum.accumulate(np.sort(births) + spans)
        births, deaths = (each[::-1] if order == "down" else each for each in (births, deaths))
    else:
        deaths = births + spans
    return Life(births, deaths, draw(st.integers(1, count)), draw(st.integers(1, 5)))


@given(lives(), lives())
def test_rows_that_are_alive_together_keep_apart(source: Life, target: Life) -> None:
    """Differences are forbidden at which two slots share a byte while both hold a row that is alive."""
    clashes = set()
    for a, b in np.ndindex(len(source.births), len(target.births)):
        if source.births[a] <= target.deaths[b] and target.births[b] <= source.deaths[a]:
            at = a % source.slots * source.slot_bytes - b % target.slots * target.slot_bytes
            clashes |= set(range(at - target.slot_bytes + 1, at + source.slot_bytes))
    assert clashes == {each for lo, hi in find_meetings(source, target) for each in range(lo, hi)}
