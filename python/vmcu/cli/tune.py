"""`vmcu tune`: measure the variants of a model's kernels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmcu.cli import options
from vmcu.cli.app import app
from vmcu.cli.say import DONE, say_error
from vmcu.errors import VmcuError

if TYPE_CHECKING:
    from rich.table import Table

    from vmcu.cores import Target
    from vmcu.tuner import Cache, Measured
    from vmcu.tuner.measure import Task


@app.command(epilog="Example: vmcu tune model.tflite")
def tune(
    models: options.Models,
    target: options.TargetName = "cortex-m4",
    io: options.Io = "auto",
    again: Annotated[bool, typer.Option("--again", help="measure what is known already, too")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="the cache to extend [default: the user's]", show_default=False
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Measure how fast the variants of each kernel are, for later compilations.

    Every variant is compiled alone and run on the emulated core. Shapes that are known, from the package or from before,
    are not measured again. A model that cannot be read does not keep the others from it. Compiling takes the fastest
    variant that its RAM and its budget of code allow.
    """
    from vmcu.cores import Target
    from vmcu.tuner import Cache, shipped, user_path

    core, path = Target.parse(target), output or user_path()
    mine = Cache.load(path)
    tasks: dict[str, Task] = {}
    failed = DONE
    for model in models:
        try:
            tasks |= {task.key: task for task in _find_tasks(model, core, io)}
        except VmcuError as error:
            failed = max(failed, say_error(error))
    if failed and not tasks and not as_json:
        raise typer.Exit(failed)
    known = shipped().updated(mine.entries) if output is None else mine
    missing = [task for task in tasks.values() if again or task.key not in known.entries]
    for task, found in _measure(missing):
        # Kept at once: who interrupts this has what was measured so far.
        mine = mine.updated({task.key: found})
        mine.save(path)
    cache = known.updated(mine.entries)
    if as_json:
        entries = {name: [asdict(each) for each in cache.entries[name]] for name in tasks}
        print(json.dumps(entries, indent=2))
        raise typer.Exit(failed)
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_tabulate(list(tasks.values()), cache))
    print(f"measured {len(missing)} of {len(tasks)} shapes" + (f", wrote {path}" if missing else ""))
    raise typer.Exit(failed)


def _find_tasks(model: Path, core: Target, io: options.Io) -> list[Task]:
    from vmcu.driver.compilation import Compilation
    from vmcu.tuner.measure import find_tasks

    return find_tasks(Compilation(model, core, io=io).kernels, core)


def _measure(tasks: list[Task]) -> Iterator[tuple[Task, tuple[Measured, ...]]]:
    """Measure tasks one after the other, with a bar on stderr; yields each with what was found."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        row = bar.add_task("measuring", total=sum(len(task.variants) for task in tasks))
        for task in tasks:
            bar.update(row, description=", ".join(task.kernels))
            yield task, task.measure(lambda variant: bar.advance(row))


def _tabulate(tasks: list[Task], cache: Cache) -> Table:
    """What is chosen for each shape, beside plain loops."""
    from rich.table import Table

    table = Table(title="vmcu tune", title_justify="left", caption_justify="left", caption="* Cycles are modelled.")
    for heading in ("shape", "kernels", "variant"):
        table.add_column(heading, overflow="fold")
    for heading in ("cycles*", "plain loops*", "code", "stack"):
        table.add_column(heading, justify="right", no_wrap=True)
    for task in tasks:
        found = {each.variant: each for each in cache.entries[task.key]}
        chosen = found[cache.choose(task.key) or ""]
        figures = chosen.cycles, found[""].cycles, chosen.code, chosen.scratch
        table.add_row(task.key, ", ".join(task.kernels), chosen.variant or "plain loops", *(f"{x:,}" for x in figures))
    return table
