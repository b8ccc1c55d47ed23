"""Elementwise layers whose elements are numbers of the same place: how they are read, evaluated and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith, linalg, tensor

from vmcu.ir import build
from vmcu.operators import match
from vmcu.operators.elementwise.evaluate import can_evaluate, evaluate
from vmcu.operators.match import op_name, producer, shape_of
from vmcu.operators.requant import constant_int

BYTES = np.arange(-128, 128, dtype=np.int64)  # all that an int8 may be


@dataclass(frozen=True, eq=False)
class Pointwise:
    """A `linalg.generic` that computes each element of its result from elements at the same place, and constants.

    Args:
        op: it.
        inputs: per operand of the body a tensor, or a constant of one element, one per channel or one per element.
    """

    op: ir.OpView
    inputs: tuple[ir.Value | np.ndarray, ...]

    @property
    def tensors(self) -> list[ir.Value]:
        """The inputs that are no constants."""
        return [each for each in self.inputs if isinstance(each, ir.Value)]

    @property
    def body(self) -> ir.Block:
        """What is done to each element."""
        return self.op.regions[0].blocks[0]


def read_pointwise(op: ir.OpView) -> Pointwise | None:
    """`op` as such a layer; None if it is none, or has an op that nobody evaluates."""
    if op_name(op) != "linalg.generic" or len(op.results) != 1 or not match.is_parallel(op) or match.is_flip(op):
        return None
    *maps, last = match.indexing_maps(op)
    block = op.regions[0].blocks[0]
    if not match.is_identity(last) or list(block.arguments[len(block.arguments) - 1].uses):
        return None
    if not all(map(can_evaluate, block.operations)) or not all(map(_is_known, _captured(block))):
        return None
    inputs: list[ir.Value | np.ndarray] = []
    for operand, map_ in zip(op.operands, maps):
        constant = _constant(operand, map_, shape_of(op.results[0]))
        if constant is not None:
            inputs.append(constant)
        elif match.is_identity(map_):
            inputs.append(operand)
        else:
            return None
    found = Pointwise(op, tuple(inputs))
    return found if found.tensors else None


def _captured(block: ir.Block) -> Iterator[ir.Value]:
    """What a body reads from outside."""
    own = {result for op in block.operations for result in op.results} | set(block.arguments)
    for op in block.operations:
        yield from (each for each in op.operands if each not in own)


def _is_known(value: ir.Value) -> bool:
    return constant_int(value) is not None or match.constant_array(value) is not None


def _constant(value: ir.Value, map_: ir.AffineMap, shape: tuple[int, ...]) -> np.ndarray | None:
    """A constant operand of one element, of one for each channel in the innermost dimension, or one for each element."""
    array = match.constant_array(value)
    if array is None:
        array = _computed(value)
    if array is None:
        return None
    if array.size == 1 or match.is_identity(map_):
        return array
    innermost = ir.AffineExpr.get_dim(map_.n_dims - 1)
    is_row = list(map_.results)[-1] == innermost and all(extent == 1 for extent in array.shape[:-1])
    return array if is_row and array.shape[-1] == shape[-1] else None


def _computed(value: ir.Value) -> np.ndarray | None:
    """What an op without inputs makes: equal elements, of which this has one."""
    op = producer(value)
    while op is not None and op_name(op) in match.RESHAPES:
        op = producer(op.operands[0])
    if op_name(op) != "linalg.generic" or op is None or len(op.operands) != 1:
        return None
    block = op.regions[0].blocks[0]
    if list(block.arguments[0].uses) or not all(map(can_evaluate, block.operations)):
        return None
    return evaluate(block, []).reshape(1) if all(map(_is_known, _captured(block))) else None


def word(value: int) -> ir.Value:
    return arith.constant(build.i32(), value)


def write_pointwise(
    sources: Sequence[ir.Value], rows: Sequence[np.ndarray], compute: Callable[..., ir.Value]
) -> ir.Value:
    """A `linalg.generic` over the elements of `sources` and `rows`: constants per channel, or per element.

    Its result has the type of the first of the `sources`.
    """
    kind = ir.RankedTensorType(sources[0].type)
    identity = ir.AffineMap.get_identity(kind.rank)
    channel, width = identity.get_submap([kind.rank - 1]), kind.shape[-1]
    constants = [build.flash(each.ravel() if each.size == width else each.reshape(kind.shape)) for each in rows]
    maps = [*[identity] * len(sources), *(channel if each.size == width else identity for each in rows), identity]
    generic = linalg.GenericOp(
        [kind],
        [*sources, *constants],
        [tensor.empty(kind.shape, kind.element_type)],
        ir.ArrayAttr.get([ir.AffineMapAttr.get(each) for each in maps]),
        ir.ArrayAttr.get([ir.Attribute.parse("#linalg.iterator_type<parallel>")] * kind.rank),
    )
    arguments = [ir.RankedTensorType(each.type).element_type for each in (*sources, *constants)]
    block = generic.regions[0].blocks.append(*arguments, kind.element_type)
    with ir.InsertionPoint(block):
        linalg.yield_([compute(*list(block.arguments)[:-1])])
    return generic.results[0]
