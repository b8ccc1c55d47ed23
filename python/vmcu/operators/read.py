"""From the linalg body of a kernel to plain data: which computation is it, and with which constants.

A reader walks back from the yielded value: reshape, epilogue (bias, requantisation, clamp), anchor, halo, input.
`vmcu-form-kernels` recognises a body once, with `read_operator`, and writes the kind on the kernel. What it does not
recognise runs on buffers. Whoever comes later asks the readers of that kind alone, with `read_as`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from mlir import ir

from vmcu.dialects import vmcu as d
from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes
from vmcu.operators.base import Operator
from vmcu.operators.conv2d import read as conv2d
from vmcu.operators.depthwise import read as depthwise
from vmcu.operators.elementwise.read import read_elementwise
from vmcu.operators.match import Epilogue, op_name, producer
from vmcu.operators.pool import read as pool
from vmcu.operators.pool.read import MAX_POOL
from vmcu.operators.rearrange.evaluate import is_move
from vmcu.operators.rearrange.read import read_rearrange
from vmcu.operators.requant import INT8
from vmcu.operators.resize import read as resize
from vmcu.operators.table.read import read_table
from vmcu.operators.transpose_conv.read import read_transpose_conv

Reader = Callable[[ir.OpView, Epilogue, Sequence[ir.Value]], Operator | None]

_GENERIC = "linalg.generic"
_NO_EPILOGUE = Epilogue(np.zeros(1), None, *INT8)
_DEPTHWISE: dict[str, Reader] = dict.fromkeys(depthwise.DEPTHWISE, depthwise.read_depthwise)


def _read_convolution(op: ir.OpView, epilogue: Epilogue, inputs: Sequence[ir.Value]) -> Operator | None:
    """A convolution over an image as it is, or over one that is spread."""
    ordinary = conv2d.read_conv2d(op, epilogue, inputs)
    return read_transpose_conv(op, epilogue, inputs) if ordinary is None else ordinary


_CONVOLUTIONS: dict[str, Reader] = dict.fromkeys(conv2d.CONVOLUTIONS, _read_convolution)

#: The anchors that a layer of each kind may be built around, with their readers; an elementwise layer has none.
READERS: dict[d.KernelKind, dict[str, Reader]] = {
    # A depthwise convolution of one channel is an ordinary one.
    d.KernelKind.conv2d: {**conv2d.READERS, **_CONVOLUTIONS, **_DEPTHWISE},
    d.KernelKind.depthwise: _DEPTHWISE,
    d.KernelKind.transpose_conv: _CONVOLUTIONS,
    d.KernelKind.resize: {**resize.READERS},
    # Weights of ones over the whole image are a mean.
    d.KernelKind.pool: {**pool.READERS, depthwise.SUM_POOL: depthwise.read_sum_pool, **_DEPTHWISE},
}
_ALL = {anchor: reader for readers in READERS.values() for anchor, reader in readers.items()}
ANCHORS = tuple(_ALL)


def read_operator(result: ir.Value, inputs: Sequence[ir.Value]) -> Operator | None:
    """The computation that makes `result` out of `inputs` (int8 tensors), or None if it is none of ours."""
    sources, flips = _sources(result, inputs)
    moved = read_rearrange(result, inputs) if _is_moved(result) else None
    if moved is not None:
        return moved
    op = _maker(result)
    if op is None:
        return None
    value = _find_anchor(op, _ALL)
    operator = _read_elementwise(op, sources) if value is None else _read_around(op, value, _ALL, sources)
    return operator if operator is None or not flips else replace(operator, flips=flips)


def read_as(kind: d.KernelKind, result: ir.Value, inputs: Sequence[ir.Value]) -> Operator | None:
    """The same of a kernel whose kind is known, or None if its body is not that of such a kernel."""
    sources, flips = _sources(result, inputs)
    operator = _read_as(kind, result, sources)
    return operator if operator is None or not flips else replace(operator, flips=flips)


def _sources(result: ir.Value, inputs: Sequence[ir.Value]) -> tuple[list[ir.Value], frozenset[int]]:
    """What a body reads as its inputs, and the numbers of those that it flips first because their bytes are uint8."""
    made = behind_reshapes(result)
    flipped = [match.flipped_input(each) for each in inputs]
    found = [
        None if each is None or each == made else each for each in flipped
    ]  # a kernel that only flips is elementwise
    sources = [own if each is None else each for own, each in zip(inputs, found)]
    return sources, frozenset(number for number, each in enumerate(found) if each is not None)


def _read_as(kind: d.KernelKind, result: ir.Value, inputs: Sequence[ir.Value]) -> Operator | None:
    if kind == d.KernelKind.rearrange:
        return read_rearrange(result, inputs)
    op, readers = _maker(result), READERS.get(kind, {})
    if op is None:
        return None
    if kind == d.KernelKind.elementwise:
        return _read_elementwise(op, inputs)
    value = _find_anchor(op, readers)
    operator = None if value is None else _read_around(op, value, readers, inputs)
    return operator if operator is not None and operator.kind == kind else None


def _is_moved(result: ir.Value) -> bool:
    """Whether the last op of a body, reshapes aside, moves bytes only."""
    op = producer(behind_reshapes(result))
    return op is not None and is_move(op)


def _maker(result: ir.Value) -> ir.OpView | None:
    """The op that makes an int8 tensor, seen through reshapes, if layers end with such an op."""
    result = behind_reshapes(result)
    op = producer(result)
    return op if match.is_int8(result) and op_name(op) in (_GENERIC, MAX_POOL) else None


def _find_anchor(op: ir.OpView, readers: Mapping[str, Reader]) -> ir.Value | None:
    """What the anchor of the layer that ends with `op` makes; None if there is no anchor with a reader."""
    if op_name(op) != _GENERIC:
        return op.results[0] if op_name(op) in readers else None
    made = (each for each in op.operands[:-1] if op_name(producer(behind_reshapes(each))) in readers)
    return next(made, None)


def _read_around(
    op: ir.OpView, value: ir.Value, readers: Mapping[str, Reader], inputs: Sequence[ir.Value]
) -> Operator | None:
    """A layer that ends with `op`, around the anchor that makes `value`."""
    epilogue = match.read_epilogue(op, value) if op_name(op) == _GENERIC else _NO_EPILOGUE
    anchor = producer(behind_reshapes(value))
    if anchor is None or epilogue is None or not _sees_channels(value, anchor):
        return None
    return readers[op_name(anchor)](anchor, epilogue, inputs)


def _sees_channels(value: ir.Value, anchor: ir.OpView) -> bool:
    """Whether reshapes between an anchor and `value` leave its channels apart from pixels: constants are per channel."""
    made = anchor.results[0]
    # A depthwise anchor may end in [.., channels, multiplier].
    return value == made or match.shape_of(value)[-1] == int(np.prod(match.shape_of(made)[3:]))


def _read_elementwise(op: ir.OpView, inputs: Sequence[ir.Value]) -> Operator | None:
    return (read_table(op, inputs) or read_elementwise(op, inputs)) if op_name(op) == _GENERIC else None
