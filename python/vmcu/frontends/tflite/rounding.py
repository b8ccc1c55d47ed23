"""Put single rounding back into fully connected layers.

Before: `tosa.rescale ... rounding_mode = DOUBLE_ROUND` after a fully connected layer
After:  `tosa.rescale ... rounding_mode = SINGLE_ROUND`

Why: LiteRT's int8 reference kernels requantise in two ways. Convolutions multiply by a 32-bit multiplier, round, then
shift and round once more (`DOUBLE_ROUND`); the fully connected kernel rounds once. The converter turns both into
`tosa.conv2d` + `tosa.rescale` with double rounding, which is off by one in a few results of a thousand and adds up over
layers. What still tells them apart is the weight: a convolution's is a 4-D constant, a fully connected layer's is a 2-D
constant behind a `tosa.reshape`.
"""

from __future__ import annotations

from mlir import ir

from vmcu.ir import walk


def round_once_after_fully_connected(module: ir.Module) -> int:
    """Rewrite the rescale after each fully connected layer in place.

    Returns:
        How many were rewritten.
    """
    rescales = [user for op in walk.walk(module.operation) if _is_fully_connected(op) for user in _rescales(op)]
    for rescale in rescales:
        rescale.attributes["rounding_mode"] = ir.Attribute.parse("#tosa.rounding_mode<SINGLE_ROUND>", module.context)
    return len(rescales)


def _is_fully_connected(op: ir.OpView) -> bool:
    if op.operation.name != "tosa.conv2d":
        return False
    reshape = walk.owner(op.operands[1])
    if reshape is None or reshape.name != "tosa.reshape":
        return False
    weight = walk.owner(reshape.operands[0])
    return weight is not None and weight.name == "tosa.const" and weight.results[0].type.rank == 2


def _rescales(op: ir.OpView) -> list[ir.Operation]:
    found = [user for user in walk.users(op.results[0]) if user.name == "tosa.rescale"]
    return [rescale for rescale in found if walk.rounds_twice(rescale)]
