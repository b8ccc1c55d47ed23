"""RAM against time: a model's plans from the fewest kernels in streams to the smallest pool, each one measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vmcu.cores import Target
from vmcu.errors import DoesNotFit
from vmcu.report.figures import is_exact

if TYPE_CHECKING:
    from rich.table import Table

    from vmcu.driver.compilation import Compilation, Compiled
    from vmcu.run.oracles import Answer, OracleName


@dataclass(frozen=True)
class Point:
    """One plan of one model; the fields are the keys of the JSON output, in this order.

    Args:
        model: name of the model.
        target: as `Target.parse` reads it.
        input: `resident`, or `fed` row by row.
        pool_bytes: the pool, as planned.
        streams: groups of kernels that run together row by row.
        streamed_kernels: kernels in these groups.
        recompute_factor: multiply-accumulates that the plan executes over those of the network.
        stack_bytes: measured by the emulator.
        cycles: modelled, from the target's instruction timings.
        exact: every output byte is what the oracle says.
        oracle: who judged, with its version.
        oracle_notes: of each oracle that is more independent, why it did not judge.
    """

    model: str
    target: str
    input: str
    pool_bytes: int
    streams: int
    streamed_kernels: int
    recompute_factor: float | None
    stack_bytes: int
    cycles: int
    exact: bool
    oracle: str
    oracle_notes: tuple[str, ...]


def find_points(compilation: Compilation, inputs: Sequence[np.ndarray], oracle: OracleName = "auto") -> Iterator[Point]:
    """Measure the pools of `vmcu.planner.frontier` that fit the RAM of `compilation`, the largest one first.

    Each has as few kernels in streams as just that many bytes allow.

    Raises:
        VmcuError: as `compile_model`; DoesNotFit if not even the smallest plan fits.
    """
    expected = compilation.oracle(oracle).ask(*inputs)  # from the initial states, as each plan's first run
    for compiled in _compile_all(compilation):
        yield _measure(compiled, inputs, expected)


def _compile_all(compilation: Compilation) -> Iterator[Compiled]:
    """As the planner walks: whatever has a byte less than the plan before, until there is nothing."""
    pool_bytes = compilation.within(compilation.options.ram_bytes).pool_bytes
    while True:
        # Planned again: with these bytes as the limit people get this plan, which may not be the one just found.
        planned = compilation.within(pool_bytes)
        misfit = None
        try:
            yield planned.finish()
        except DoesNotFit as error:  # Its stack does not fit beside its pool: that of a smaller one may.
            misfit = error
        try:
            pool_bytes = compilation.within(planned.pool_bytes - 1).pool_bytes
        except DoesNotFit:
            if misfit is not None:
                raise misfit from None
            return


def _measure(compiled: Compiled, inputs: Sequence[np.ndarray], expected: Answer) -> Point:
    with compiled.firmware() as firmware:
        result = firmware.run(*inputs)
    return Point(
        model=compiled.name,
        target=str(compiled.target),
        input=compiled.input,
        pool_bytes=compiled.pool_bytes,
        streams=len(compiled.streams),
        streamed_kernels=sum(map(len, compiled.streams)),
        recompute_factor=compiled.recompute_factor,
        stack_bytes=result.counts.stack_bytes,
        cycles=result.counts.whole.cycles,
        exact=is_exact(result.outputs, expected.outputs),
        oracle=expected.oracle,
        oracle_notes=expected.notes,
    )


def tabulate_points(points: Sequence[Point]) -> Table:
    """A table of one model's points; there is at least one."""
    from rich.table import Table

    first = points[0]
    target = Target.parse(first.target)
    table = Table(
        title=f"vmcu frontier of {first.model} on {first.target}, input {first.input}",
        title_justify="left",
        caption=f"Sizes in bytes. * Cycles are modelled: {target.name}: {target.cycle_model}. "
        f"Exact: every byte is what the oracle says: {first.oracle}.",
        caption_justify="left",
    )
    for heading in ("pool", "streams", "kernels in streams", "work", "stack", "cycles*"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("exact")
    for point in points:
        sizes = (f"{each:,}" for each in (point.pool_bytes, point.streams, point.streamed_kernels))
        work = "" if point.recompute_factor is None else f"{point.recompute_factor:.2f}"
        times = (f"{each:,}" for each in (point.stack_bytes, point.cycles))
        table.add_row(*sizes, work, *times, "yes" if point.exact else "NO")
    return table
