"""How elementwise layers are read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.elementwise.operator import Elementwise, Extent
from vmcu.operators.elementwise.vectorise import can_vectorise
from vmcu.operators.match import constant_array, shape_of
from vmcu.operators.requant import constant_int


def read_elementwise(op: ir.OpView, inputs: Sequence[ir.Value]) -> Elementwise | None:
    shape = shape_of(op.results[0])
    block = op.regions[0].blocks[0]
    if not match.is_parallel(op) or not all(can_vectorise(each) for each in block.operations):
        return None
    operands: list[int | np.ndarray] = []
    extents: dict[int, Extent] = {}
    for operand, map in zip(op.operands[:-1], match.indexing_maps(op)):
        source, array, extent = behind_reshapes(operand), constant_array(operand), _find_extent(map, operand, shape)
        if array is not None and extent not in (None, Extent.PIXELS):
            operands.append(array)
        elif source in inputs and match.is_int8(operand) and extent is not None:
            number = list(inputs).index(source)
            if extents.setdefault(number, extent) != extent:
                return None
            operands.append(number)
        else:
            return None
    # Every input must be read, and only the last map may write.
    if set(extents) != set(range(len(inputs))):
        return None
    if not match.is_identity(match.indexing_maps(op)[-1]) or _captures_values(block):
        return None
    height = shape[1] if len(shape) >= 4 else 1
    found = tuple(extents[number] for number in range(len(inputs)))
    is_plain = set(found) == {Extent.ELEMENTS}
    return Elementwise(
        int(np.prod(shape[:-1])), shape[-1], len(inputs), block, tuple(operands), height, () if is_plain else found
    )


def _find_extent(map: ir.AffineMap, operand: ir.Value, shape: tuple[int, ...]) -> Extent | None:
    """What an operand has a value for, of a result of `shape`; None if that has no name."""
    if not all(isinstance(each, (ir.AffineDimExpr, ir.AffineConstantExpr)) for each in map.results):
        return None
    read = [ir.AffineDimExpr(each).position for each in map.results if isinstance(each, ir.AffineDimExpr)]
    if read != sorted(read) or int(np.prod([shape[each] for each in read])) != int(np.prod(shape_of(operand))):
        return None
    varying, last = {each for each in read if shape[each] > 1}, len(shape) - 1
    everything = {each for each, size in enumerate(shape) if size > 1}
    extents = {
        Extent.ELEMENTS: everything,
        Extent.SINGLE: set(),
        Extent.CHANNELS: everything & {last},
        Extent.PIXELS: everything - {last},
    }
    return next((extent for extent, dims in extents.items() if dims == varying), None)


def _captures_values(block: ir.Block) -> bool:
    """Whether the body reads something from outside that is no integer constant, or its own output."""
    own = {result for op in block.operations for result in op.results} | set(list(block.arguments)[:-1])
    outside = [value for op in block.operations for value in op.operands if value not in own]
    return any(constant_int(value) is None for value in outside)
