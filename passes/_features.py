"""What passes are told of a core: the instructions it has, and never its name."""

from __future__ import annotations

from dataclasses import dataclass

from vmcu.cores import Features
from vmcu.passes._registry import option


@dataclass(frozen=True)
class CoreOptions:
    """Options of passes that choose by instructions; those of `vmcu.cores.Features` that matter to them."""

    dsp: bool = option(True, "the core has the DSP extension: SMLAD, SXTB16, SMMULR")
    fpu: bool = option(True, "the core has an FPU, whose registers hold constants of inner loops")
    saturate: bool = option(True, "the core has SSAT")
    long_multiply: bool = option(True, "the core has products of 64 bits: SMULL, SMLAL")

    @property
    def features(self) -> Features:
        """The same as data of a core."""
        return Features(dsp=self.dsp, fpu=self.fpu, saturate=self.saturate, long_multiply=self.long_multiply)
