"""The page docs/streams.md: `_streams.template.md` with numbers, pictures and IR of the example network's plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from string import Template

from _architecture import DIGITS, HERE
from _picture import draw_plan, read_plan, split
from _picture_layers import draw_layers
from _picture_ticks import draw_ticks
from _streams_ir import compilation, print_ir

from vmcu import compile_model, planner
from vmcu.planner.bound import find_lower_bound
from vmcu.planner.distance import Intervals, find_blocks, find_forbidden, find_pairs
from vmcu.planner.place import place_blocks
from vmcu.planner.timeline import Part

ALIGN = 4  # bytes, as the planner's default


@dataclass(frozen=True)
class Plans:
    """The plans that are compared; all but one are what the planner answers when asked that way."""

    network: planner.Network
    layerwise_bytes: int
    resident: planner.Plan
    fed: planner.Plan
    layers: planner.Plan
    unlanded: planner.Plan  # without landings, free to choose another cut
    same_cut: int  # bytes of the resident plan's parts without landings

    @property
    def stream(self) -> planner.Stream:
        return self.resident.streams[0]

    @property
    def kernels(self) -> list[planner.Kernel]:
        return [kernel for kernel in self.network.kernels if kernel.name in self.stream.kernels]


@cache
def make_plans() -> Plans:
    network, resident, layerwise_bytes = read_plan(DIGITS)
    without = [replace(part, landings=frozenset()) for part in _parts(network, resident)]
    return Plans(
        network,
        layerwise_bytes,
        resident,
        fed=planner.plan(network, fed=True),
        layers=planner.plan(network, streams=False),
        unlanded=planner.plan(network, landings=False),
        same_cut=_place(network, without),
    )


def write_streams() -> str:
    """The page."""
    plans = make_plans()
    values = {
        **_describe_plans(plans),
        **_describe_stream(plans),
        **_describe_distance(plans),
        **_describe_placement(plans),
        **_describe_recomputation(),
        **print_ir(),
    }
    template = (HERE / "_streams.template.md").read_text()
    head = "<!-- Generated from docs/_streams.template.md by docs/generate.py; do not edit. -->\n\n"
    page = head + Template(template).substitute({key: str(each).strip("\n") for key, each in values.items()})
    return "\n".join(line.rstrip() for line in page.splitlines()) + "\n"


def write_fed_picture() -> str:
    plans = make_plans()
    return draw_plan(plans.network, plans.fed, plans.layerwise_bytes)


def write_layers_picture() -> str:
    plans = make_plans()
    return draw_layers(plans.network, plans.layers, plans.layerwise_bytes)


def write_ticks_picture() -> str:
    plans = make_plans()
    return draw_ticks(plans.network, plans.resident, plans.stream)


def _parts(network: planner.Network, plan: planner.Plan) -> list[Part]:
    return [part.piece for part in split(network, plan)]


def _place(network: planner.Network, parts: list[Part]) -> int:
    """The bytes of the best pool for these parts."""
    blocks = find_blocks(network, parts)
    bound, _ = find_lower_bound(parts, blocks, align=ALIGN)
    pairs = find_pairs(parts, blocks)
    return place_blocks(blocks, pairs, align=ALIGN, lower_bound=bound, time_limit=10.0).pool_bytes


def _describe_plans(plans: Plans) -> dict[str, object]:
    asked = (
        ("largest layer, input beside output", None, plans.layerwise_bytes),
        ("layer by layer, overlapping: `plan(streams=False)`", plans.layers, plans.layers.pool_bytes),
        ("the streams chosen below, but without landings", None, plans.same_cut),
        ("streams without landings: `plan(landings=False)`", plans.unlanded, plans.unlanded.pool_bytes),
        ("streams: `plan()`", plans.resident, plans.resident.pool_bytes),
        ("streams, rows fed: `plan(fed=True)`", plans.fed, plans.fed.pool_bytes),
    )
    rows = [
        (what, f"{size:,}", f"{plan.lower_bound:,}" if plan else "", _cut_of(plan) if plan else "")
        for what, plan, size in asked
    ]
    return {
        "network_kernels": len(plans.network.kernels),
        "plans": _table(("plan of `examples/digits`", "pool", "lower bound", "streams of n kernels"), rows),
        "layerwise": f"{plans.layerwise_bytes:,}",
        "layers_pool": f"{plans.layers.pool_bytes:,}",
        "pool": f"{plans.resident.pool_bytes:,}",
        "fed_pool": f"{plans.fed.pool_bytes:,}",
        "unlanded_pool": f"{plans.unlanded.pool_bytes:,}",
        "same_cut_pool": f"{plans.same_cut:,}",
    }


def _cut_of(plan: planner.Plan) -> str:
    return ", ".join(str(len(stream.kernels)) for stream in plan.streams) or "none"


def _describe_stream(plans: Plans) -> dict[str, object]:
    plan, stream, kernels = plans.resident, plans.stream, plans.kernels
    tensors = {tensor.name: tensor for tensor in plans.network.tensors}
    schedule, rings = [], []
    for kernel, phase in zip(kernels, stream.phases):
        tensor = tensors[kernel.writes[0].tensor]
        rows = kernel.rows
        window = "all rows" if rows.accumulates else f"{rows.kernel} / {rows.stride} / {rows.pad}"
        ticks = f"{phase.tick(0)}, {phase.tick(1)}, ... {phase.tick(rows.out_rows - 1)}"
        schedule.append((f"`{kernel.name}`", window, f"{phase.scale}, {phase.shift}", _tick_formula(phase), ticks))
        if tensor.name in plan.rings:
            ring = plan.rings[tensor.name]
            landing = str(plan.landings.get(tensor.name, ""))
            rings.append(
                (
                    f"`{tensor.name}`",
                    f"{tensor.rows} x {tensor.row_bytes}",
                    str(ring),
                    str(plan.offsets[tensor.name]),
                    landing,
                    f"{tensor.bytes:,}",
                    f"{(ring + (tensor.name in plan.landings)) * tensor.row_bytes:,}",
                )
            )
    landed = [tensors[name] for name in plan.landings]
    places = set(plan.landings.values())
    macs, executed = _count_macs()
    return {
        "schedule": _table(
            ("kernel", "window / stride / pad", "phase S, c", "row r is made at tick", "that is"), schedule
        ),
        "rings": _table(
            ("tensor", "rows x bytes", "ring, rows", "at", "landing at", "whole", "ring and landing"), rings
        ),
        "count": len(kernels),
        "first_tick": stream.first_tick,
        "last_tick": stream.last_tick,
        "ticks": stream.last_tick - stream.first_tick + 1,
        "driver": stream.driver,
        "driver_rows": tensors[stream.driver].rows,
        "input_bytes": f"{tensors[stream.driver].bytes:,}",
        "fed_bytes": f"{_fed_bytes(plans):,}",
        "landings": f"{len(landed)} landings in {len(places)} different places",
        "copied": f"{sum(tensor.bytes for tensor in landed):,}",
        "macs": f"{macs:,}",
        "executed": f"{executed:,}",
    }


def _count_macs() -> tuple[int, int]:
    """The multiply-accumulates of the network, and those that the plan executes."""
    from vmcu.driver import summaries

    levels = compilation(fed=False)
    plan = levels.module("plan")
    executed = summaries.executed_macs(plan, summaries.operators(plan))
    return summaries.count_macs(summaries.kernels(levels.kernels)), executed


def _fed_bytes(plans: Plans) -> int:
    """What the fed plan keeps of the network's input: its ring, and its landing if it has one."""
    (name,) = plans.network.inputs
    tensor = next(each for each in plans.network.tensors if each.name == name)
    return (plans.fed.rings.get(name, tensor.rows) + (name in plans.fed.landings)) * tensor.row_bytes


