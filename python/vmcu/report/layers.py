"""Where the time of a run goes, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmcu.cores import Target
from vmcu.driver.pace import BUFFER
from vmcu.driver.profile import Profile

if TYPE_CHECKING:
    from rich.table import Table

_MARK = "+"


def tabulate_layers(found: Profile) -> Table:
    """A table of one profile."""
    from rich.table import Table

    table = Table(
        title=f"layers of {found.model} on {found.target.split(',')[0]}",
        title_justify="left",
        caption=f"{_describe_buffers(found)}Sizes in bytes. Code is that of each kernel apart, though equal ones share "
        "it; RAM is what the plan holds for it: outputs or their rings, workspace. The run-time functions that kernels "
        f"call are outside. * Cycles are modelled: {Target.parse(found.target).cycle_model}.",
        caption_justify="left",
    )
    for heading in ("layer", "kind", "shape"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MACs", "calls", "cycles*", "% of all", "per MAC*", "code", "RAM"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in (*found.layers, found.outside):
        per_mac = "-" if each.cycles_per_mac is None else f"{each.cycles_per_mac:.2f}"
        share = f"{100 * each.cycles / found.cycles:.1f}" if found.cycles else "-"
        ram = "-" if each.ram_bytes is None else f"{each.ram_bytes:,}"
        counts = (f"{each.macs:,}", f"{each.calls:,}", f"{each.cycles:,}", share, per_mac, f"{each.code_bytes:,}", ram)
        mark = f" {_MARK}" if each.kind == BUFFER else ""
        table.add_row(each.name, f"{each.kind}{mark}", each.shape, *counts)
    return table


def _describe_buffers(found: Profile) -> str:
    """What the mark means, and how much it matters; nothing if no kernel has it."""
    on_buffers = [each for each in found.layers if each.kind == BUFFER]
    if not on_buffers:
        return ""
    share = sum(each.cycles for each in on_buffers) / max(found.cycles, 1)
    one = "1 kernel works" if len(on_buffers) == 1 else f"{len(on_buffers)} kernels work"
    return f"{_MARK} {one} on buffers: plain loops on whole tensors apart, {100 * share:.1f} % of the cycles. "
