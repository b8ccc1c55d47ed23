"""The supported operators of `.tflite` files as tables, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmcu.frontends.tflite.support import SUPPORT

if TYPE_CHECKING:
    from rich.table import Table

_HEADINGS = ("operator", "kernel", "form", "exact")


def ops_as_dicts() -> list[dict[str, str]]:
    """Name, kind of kernel, forms and judge of each operator."""
    return [dict(zip(_HEADINGS, (name, each.kernel, each.forms, each.exact))) for name, each in sorted(SUPPORT.items())]


def tabulate_ops() -> Table:
    """A table of the operators."""
    from rich.table import Table

    table = Table(
        title="vmcu ops",
        title_justify="left",
        caption="Kernels: segments overlap input and output and run in streams, buffers are plain loops.\n"
        "Exact: bit for bit what LiteRT's reference kernels compute, or TOSA's where LiteRT has no right one.",
        caption_justify="left",
    )
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading != "form")
    for each in ops_as_dicts():
        table.add_row(*each.values())
    return table


def describe_ops() -> Iterator[str]:
    """The operators as lines of Markdown."""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "| --- | --- | --- | --- |"
    for each in ops_as_dicts():
        yield f"| {' | '.join(each.values())} |"
