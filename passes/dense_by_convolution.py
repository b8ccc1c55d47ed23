"""Fully connected layers over a flattened map as convolutions whose one window is the map.

Before: a map `[1, h, w, c]`, collapsed to one pixel of `h * w * c` channels, and a convolution of one by one over that
After:  a convolution of the map, with the same weights as `[out, h, w, c]`

The numbers are the same. A layer that sees the map can take its rows as they come, and frees each of them; one that sees
a single pixel can begin when the map is whole. Maps of one row are left alone.

Runs on linalg before `vmcu-form-kernels`.
"""

from __future__ import annotations

from mlir import ir

from vmcu.ir import build, walk
from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.match import op_name, shape_of
from vmcu.passes._registry import vmcu_pass

_CONVOLUTIONS = ("linalg.conv_2d_nhwc_fhwc", "linalg.conv_2d_nhwc_fhwc_q")


@vmcu_pass("vmcu-dense-by-convolution", summary="Let fully connected layers see the map that was flattened for them")
def dense_by_convolution(module: ir.Module, options: None) -> None:
    for op in [op for op in walk.walk(module.operation) if op_name(op) in _CONVOLUTIONS]:
        _unflatten(op)


def _unflatten(op: ir.OpView) -> None:
    image, weights = behind_reshapes(op.operands[0]), match.constant_array(op.operands[1])
    if shape_of(op.operands[0])[:3] != (1, 1, 1) or weights is None or weights.shape[1:3] != (1, 1):
        return
    shape = shape_of(image)
    if len(shape) != 4 or shape[0] != 1 or shape[1] == 1:
        return
    with op.location, ir.InsertionPoint(op):
        op.operation.operands[1] = build.flash(weights.reshape(len(weights), *shape[1:]))
    op.operation.operands[0] = image
