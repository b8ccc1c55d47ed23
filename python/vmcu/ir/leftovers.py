"""What a conversion promises: after it certain ops are gone."""

from __future__ import annotations

from collections.abc import Callable

from mlir import ir

from vmcu.ir import walk
from vmcu.ir.bridge import PassError


def refuse_leftovers(
    module: ir.Module | ir.Operation | ir.OpView, is_left: Callable[[ir.Operation], bool], message: str
) -> None:
    """Refuse the first op nested in `module` that a conversion should have taken.

    Args:
        module: what was converted, or will be.
        is_left: whether an op should not be there.
        message: why not, and what to do; `{name}` is the op's name.

    Raises:
        PassError: there is such an op.
    """
    left = walk.find_first(module, is_left)
    if left is not None:
        raise PassError(left, message.format(name=left.name))
