"""How many tensors an operator reads and writes.

The converter and the rules for shapes count on it, and a damaged file need not keep to it.
"""

from __future__ import annotations

from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.model import Operator

_ANY = 1 << 30
#: Fewest and most inputs; an operator that is not named here has one.
_INPUTS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("CONCATENATION", "PACK"), (1, _ANY)),
    "RESHAPE": (1, 2),
    **dict.fromkeys(
        (
            "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU", "BATCH_MATMUL",
            "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL",
            "EXPAND_DIMS", "GATHER", "GATHER_ND", "MEAN", "MIRROR_PAD", "PAD", "REDUCE_MAX", "REDUCE_MIN",
            "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SPLIT", "SUM", "TILE", "TRANSPOSE",
        ),
        (2, 2),
    ),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), (2, 3)),
    **dict.fromkeys(
        ("BATCH_TO_SPACE_ND", "PADV2", "SELECT", "SELECT_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPLIT_V"), (3, 3)
    ),
    "TRANSPOSE_CONV": (3, 4),
    "STRIDED_SLICE": (4, 4),
}  # fmt: skip
_MANY_OUTPUTS = ("SPLIT", "SPLIT_V", "UNPACK")


def arity_fault(operator: Operator) -> str | None:
    """What is wrong with the number of an operator's inputs and outputs, to follow its name; None if nothing is."""
    name = schema.operator_name(operator.code)
    fewest, most = _INPUTS.get(name, (1, 1))
    found = len(operator.inputs)
    if not fewest <= found <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most == _ANY else f"{fewest} to {most}"
        return f"it has {found} input{'s' * (found != 1)} where it takes {wanted}"
    if -1 in operator.inputs[:fewest]:
        return f"its input {operator.inputs.index(-1)} is left out"
    found = len(operator.outputs)
    if found != 1 and not (found and name in _MANY_OUTPUTS):
        return f"it has {found} outputs where it makes {'1 or more' if name in _MANY_OUTPUTS else '1'}"
    return None
