"""Where the time of a run goes: the figures of each kernel.

The emulator counts blocks, and a block belongs to the function whose symbol covers it. Kernels of equal shape usually
share one function; to tell them apart, a profile is taken of code in which every kernel has a function of its own. The
cycles are the same, the code is larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vmcu.driver.program import Program
from vmcu.driver.summaries import Layer
from vmcu.run.emulator import FunctionCounts
from vmcu.toolchain import symbols

#: The name of the row for all that is no kernel.
OUTSIDE = "outside"


@dataclass(frozen=True)
class LayerFigures:
    """One kernel in one run; the fields are the keys of the JSON output, in this order.

    Args:
        name, kind, shape, macs: as of `Layer`.
        calls: of its function; a kernel in a stream is called for each row.
        instructions: exact.
        cycles: modelled; those of run-time functions that it calls are not in them.
        cycles_per_mac: None without multiply-accumulates.
        code_bytes: of its function, before kernels of equal shape share one.
        ram_bytes: what the plan holds for it: its outputs (rings with their landings, or whole tensors) and workspace.
            Kernels hold theirs at different times, so they do not add up to the pool. None for the row `outside`.
    """

    name: str
    kind: str
    shape: str
    macs: int
    calls: int
    instructions: int
    cycles: int
    cycles_per_mac: float | None
    code_bytes: int
    ram_bytes: int | None


@dataclass(frozen=True)
class Profile:
    """The kernels of a model in one run.

    Args:
        model: name of the model.
        target: as `Target.parse` reads it.
        layers: in the order of the plan.
        outside: what no kernel spends: loops over ticks, rows that settle, run-time functions such as `memcpy`.
        cycles: of the whole run, which are those of `layers` and `outside`.
    """

    model: str
    target: str
    layers: tuple[LayerFigures, ...]
    outside: LayerFigures
    cycles: int


def profile(apart: Program, layers: Sequence[Layer], inputs: Sequence[np.ndarray]) -> Profile:
    """Run a model once.

    Args:
        apart: code in which every kernel has a function of its own.
        layers: its kernels.
        inputs: one array for each input.

    Raises:
        InputError: the arrays are not what the model takes, or the image is larger than the target.
    """
    with apart.firmware() as firmware:
        counts = firmware.run(*inputs).counts
        sizes, text = symbols(firmware.elf), firmware.sizes.text
    functions = {layer.name: apart.names.kernel(layer.name) for layer in layers}
    figures = tuple(
        _figures(layer, counts.functions.get(functions[layer.name], FunctionCounts()), sizes[functions[layer.name]][1])
        for layer in layers
    )
    rest = [each for name, each in counts.functions.items() if name not in functions.values()]
    outside = _outside(sum(rest, FunctionCounts()), text - sum(each.code_bytes for each in figures))
    return Profile(apart.name, str(apart.target), figures, outside, counts.whole.cycles)


def _figures(layer: Layer, counts: FunctionCounts, code_bytes: int) -> LayerFigures:
    return LayerFigures(
        name=layer.name,
        kind=layer.kind,
        shape=layer.shape,
        macs=layer.macs,
        calls=counts.calls,
        instructions=counts.instructions,
        cycles=counts.cycles,
        cycles_per_mac=round(counts.cycles / layer.macs, 3) if layer.macs else None,
        code_bytes=code_bytes,
        ram_bytes=layer.ring_bytes + layer.workspace_bytes,
    )


def _outside(counts: FunctionCounts, code_bytes: int) -> LayerFigures:
    return LayerFigures(
        OUTSIDE, "", "", 0, counts.calls, counts.instructions, counts.cycles, None, code_bytes, ram_bytes=None
    )
