"""Convolutions of every n-th element, each phase a batch of its own, as dilated convolutions.

Before: `tosa.reshape` of `[1, t, c]` to `[1, t / n, n, c]`, `tosa.transpose` to `[n, 1, t / n, c]`, `tosa.conv2d` or
        `tosa.depthwise_conv2d` along the third axis, `tosa.rescale`, and a `tosa.transpose` back
After:  the same convolution of `[1, 1, t, c]`, with a dilation of `n`

Element `i` of batch `p` is element `i n + p` of the sequence, so window `i` of that batch is window `i n + p` of the
sequence with its taps `n` apart. TensorFlow writes dilated convolutions of one dimension so: a block of space becomes a
batch, and comes back. As batches they would be kernels on buffers, and copies before and after them.

Runs on TOSA, after `tosa-infer-shapes`; other batches stay as they are.
"""

from __future__ import annotations

from mlir import ir

from vmcu.ir import walk
from vmcu.passes._images import reshape
from vmcu.passes._registry import vmcu_pass

_CONVOLUTIONS = ("tosa.conv2d", "tosa.depthwise_conv2d")
_EPILOGUE = ("tosa.rescale", "tosa.clamp")
_TO_BATCH, _FROM_BATCH = [2, 0, 1, 3], [1, 2, 0, 3]


@vmcu_pass("vmcu-dilate-convolutions", summary="Turn convolutions of phases, each a batch, into dilated convolutions")
def dilate_convolutions(module: ir.Module, options: None) -> None:
    for op in [op.operation for op in walk.walk(module.operation) if op.operation.name in _CONVOLUTIONS]:
        _dilate(op)


def _dilate(conv: ir.Operation) -> None:
    before, chain = walk.owner(conv.operands[0]), [conv]
    while (after := _only_user(chain[-1])) is not None and after.name in _EPILOGUE:
        chain.append(after)
    if before is None or after is None or not _permutes(before, _TO_BATCH) or not _permutes(after, _FROM_BATCH):
        return
    if not _slides_in_one_row(conv):
        return
    source = before.operands[0]
    _, length, phases, channels = source.type.shape
    outputs, made = conv.results[0].type.shape[3], conv.results[0].type.shape[2]
    with after.location, ir.InsertionPoint(after):
        row = reshape(source, [1, 1, length * phases, channels])
        changed = {"dilation": ir.DenseI64ArrayAttr.get([1, phases])}
        for op in chain:
            row = _again(op, row, [1, 1, made * phases, outputs], changed if op == conv else {})
        after.results[0].replace_all_uses_with(reshape(row, list(after.results[0].type.shape)))
    for op in (after, *reversed(chain)):
        op.erase()


def _permutes(op: ir.Operation, order: list[int]) -> bool:
    """Whether `op` is a transposition in that order."""
    return op.name == "tosa.transpose" and list(ir.DenseI32ArrayAttr(op.attributes["perms"])) == order


def _slides_in_one_row(conv: ir.Operation) -> bool:
    """Whether an image is one row, and the window moves along it by one element at a time, within it."""
    pairs = {name: list(ir.DenseI64ArrayAttr(conv.attributes[name])) for name in ("pad", "stride", "dilation")}
    shape = list(conv.operands[0].type.shape)
    is_plain = pairs == {"pad": [0] * 4, "stride": [1, 1], "dilation": [1, 1]}
    return is_plain and len(shape) == 4 and shape[1] == conv.results[0].type.shape[1] == 1


def _only_user(op: ir.Operation) -> ir.Operation | None:
    users = walk.users(op.results[0])
    return users[0] if len(users) == 1 else None


def _again(op: ir.Operation, source: ir.Value, shape: list[int], changed: dict[str, ir.Attribute]) -> ir.Value:
    """The same op on another tensor."""
    kind = ir.RankedTensorType.get(shape, op.results[0].type.element_type)
    attributes = {name: op.attributes[name] for name in op.attributes} | changed
    return ir.Operation.create(op.name, [kind], [source, *list(op.operands)[1:]], attributes).results[0]
