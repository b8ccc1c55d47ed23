"""The cores of `vmcu.cores` as tables, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from vmcu.cores import CORES, CycleTable, Features
from vmcu.units import format_bytes

if TYPE_CHECKING:
    from rich.table import Table


def targets_as_dicts() -> list[dict]:
    """Name, architecture, features, memories in bytes and cycles of each core."""
    return [
        {
            "name": core.name,
            "architecture": core.triple.split("-")[0],
            "features": asdict(core.features),
            "flash": core.flash,
            "ram": core.ram,
            "cycle_model": core.cycle_model,
            "cycles": asdict(core.cycles),
        }
        for core in CORES.values()
    ]


def tabulate_targets() -> Table:
    """A table of the cores."""
    from rich.table import Table

    table = Table(
        title="vmcu targets",
        title_justify="left",
        caption="Flash and RAM are defaults: cortex-m4,flash=512KiB,ram=64KiB.",
        caption_justify="left",
    )
    for heading in ("core", "architecture", *(each.name.replace("_", "-") for each in fields(Features))):
        table.add_column(heading, no_wrap=True)
    for heading in ("flash", "RAM"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("cycles are modelled by")
    for core in CORES.values():
        has = ("yes" if each else "-" for each in asdict(core.features).values())
        sizes = map(format_bytes, (core.flash, core.ram))
        table.add_row(core.name, core.triple.split("-")[0], *has, *sizes, core.cycle_model)
    return table


def describe_targets() -> Iterator[str]:
    """The cores as lines of Markdown: what they have, and what their instructions cost."""
    features = [each.name for each in fields(Features)]
    yield f"| core | architecture | {' | '.join(each.replace('_', '-') for each in features)} | flash | RAM | cycles |"
    yield f"| --- | --- |{' --- |' * len(features)} ---: | ---: | --- |"
    for core in CORES.values():
        has = " | ".join("yes" if getattr(core.features, each) else "" for each in features)
        sizes = f"{format_bytes(core.flash)} | {format_bytes(core.ram)}"
        yield f"| `{core.name}` | {core.triple.split('-')[0]} | {has} | {sizes} | {core.cycle_model} |"
    yield ""
    yield f"| cycles of | {' | '.join(CORES)} |"
    yield f"| --- |{' ---: |' * len(CORES)}"
    for each in fields(CycleTable):
        values = " | ".join(str(getattr(core.cycles, each.name)) for core in CORES.values())
        yield f"| {each.name.replace('_', ' ')} | {values} |"
