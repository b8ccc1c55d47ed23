"""Building an op anew without losing what its builder does not know."""

from __future__ import annotations

from collections.abc import Collection

from mlir import ir


def keep_attributes(
    old: ir.Operation | ir.OpView, new: ir.Operation | ir.OpView, *, dropped: Collection[str] = ()
) -> None:
    """Give `new`, which takes the place of `old`, all attributes of `old` that it does not set itself.

    The location is that at which `new` is built: build it under `with old.location`.

    Args:
        old: an op that will be erased.
        new: an op of the same meaning.
        dropped: attributes that mean nothing to `new`, such as the phase of a kernel that has its row.
    """
    kept = [name for name in old.operation.attributes if name not in new.operation.attributes and name not in dropped]
    for name in kept:
        new.operation.attributes[name] = old.operation.attributes[name]
