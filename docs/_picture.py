"""Draw the plan of a model as SVG: addresses from left to right, time from top to bottom.

A coloured block is a row of a tensor, from the moment it is written to its last read, in the place where it is then.
What shares a column but not a moment shares bytes. A square in front of a kernel's name has the colour of its output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlir import ir

from vmcu import planner
from vmcu.planner.timeline import SPAN, Life, Lives, find_lives, find_moments
from vmcu.planner.timeline import Part as Piece

WIDTH, TICK, TOP = 880, 18, 64  # pixels
PALETTE = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f", "#ff9da7", "#1b6f6a",
    "#a0cbe8", "#8c6bb1",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Kernels that run together, and the ticks `[start, stop)` on the picture's clock; a kernel alone takes one."""

    piece: Piece
    start: int
    stop: int

    def place(self, moment: int) -> float:
        """A moment of this part on the picture's clock. A kernel alone is drawn as if it read all, then wrote."""
        if self.piece.stream is None:
            return self.start + 0.5
        return self.start + moment / (2 * (len(self.piece.kernels) + 1))


def draw_plan(network: planner.Network, plan: planner.Plan, layerwise_bytes: int) -> str:
    """The picture as SVG text; its full width is `layerwise_bytes`."""
    parts = list(split(network, plan))
    scale = WIDTH / max(layerwise_bytes, plan.pool_bytes)
    height = TOP + TICK * parts[-1].stop + 12
    lines = [*open_page(height), *compare_bytes(plan.pool_bytes, layerwise_bytes)]
    pieces = [part.piece for part in parts]
    lives = find_lives(network, pieces, find_moments(network, pieces, fed=plan.fed), fed=plan.fed)
    for number, tensor in enumerate(network.tensors):
        lines.append(f'<g fill="{color_of(number)}" stroke="white" stroke-width="0.5">')
        for kind, found, offsets in _blocks_of(tensor.name, lives, plan):
            lines += _draw_life(f"{kind}{tensor.name}", found, offsets[tensor.name], parts, scale)
        lines.append("</g>")
    edge = plan.pool_bytes * scale
    colors = colors_of_kernels(network)
    lines += label_inputs(network, edge + 32)
    for part in parts:
        y, below = TOP + TICK * part.start, TOP + TICK * part.stop
        lines.append(f'<path d="M0 {y}H{edge + 12:.1f}" stroke="#999999" stroke-dasharray="3 3"/>')
        names = [kernel.name for kernel in part.piece.kernels]
        middle = (y + below) / 2 + 4
        if part.piece.stream is not None:
            lines += _brace(edge + 16, y + 4, below - 4)
            words = f"together, row by row, {part.stop - part.start} ticks"
            at = middle - 15 * (len(names) + 1) / 2
            lines.append(f'<text x="{edge + 32:.1f}" y="{at:.1f}" fill="#777777">{words}</text>')
        for line, name in enumerate(names):
            at = middle + 15 * (line - (len(names) - 1) / 2)
            lines += label(edge + 32, at, colors[name], name)
    return "\n".join((*lines, "</svg>", ""))


@cache
def read_plan(path: Path) -> tuple[planner.Network, planner.Plan, int]:
    """What the planner is asked for a model file, what it answers, and the bytes of the largest layer."""
    from vmcu.driver import summaries
    from vmcu.driver.compilation import Compilation
    from vmcu.ir import bridge
    from vmcu.isa.network import name_tensors, read_network
    from vmcu.passes.pipelines import KERNELS

    compilation = Compilation(path)
    with bridge.context(), ir.Location.unknown():
        module = ir.Module.parse(compilation.emit("linalg"))
        bridge.run(module, KERNELS)
        function = module.body.operations[0]
        network, _ = read_network(function, name_tensors(function))
        layerwise_bytes = summaries.largest_layer(summaries.kernels(module))
    return network, planner.plan(network), layerwise_bytes


def color_of(tensor: int) -> str:
    """The colour of a tensor, by its number in the network."""
    return PALETTE[tensor % len(PALETTE)]