def _tick_formula(phase: planner.Phase) -> str:
    offset = phase.scale - phase.shift
    factor = "r" if phase.scale == 1 else f"{phase.scale} r"
    return factor if offset == 0 else f"{factor} {'+' if offset > 0 else '-'} {abs(offset)}"


def _describe_distance(plans: Plans) -> dict[str, object]:
    """The kernel that sets the bound layer by layer, as an example of forbidden differences."""
    plan = plans.layers
    kernel = next(each for each in plans.network.kernels if each.name == plan.lower_bound_kernel)
    tensors = {tensor.name: tensor for tensor in plans.network.tensors}
    source, target = tensors[kernel.reads[0].tensor], tensors[kernel.writes[0].tensor]
    forward, backward = (find_forbidden(kernel, source, target, backward=turned) for turned in (False, True))
    return {
        "kernel": kernel.name,
        "source": source.name,
        "source_bytes": f"{source.bytes:,}",
        "target": target.name,
        "target_bytes": f"{target.bytes:,}",
        "forward": _spell(forward),
        "backward": _spell(backward),
        "direction": "backward" if kernel.name in plan.backward else "forward",
        "difference": f"{plan.offsets[target.name] - plan.offsets[source.name]:,}",
    }


def _spell(intervals: Intervals) -> str:
    return " and ".join(f"[{lo:,}, {hi:,})" for lo, hi in intervals) or "none"


def _describe_placement(plans: Plans) -> dict[str, object]:
    parts = _parts(plans.network, plans.resident)
    blocks = find_blocks(plans.network, parts)
    pairs = find_pairs(parts, blocks)
    plan = plans.resident
    return {
        "blocks": len(blocks),
        "pairs": len(pairs),
        "intervals": sum(len(pair.forward) for pair in pairs),
        "proof": "proved that no smaller pool exists" if plan.optimal else "stopped with the best found in its time",
        "bound": f"{plan.lower_bound:,}",
        "above_bound": f"{plan.pool_bytes - plan.lower_bound:,}",
        "bound_kernel": plan.lower_bound_kernel,
    }


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _describe_recomputation() -> dict[str, object]:
    compiled = compile_model(DIGITS, recompute=2.0)
    return {"priced_pool": f"{compiled.pool_bytes:,}", "priced_work": compiled.recompute_factor}
