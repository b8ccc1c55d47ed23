"""Results as lines and tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from vmcu.cores import KIB
from vmcu.report.figures import Figures

if TYPE_CHECKING:
    from rich.table import Table

    from vmcu.abi.tensor import Tensor
    from vmcu.cores import Target
    from vmcu.driver.compilation import Compiled
    from vmcu.driver.options import Options
    from vmcu.report.layers import Profile
    from vmcu.run.emulator import Counts
    from vmcu.run.firmware import Result


#: The share of the time above which kernels on buffers are worth a line.
BUFFER_SHARE = 0.05


def kib(count: int) -> str:
    """Bytes in KiB: `46 KiB`, `3.2 KiB` below ten."""
    size = count / KIB
    return f"{size:.0f} KiB" if size >= 10 or size == int(size) else f"{size:.1f} KiB"


def summarise(compiled: Compiled, options: Options) -> str:
    """What a compilation came to, in some lines; `options` tell the memories that it was allowed."""
    setter = f"; {compiled.lower_bound_kernel} sets it" if compiled.lower_bound_kernel else ""
    again = compiled.executed_macs > compiled.macs
    percent = f"about {100 * compiled.buffer_share:.0f} % of the time; `vmcu bench --layers` measures it"
    share = f"\nkernels on buffers take {percent}" if compiled.buffer_share > BUFFER_SHARE else ""
    work = f"\n{compiled.recompute_factor:.2f} times the network's multiply-accumulates" if again else ""
    layers = (
        f"tensor by tensor the largest layer alone needs {compiled.layerwise_bytes:,} bytes\n"
        f"{describe_streams(compiled.streams)}"
        if compiled.layerwise_bytes
        else "the file holds loops, which hide layers and streams"
    )
    return (
        f"pool {compiled.pool_bytes:,} bytes of {kib(options.ram_bytes)} (bound {compiled.lower_bound:,}{setter}), "
        f"flash {kib(compiled.sizes.flash)} of {kib(options.flash_bytes)} (text {kib(compiled.sizes.text)}, constants "
        f"{kib(compiled.sizes.rodata)}), stack {compiled.stack_bytes:,} bytes\n"
        f"{layers}{work}{share}{describe_state(compiled)}"
    ) + (f"\n{describe_rows(compiled)}" if compiled.input == "fed" else "")


def describe_state(compiled: Compiled) -> str:
    """A line on what is kept from run to run; none where nothing is."""
    return f"\nkeeps {compiled.state_bytes:,} bytes of the pool from run to run" if compiled.states else ""


def describe_streams(streams: Sequence[Sequence[str]]) -> str:
    """The kernels that run together: `2 streams: conv2d_0..conv2d_4, add_1..conv2d_7`; of one kernel just its name."""
    if not streams:
        return "no streams: layer by layer"
    names = (names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}" for names in streams)
    return f"{len(streams)} stream{'s' * (len(streams) != 1)}: {', '.join(names)}"


def describe_rows(compiled: Compiled) -> str:
    """What is fed to a model that takes rows."""
    return f"fed by {compiled.rows} row{'s' * (compiled.rows != 1)} of {compiled.row_bytes:,} bytes"


def describe_counts(counts: Counts, target: Target) -> str:
    """Instructions, accesses, cycles and stack of a run."""
    return (
        f"{counts.instructions:,} instructions, {counts.loads:,} loads, {counts.stores:,} stores, "
        f"stack {counts.stack_bytes} bytes\n{counts.cycles:,} cycles, modelled: {target.cycle_model}"
    )


def describe_output(tensor: Tensor, values: np.ndarray, *, top: int = 5) -> str:
    """The largest values of an output with their positions, and what they stand for where the model tells."""
    flat = values.ravel()
    order = np.argsort(-flat.astype(np.float64), kind="stable")[:top]
    title = f"output '{tensor.name}' {tensor}"
    lines = [f"{title}, the {len(order)} largest of {flat.size} values:" if flat.size > top else f"{title}:"]
    for position in order:
        real = f"  = {tensor.dequantise(flat[position]):.6g}" if tensor.is_quantised else ""
        value = f"{flat[position]:>6}" if flat.dtype.kind == "i" else f"{flat[position]:>12.6g}"
        lines.append(f"  [{position}]{' ' * (len(str(flat.size)) - len(str(position)))}{value}{real}")
    return "\n".join(lines)


def describe_run(compiled: Compiled, result: Result, notes: Sequence[str]) -> str:
    """Outputs and figures of one run; `notes` say where the input came from."""
    inputs = ", ".join(f"'{tensor.name}' {tensor}" for tensor in compiled.inputs)
    return "\n".join(
        (
            f"{compiled.name} on {compiled.target}, emulated",
            f"input {inputs}{f', {describe_rows(compiled)}' if compiled.input == 'fed' else ''}",
            *(f"  {note}" for note in notes),
            *(describe_output(tensor, values) for tensor, values in zip(compiled.outputs, result.outputs)),
            f"pool {compiled.pool_bytes:,} bytes, {describe_counts(result.counts, compiled.target)}",
        )
    )


def run_as_dict(compiled: Compiled, result: Result, *, seed: int | None) -> dict:
    """The same for machines; `seed` is that of a random input, None if the input was given."""
    counts = result.counts
    outputs = [
        {
            "name": tensor.name,
            "dtype": str(tensor.dtype),
            "shape": list(tensor.shape),
            "scale": tensor.scale,
            "zero_point": tensor.zero_point,
            "values": values.ravel().tolist(),
        }
        for tensor, values in zip(compiled.outputs, result.outputs)
    ]
    return {
        "model": compiled.name,
        "target": str(compiled.target),
        "input": compiled.input,
        "seed": seed,
        "outputs": outputs,
        "pool_bytes": compiled.pool_bytes,
        "stack_bytes": counts.stack_bytes,
        "instructions": counts.instructions,
        "loads": counts.loads,
        "stores": counts.stores,
        "cycles": counts.cycles,
        "cycle_model": compiled.target.cycle_model,
    }


def figures_as_dicts(rows: Sequence[Figures], profiles: Sequence[Profile]) -> list[dict]:
    """The figures for machines; with `profiles`, one for each row, each has its kernels as `layers` and `outside`."""
    found = [asdict(row) for row in rows]
    for row, each in zip(found, profiles):
        kernels = asdict(each)
        row |= {"layers": kernels["layers"], "outside": kernels["outside"]}
    return found


def tabulate(rows: Sequence[Figures]) -> Table:
    """A table of benchmark figures."""
    from rich.table import Table

    table = Table(title="vmcu bench", title_justify="left", caption=_caption(rows), caption_justify="left")
    table.add_column("model", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("input", no_wrap=True)
    for heading in ("pool", "static RAM", "stack", "text", "rodata", "MACs", "instructions", "cycles*", "per MAC*"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("exact")
    for row in rows:
        sizes = (row.pool_bytes, row.static_ram_bytes, row.stack_bytes, row.text_bytes, row.rodata_bytes)
        per_mac = "-" if row.cycles_per_mac is None else f"{row.cycles_per_mac:.2f}"
        counts = [f"{each:,}" for each in (*sizes, row.macs, row.instructions, row.cycles)]
        exact = f"{'yes' if row.exact else 'NO'}, {row.oracle.split()[0]}"
        table.add_row(row.model, row.target.split(",")[0], row.input, *counts, per_mac, exact)
    return table


def _caption(rows: Sequence[Figures]) -> str:
    from vmcu.cores import Target

    targets = {row.target.split(",")[0]: Target.parse(row.target) for row in rows}
    models = "; ".join(f"{name}: {target.cycle_model}" for name, target in targets.items())
    judges = "; ".join(dict.fromkeys(row.oracle for row in rows))
    return (
        f"Sizes in bytes. Instructions are counted on the emulated core. * Cycles are modelled: {models}. "
        f"Exact: every byte is what the oracle says: {judges}."
    )