def colors_of_kernels(network: planner.Network) -> dict[str, str]:
    """The colour of what each kernel makes, by the kernel's name."""
    colors = {tensor.name: color_of(number) for number, tensor in enumerate(network.tensors)}
    return {kernel.name: colors[kernel.writes[0].tensor] for kernel in network.kernels}


def open_page(height: float, width: float = WIDTH + 20) -> Iterator[str]:
    """The head of an SVG file on white ground, `width` x `height` pixels; x begins at -10."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="-10 0 {width} {height}" font-family="sans-serif" font-size="12">'
    )
    yield f'<rect x="-10" width="{width}" height="{height}" fill="white"/>'


def compare_bytes(pool_bytes: int, layerwise_bytes: int) -> Iterator[str]:
    """Two bars on top: what the largest layer needs by itself, and the pool."""
    scale = WIDTH / max(layerwise_bytes, pool_bytes)
    yield from _bar(8, WIDTH, "#dddddd", f"tensor by tensor: {layerwise_bytes:,} bytes for the largest layer alone")
    yield from _bar(32, pool_bytes * scale, "#333333", f"one pool: {pool_bytes:,} bytes", text="white")


def label_inputs(network: planner.Network, x: float) -> Iterator[str]:
    """The names of the network's inputs, above those of the kernels."""
    colors = [color_of(number) for number, tensor in enumerate(network.tensors) if tensor.name in network.inputs]
    yield from label(x, TOP - 1, colors[0], ", ".join(network.inputs))


def label(x: float, y: float, color: str, words: str) -> Iterator[str]:
    """Words with a square of a colour in front of them; `y` is their base line."""
    yield f'<path d="M{x:.1f} {y - 9:.1f}h9v9h-9z" fill="{color}"/>'
    yield f'<text x="{x + 14:.1f}" y="{y:.1f}" fill="#333333">{words}</text>'


def split(network: planner.Network, plan: planner.Plan) -> Iterator[Part]:
    """The parts that a plan cuts the network into."""
    streams = {stream.kernels[0]: stream for stream in plan.streams}
    kernels, clock, position = network.kernels, 0, 0
    while position < len(kernels):
        stream = streams.get(kernels[position].name)
        count = len(stream.kernels) if stream else 1
        ticks = stream.last_tick - stream.first_tick + 1 if stream else 1
        piece = Piece(kernels[position : position + count], stream, landings=frozenset(plan.landings))
        yield Part(piece, clock, clock + ticks)
        clock, position = clock + ticks, position + count


def _blocks_of(name: str, lives: Lives, plan: planner.Plan) -> Iterator[tuple[str, Life, dict[str, int]]]:
    """A tensor's place, and the landing of its rows if they are made elsewhere."""
    yield "", lives.tensors[name], plan.offsets
    if name in plan.landings:
        yield "landing of ", lives.landings[name], plan.landings


def _draw_life(name: str, life: Life, offset: int, parts: list[Part], scale: float) -> Iterator[str]:
    for row, (birth, death) in enumerate(zip(life.births.tolist(), life.deaths.tolist())):
        begin, end = (_place(moment, parts) for moment in (birth, death + 1))
        x = (offset + row % life.slots * life.slot_bytes) * scale
        yield (
            f'<rect x="{x:.1f}" y="{TOP + TICK * begin:.1f}" width="{life.slot_bytes * scale:.1f}" '
            f'height="{TICK * (end - begin):.1f}"><title>{name}, row {row}</title></rect>'
        )


def _place(moment: int, parts: list[Part]) -> float:
    number, rest = divmod(moment, SPAN)
    if number < 0 or moment == 0:
        return 0.0
    return float(parts[-1].stop) if number >= len(parts) else parts[number].place(rest)


def _brace(x: float, top: float, bottom: float) -> Iterator[str]:
    yield f'<path d="M{x:.1f} {top:.1f}h6V{bottom:.1f}h-6" fill="none" stroke="#999999"/>'


def _bar(y: int, width: float, fill: str, words: str, *, text: str = "#333333") -> Iterator[str]:
    yield f'<rect y="{y}" width="{width:.1f}" height="20" fill="{fill}"/>'
    yield f'<text x="6" y="{y + 14}" fill="{text}">{words}</text>'
