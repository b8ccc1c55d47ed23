"""Where the time of a run goes, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmcu.cores import Target
from vmcu.driver.profile import Profile

if TYPE_CHECKING:
    from rich.table import Table


def tabulate_layers(found: Profile) -> Table:
    """A table of one profile."""
    from rich.table import Table

    table = Table(
        title=f"layers of {found.model} on {found.target.split(',')[0]}",
        title_justify="left",
        caption="Sizes in bytes. Code is that of each kernel apart, though equal ones share it; RAM is what the plan "
        "holds for it: outputs or their rings, workspace. The run-time functions that kernels call are outside. "
        f"* Cycles are modelled: {Target.parse(found.target).cycle_model}.",
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
        table.add_row(each.name, each.kind, each.shape, *counts)
    return table
