"""The figures of one measured run: what a benchmark prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vmcu.driver.compilation import Compiled
    from vmcu.run.oracles import OracleName


#: Runs in succession that are compared of a model with state.
CALLS = 10


@dataclass(frozen=True)
class Figures:
    """One model on one target; the fields are the keys of the JSON output, in this order.

    Args:
        model: name of the model.
        target: as `Target.parse` reads it.
        input: `resident`, or `fed` row by row.
        streams: groups of kernels that run together row by row.
        macs: multiply-accumulates of the network.
        recompute_factor: multiply-accumulates that the plan executes over `macs`: 1 if nothing is computed twice; None
            for a network without any.
        pool_bytes: the pool, as planned.
        state_bytes: what of it is kept from run to run.
        pool_lower_bound: bytes that are alive at once; no pool for the same streams can be smaller.
        static_ram_bytes: `.data` and `.bss` of the linked image, the pool included; a row that is fed is the caller's.
        stack_bytes: measured by the emulator.
        text_bytes: code of the linked image.
        rodata_bytes: constants of the linked image.
        instructions, loads, stores: executed; exact.
        cycles: modelled, from the target's instruction timings.
        cycles_per_mac: None for a network without multiply-accumulates.
        compile_seconds: from the file to the object, on this machine.
        calls: runs in succession whose outputs were compared; the figures are those of the first one.
        exact: every output byte of all calls is what the oracle says.
        oracle: who judged, with its version.
        oracle_notes: of each oracle that is more independent, why it did not judge.
    """

    model: str
    target: str
    input: str
    streams: int
    macs: int
    recompute_factor: float | None
    pool_bytes: int
    state_bytes: int
    pool_lower_bound: int
    static_ram_bytes: int
    stack_bytes: int
    text_bytes: int
    rodata_bytes: int
    instructions: int
    loads: int
    stores: int
    cycles: int
    cycles_per_mac: float | None
    compile_seconds: float
    calls: int
    exact: bool
    oracle: str
    oracle_notes: tuple[str, ...]


def measure(compiled: Compiled, inputs: Sequence[np.ndarray], oracle: OracleName = "auto") -> Figures:
    """Run a model on the emulated core, ask an oracle for the same, and put the figures together.

    A model with state is run `CALLS` times, from the second run on with random inputs.

    Raises:
        Unsupported, MissingTool: the oracle cannot judge.
        InputError: the arrays are not what the model takes, or the image is larger than the target.
    """
    generator = np.random.default_rng(0)
    more = range(CALLS - 1 if compiled.states else 0)
    given = [inputs, *([each.random(generator) for each in compiled.inputs] for _ in more)]
    with compiled.firmware() as firmware:
        results = [firmware.run(*each, count=each is inputs) for each in given]
        sizes = firmware.sizes
    panel = compiled.oracle(oracle)
    answers = [panel.ask(*each) for each in given]
    counts, answer = results[0].counts, answers[0]
    return Figures(
        model=compiled.name,
        target=str(compiled.target),
        input=compiled.input,
        streams=len(compiled.streams),
        macs=compiled.macs,
        recompute_factor=compiled.recompute_factor,
        pool_bytes=compiled.pool_bytes,
        state_bytes=compiled.state_bytes,
        pool_lower_bound=compiled.lower_bound,
        static_ram_bytes=sizes.ram,
        stack_bytes=counts.stack_bytes,
        text_bytes=sizes.text,
        rodata_bytes=sizes.rodata,
        instructions=counts.whole.instructions,
        loads=counts.whole.loads,
        stores=counts.whole.stores,
        cycles=counts.whole.cycles,
        cycles_per_mac=round(counts.whole.cycles / compiled.macs, 3) if compiled.macs else None,
        compile_seconds=round(compiled.compile_seconds, 3),
        calls=len(given),
        exact=all(is_exact(ours.outputs, theirs.outputs) for ours, theirs in zip(results, answers)),
        oracle=answer.oracle,
        oracle_notes=answer.notes,
    )


def is_exact(outputs: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> bool:
    """Whether both are the same arrays, byte for byte."""
    return len(outputs) == len(expected) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(outputs, expected)
    )
