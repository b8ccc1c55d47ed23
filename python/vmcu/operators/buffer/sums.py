"""Keep the sums of 64 bits of a layer in registers, where they were a tensor in memory.

Before: three `linalg.generic` on buffers: the sums begin with the bias; products are added to them; they are scaled to int16
After:  loops over the results: one sum begins, grows in the loops over its products, and is scaled and stored

A convolution of int16 has a sum of eight bytes for each result of two. On 32-bit cores each addition would load and
store both halves of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlir import ir
from mlir.dialects import affine, arith, memref, scf

from vmcu.ir.clone import clone_into
from vmcu.ir.walk import int_width, iterator_types
from vmcu.operators import match

_GENERIC = "linalg.generic"
_SUM = 64  # bits
_UNROLLED = 8  # most products of a loop that are straight code


def keep_sums_in_registers(function: ir.OpView) -> None:
    """Rewrite what adds up in 64 bits in a function on buffers; other ops stay as they are."""
    for op in list(function.regions[0].blocks[0].operations):
        if isinstance(op, memref.AllocOp) and int_width(ir.MemRefType(op.memref.type).element_type) == _SUM:
            layer = _layer_of(op)
            if layer is not None:
                _fuse(op, *layer)


def has_sums(function: ir.OpView) -> bool:
    """Whether a function on buffers has intermediate sums of 64 bits."""
    allocs = [op for op in function.regions[0].blocks[0].operations if isinstance(op, memref.AllocOp)]
    return any(int_width(ir.MemRefType(op.memref.type).element_type) == _SUM for op in allocs)


def _layer_of(alloc: memref.AllocOp) -> tuple[ir.OpView, ir.OpView, ir.OpView] | None:
    """What begins the sums in `alloc`, what adds to them and what reads them, if nobody else does anything with them."""
    users = [use.owner.operation.opview for use in alloc.memref.uses]
    block = alloc.operation.block
    order = [op for op in block.operations if op in users]
    if len(users) != 3 or [match.op_name(op) for op in order] != [_GENERIC] * 3:
        return None
    first, adds, reads = order
    writes = [op.operands[len(op.operands) - 1] == alloc.memref for op in order]
    if writes != [True, True, False] or not match.is_parallel(first) or not match.is_parallel(reads):
        return None
    kinds = iterator_types(adds)
    rank = ir.MemRefType(alloc.memref.type).rank
    if kinds != ["parallel"] * rank + ["reduction"] * (len(kinds) - rank):
        return None
    maps = match.indexing_maps(reads)[list(reads.operands).index(alloc.memref)], match.indexing_maps(first)[-1]
    is_plain = all(map(match.is_identity, maps)) and _is_prefix(match.indexing_maps(adds)[-1], rank)
    return (first, adds, reads) if is_plain else None


def _is_prefix(map: ir.AffineMap, rank: int) -> bool:
    return list(map.results) == [ir.AffineExpr.get_dim(each) for each in range(rank)]


def _fuse(alloc: memref.AllocOp, first: ir.OpView, adds: ir.OpView, reads: ir.OpView) -> None:
    shape = ir.MemRefType(alloc.memref.type).shape
    with reads.location, ir.InsertionPoint(reads):
        _loop(list(shape), [], lambda places: _emit_result(alloc.memref, first, adds, reads, places))
    for op in (reads, adds, first, alloc):
        op.operation.erase()


def _loop(sizes: Sequence[int], places: list[ir.Value], body: Callable[[list[ir.Value]], None]) -> None:
    """Loops over all places of a shape, the last axis innermost."""
    if not sizes:
        body(places)
        return
    if sizes[0] == 1:
        _loop(sizes[1:], [*places, _index(0)], body)
        return
    op = scf.ForOp(_index(0), _index(sizes[0]), _index(1))
    with ir.InsertionPoint(op.body):
        _loop(sizes[1:], [*places, op.induction_variable], body)
        scf.yield_([])


def _emit_result(sums: ir.Value, first: ir.OpView, adds: ir.OpView, reads: ir.OpView, places: list[ir.Value]) -> None:
    start = _emit_body(first, places, {})
    total = _accumulate(adds, _sizes(adds)[len(places) :], places, start)
    scaled = _emit_body(reads, places, {sums: total})
    result = reads.operands[len(reads.operands) - 1]
    memref.store(scaled, result, _apply(match.indexing_maps(reads)[-1], places))


def _accumulate(adds: ir.OpView, sizes: Sequence[int], places: list[ir.Value], total: ir.Value) -> ir.Value:
    """Loops over the products of one sum, which is handed from trip to trip."""
    if not sizes:
        return _emit_body(adds, places, {adds.operands[len(adds.operands) - 1]: total})
    step = _step(sizes)
    if step == sizes[0]:
        for each in range(step):
            total = _accumulate(adds, sizes[1:], [*places, _index(each)], total)
        return total
    op = scf.ForOp(_index(0), _index(sizes[0]), _index(step), [total])
    with ir.InsertionPoint(op.body):
        total = op.inner_iter_args[0]
        for each in range(step):
            place = arith.addi(op.induction_variable, _index(each)) if each else op.induction_variable
            total = _accumulate(adds, sizes[1:], [*places, place], total)
        scf.yield_([total])
    return op.results[0]


def _step(sizes: Sequence[int]) -> int:
    """How many trips of a loop are one: all of a short one, some of the innermost one."""
    if sizes[0] == 1 or (len(sizes) == 1 and sizes[0] <= _UNROLLED):
        return sizes[0]
    return next(each for each in (4, 3, 2, 1) if sizes[0] % each == 0) if len(sizes) == 1 else 1


def _sizes(op: ir.OpView) -> list[int]:
    """The trips of a generic's loops: each loop is an axis of one operand at least."""
    found: dict[int, int] = {}
    for operand, map in zip(op.operands, match.indexing_maps(op)):
        for axis, result in enumerate(map.results):
            if isinstance(result, ir.AffineDimExpr):
                found[result.position] = ir.ShapedType(operand.type).shape[axis]
    return [found[each] for each in range(len(found))]


def _emit_body(op: ir.OpView, places: list[ir.Value], known: dict[ir.Value, ir.Value]) -> ir.Value:
    """The body of a generic at one place of its loops; `known` are elements of operands that need not be loaded."""
    block = op.regions[0].blocks[0]
    mapping: dict[ir.Value, ir.Value] = {}
    for operand, argument, map in zip(op.operands, block.arguments, match.indexing_maps(op)):
        if operand in known:
            mapping[argument] = known[operand]
        elif not isinstance(operand.type, ir.MemRefType):
            mapping[argument] = operand
        elif list(argument.uses):
            mapping[argument] = memref.load(operand, _apply(map, places))
    *inner, end = list(block.operations)
    clone_into(inner, mapping)
    return mapping.get(end.operands[0], end.operands[0])


def _apply(map: ir.AffineMap, places: list[ir.Value]) -> list[ir.Value]:
    return [_place(map, each, places) for each in map.results]


def _place(map: ir.AffineMap, result: ir.AffineExpr, places: list[ir.Value]) -> ir.Value:
    if isinstance(result, ir.AffineDimExpr):
        return places[result.position]
    if isinstance(result, ir.AffineConstantExpr):
        return _index(result.value)
    return affine.apply(ir.AffineMap.get(map.n_dims, 0, [result]), places)


def _index(value: int) -> ir.Value:
    return arith.constant(ir.IndexType.get(), value)
