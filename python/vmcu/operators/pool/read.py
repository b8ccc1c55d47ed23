"""How maximum pools are read from linalg."""

from __future__ import annotations

from collections.abc import Sequence

from mlir import ir

from vmcu.operators import match
from vmcu.operators.anchors import read_image, window_of
from vmcu.operators.match import Epilogue, shape_of
from vmcu.operators.pool.operator import MaxPool
from vmcu.operators.requant import INT8

MAX_POOL = "linalg.pooling_nhwc_max"


def read_max_pool(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> MaxPool | None:
    image = read_image(op.operands[0], inputs)
    start = match.broadcast_row(op.operands[2], shape_of(op.results[0])[3])
    if image is None or start is None or epilogue.requant is not None or epilogue.bias.any():
        return None
    low = max(epilogue.low, int(start.max()), INT8[0])
    return MaxPool(
        window_of(op, image, shape_of(op.operands[1])), image[0][3], image[2] or 0, low, min(epilogue.high, INT8[1])
    )


READERS = {MAX_POOL: read_max_pool}
