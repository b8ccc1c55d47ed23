"""What an instruction set is: families of kernels, and the lowering of the ops that they emit."""

from __future__ import annotations

from dataclasses import dataclass

from vmcu.isa.lowering import Lowering
from vmcu.operators import Family


@dataclass(frozen=True)
class Isa:
    """An instruction set.

    Args:
        name: for people.
        families: ways to compute operators beside the plain loops, the best guess first.
        lowering: turns segment ops into instructions.
    """

    name: str
    families: tuple[Family, ...]
    lowering: type[Lowering]
