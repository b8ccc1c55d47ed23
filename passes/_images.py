"""Reductions along one axis, read as windows that slide over an image."""

from __future__ import annotations

from math import prod

from mlir import ir


def as_image(shape: list[int], axis: int) -> tuple[list[int], list[int], list[int]]:
    """The shape of the image, the window, and the step from one window to the next.

    Rows and columns of one image stay what they are. Of any other tensor the axes up to `axis` are rows, and those after it
    are channels.
    """
    size = shape[axis]
    if len(shape) == 4 and shape[0] == 1 and axis in (1, 2):
        return shape, [size, 1] if axis == 1 else [1, size], [1, 1]
    return [1, prod(shape[: axis + 1]), 1, prod(shape[axis + 1 :])], [size, 1], [size, 1]


def reshape(value: ir.Value, shape: list[int]) -> ir.Value:
    """The tensor in another shape: `tosa.reshape`, if it has not that shape already."""
    kind = ir.RankedTensorType(value.type)
    if list(kind.shape) == shape:
        return value
    values = ir.DenseElementsAttr.get(
        [ir.IntegerAttr.get(ir.IndexType.get(), each) for each in shape],
        ir.RankedTensorType.get([len(shape)], ir.IndexType.get()),
    )
    of = ir.Type.parse(f"!tosa.shape<{len(shape)}>")
    target = ir.Operation.create("tosa.const_shape", [of], attributes={"values": values}).results[0]
    result = ir.RankedTensorType.get(shape, kind.element_type)
    return ir.Operation.create("tosa.reshape", [result], [value, target]).results[0]
