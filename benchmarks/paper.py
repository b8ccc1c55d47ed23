"""Our pools beside the RAM that vMCU, TinyEngine and msf-CNN publish, in bytes. Run: python benchmarks/paper.py [--cycles]

Ours is the pool of the plan: every tensor, workspace and ring, without weights. The paper's bars of single layers
include the weights and some fixed RAM, so that table has a second column, the paper's own formula for the tensors
alone. Its bars of blocks cannot include weights (B16 has 115 KB of them).

The paper's fused kernel computes expanded pixels anew for each row of its window; ours does only if that is asked for.
The columns *recomputing* are the smallest pool then, and by how much it multiplies the work. msf-CNN publishes a peak
for each such factor; ours are the smallest pools with no more work than that.

`--cycles` compiles every case with random weights, runs it on an emulated Cortex-M4, and adds modelled cycles. It takes
minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import blocks
import networks
import numpy as np
from rich.console import Console
from rich.table import Table

from vmcu.planner import Network, plan

# KB with weights of TinyEngine and vMCU, in the order of `networks.POINTWISE`.
POINTWISE_KB = (
    (209.0, 105.7),
    (205.2, 104.5),
    (108.9, 57.7),
    (157.5, 105.4),
    (80.2, 54.8),
    (33.2, 23.4),
    (31.4, 21.9),
    (19.2, 14.8),
    (19.2, 16.9),
)
# KB of TinyEngine and vMCU, in the order of `networks.VWW_BLOCKS`.
VWW_KB = ((36.0, 13.9), (36.0, 13.9), (23.0, 11.8), (20.5, 10.8), (13.8, 10.6), (12.6, 9.7), (13.2, 11.5), (11.7, 10.2))
# KB of vMCU, in the order of `networks.IMAGENET_BLOCKS`.
IMAGENET_KB = (102.6, 81.1, 48.4, 62.2, 51.0, 53.6, 30.8, 30.8, 23.9, 29.0, 18.7, 22.1, 30.3, 19.6, 20.0, 26.9, 15.7)
# (bytes, work) of msf-CNN: no fusion, little more work, least RAM.
MSF_CNN: dict[str, tuple[Callable[[], Network], tuple[tuple[int, float], ...]]] = {
    "MobileNetV2 x0.35, 144x144": (networks.mobilenet_v2, ((181_440, 1.0), (21_288, 1.30), (8_560, 1.68))),
    "MCUNet-5fps-VWW, 80x80": (networks.mcunet_vww, ((89_600, 1.0), (17_904, 1.35), (15_368, 1.96))),
    "MCUNet-320KB, 176x176": (networks.mcunet_imagenet, ((247_808, 1.0), (94_224, 1.45), (51_164, 2.69))),
}


def compare_layers(cycles: bool) -> Table:
    titles = ["H/W, C, K", "TinyEngine *", "vMCU *", "vMCU's formula", "ours"]
    table = _table("Pointwise layers", *titles, *(["cycles"] if cycles else []))
    for (side, inputs, outputs), published in zip(networks.POINTWISE, POINTWISE_KB):
        # Bytes: max(HWC, HWK) + min(C, K).
        formula = side * side * max(inputs, outputs) + min(inputs, outputs)
        found = plan(networks.pointwise(side, inputs, outputs), align=1)
        row = [f"{side}, {inputs}, {outputs}", *map(_bytes, published), f"{formula:,}", f"{found.pool_bytes:,}"]
        if cycles:
            row.append(_run(partial(blocks.write_pointwise, side, inputs, outputs), 1.0))
        table.add_row(*row)
    table.caption = "* published, with weights and 3 to 4 KB of fixed RAM"
    return table


def compare_blocks(cycles: bool) -> list[Table]:
    ours = ["ours", "recomputing", "work", *(["cycles", "recomputing"] if cycles else [])]
    small = _table("Inverted bottlenecks of MCUNet-5fps-VWW", "block", "TinyEngine *", "vMCU *", *ours)
    for (name, block), published in zip(networks.VWW_BLOCKS.items(), VWW_KB):
        small.add_row(name, *map(_bytes, published), *_measure(block, cycles))
    large = _table("Inverted bottlenecks of MCUNet-320KB-ImageNet", "block", "vMCU *", *ours)
    for (name, block), published in zip(networks.IMAGENET_BLOCKS.items(), IMAGENET_KB):
        large.add_row(name, _bytes(published), *_measure(block, cycles))
    small.caption = large.caption = "* published, without weights, with any fixed RAM"
    return [small, large]


def _measure(block: networks.Bottleneck, cycles: bool) -> list[str]:
    """The cells of one block; those of recomputation are empty where it gives no smaller pool."""
    network = networks.bottleneck(block)
    plain, priced = plan(network), plan(network, recompute=inf)
    gains = priced.pool_bytes < plain.pool_bytes
    cells = [f"{plain.pool_bytes:,}", *([f"{priced.pool_bytes:,}", f"{priced.recompute:.2f}"] if gains else ["", ""])]
    if cycles:
        write = partial(blocks.write_block, block)
        cells += [_run(write, 1.0), _run(write, inf) if gains else ""]
    return cells


def _run(write: Callable[[Path], Path], recompute: float) -> str:
    """Modelled cycles of a model on a Cortex-M4 with RAM for it."""
    from vmcu import compile_model

    with TemporaryDirectory() as folder:
        compiled = compile_model(
            write(Path(folder) / "case.mlir"), "cortex-m4,ram=1MiB,flash=4MiB", recompute=recompute
        )
    image = np.random.default_rng(0).integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)
    with compiled.firmware() as firmware:
        return f"{firmware.run(image).counts.cycles:,}"


def compare_networks() -> Table:
    table = _table("Whole networks", "network", "msf-CNN * (work)", "ours, resident", "ours, fed (work)")
    for name, (build, published) in MSF_CNN.items():
        network = build()
        resident = f"{plan(network).pool_bytes:,}"
        priced = [plan(network, fed=True, recompute=work) for _, work in published]
        fed = {each.pool_bytes: each.recompute for each in reversed(priced)}
        cells = (_list(published), resident, _list(sorted(fed.items(), reverse=True)))
        table.add_row(name, *cells)
    table.caption = "* published. Ours with rows that are fed: the smallest pools for no more work than msf-CNN's"
    return table


def _list(points: Iterable[tuple[int, float]]) -> str:
    return "\n".join(f"{size:,} ({work:.2f}x)" for size, work in points)


def _bytes(kilobytes: float) -> str:
    return f"{round(kilobytes * 1000):,}"


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print("RAM in bytes\n")
    cycles = "--cycles" in sys.argv[1:]
    for table in (compare_layers(cycles), *compare_blocks(cycles), compare_networks()):
        console.print(table)


if __name__ == "__main__":
    main()
