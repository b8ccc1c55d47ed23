"""Refuse what the conversion from TOSA to linalg left behind.

Before: linalg on tensors, `arith`, `tensor`; perhaps an operation of TOSA that none of upstream's conversions takes.
After:  the same; no operation of TOSA is left but `tosa.apply_scale`, which later passes read.

Upstream's conversions are partial: they leave alone what they do not know, without a word.
"""

from __future__ import annotations

from mlir import ir

from vmcu.errors import SUPPORTED
from vmcu.ir.leftovers import refuse_leftovers
from vmcu.passes._registry import vmcu_pass


@vmcu_pass("vmcu-refuse-tosa-leftovers", summary="Refuse operations of TOSA that no conversion took")
def refuse_tosa_leftovers(module: ir.Module, options: None) -> None:
    refuse_leftovers(module, is_tosa, f"{{name}} has no lowering to linalg; {SUPPORTED}")


def is_tosa(op: ir.Operation) -> bool:
    """Whether an op is one of TOSA that linalg does not keep."""
    return op.name.startswith("tosa.") and op.name != "tosa.apply_scale"
