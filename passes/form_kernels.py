"""Group linalg ops into kernels: an anchor with its halo, its bias, its requantisation and its clamp.

Before: `tensor.pad`, `linalg.conv_2d_nhwc_fhwc_q`, `linalg.generic` (requantise), ... side by side in a function.
After:  one `vmcu.kernel` for each layer, its constants inside; between kernels only tensors of int8 or
        int16, and reshapes.

A kernel that can read uint8 takes the flip of an argument's highest bits in (`arith.xori` with -128): its loads do that, or
constants are corrected. Other flips are kernels.

For convolutions the input's zero point is folded into the bias, so that the body needs no quantisation arithmetic but
the final `tosa.apply_scale`. What no kernel of ours computes becomes a kernel of kind `buffer`; ops that hand wider
tensors to one another (a softmax) stay together in one.

Ops that are neither in a kernel nor read by one are dropped if they have no effects, and refused if they have some.
Kernels on tensors that are there already stay as they are, so that a second run changes nothing.

Needs linalg on static tensors with `tosa.apply_scale` in the bodies. `vmcu-plan` reads the kernels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from mlir import ir
from mlir.dialects import func

from vmcu import _vmcu
from vmcu.dialects import vmcu as d
from vmcu.ir import walk
from vmcu.ir.clone import clone_into, rename_operands, used_values
from vmcu.operators import match
from vmcu.operators.anchors import behind_reshapes, read_spread
from vmcu.operators.elementwise import can_vectorise
from vmcu.operators.fold import write_folded
from vmcu.operators.read import ANCHORS, read_operator
from vmcu.operators.rearrange.evaluate import is_move
from vmcu.operators.table.read import find_table
from vmcu.passes._registry import PassError, vmcu_pass
from vmcu.passes.refuse_tosa_leftovers import is_tosa

_HALOS = ("tensor.pad", "tensor.extract_slice")  # and images that are spread


@vmcu_pass("vmcu-form-kernels", summary="Group linalg ops into vmcu.kernel ops")
def form_kernels(module: ir.Module, options: None) -> None:
    for op in list(module.body.operations):
        if isinstance(op, func.FuncOp) and not op.is_external:
            _form_in(op)


class _Groups:
    """Which ops go into one kernel: a union-find over the ops of a block, by position."""

    def __init__(self, ops: list[ir.OpView]):
        self.ops = ops
        self.position = {result: number for number, op in enumerate(ops) for result in op.operation.results}
        self.parent = list(range(len(ops)))

    def find(self, number: int) -> int:
        while self.parent[number] != number:
            number = self.parent[number]
        return number

    def join(self, a: int, b: int) -> None:
        self.parent[self.find(b)] = self.find(a)

    def members(self) -> list[list[int]]:
        groups = defaultdict(list)
        for number in range(len(self.ops)):
            groups[self.find(number)].append(number)
        return list(groups.values())


def _form_in(function: func.FuncOp) -> None:
    block = function.regions[0].blocks[0]
    _refuse_foreign(function)
    _erase_unread(list(block.operations)[:-1])
    everything = list(block.operations)[:-1]
    constants = _find_constants(everything)
    _refuse_returned(constants, block)
    ops = [op for op in everything if op.operation not in constants]
    _check_static(function, ops)
    leaves = _leaves_kernel(function)
    ops = _unshare(_share_flips(ops), leaves)
    groups = _group(ops, leaves)
    names = _Names(op.name.value for op in ops if isinstance(op, d.KernelOp))
    moved: set[ir.Operation] = set(constants)
    for members in _in_dataflow_order(function, groups):
        group = [groups.ops[number] for number in members]
        # A reshape costs nothing: both its sides are the same bytes. A kernel that is there is one already.
        if all(op.operation.name in match.RESHAPES or isinstance(op, d.KernelOp) for op in group):
            continue
        _outline(group, constants, names)
        moved.update(op.operation for op in group)
    _erase_unread([op for op in block.operations if op.operation in moved])
    _sort(block)


def _sort(block: ir.Block) -> None:
    """Move ops behind what they read: a kernel comes after the last op of its layer, and makes what the first ones made."""
    *ops, end = list(block.operations)
    made: set[ir.Operation] = set()
    waiting, order = [op.operation for op in ops], list[ir.Operation]()
    while waiting:
        ready = []
        for op in waiting:
            owners = [_owner_in_block(value, block) for value in _read_from_outside(op)]
            if all(owner is None or owner in made for owner in owners):
                made.add(op)
                ready.append(op)
        order += ready
        waiting = [op for op in waiting if op not in made]
    if order != [op.operation for op in ops]:
        for op in order:
            op.move_before(end.operation)


class _Names:
    """Names of kernels: the kind and a number, none of them twice."""

    def __init__(self, taken: Iterable[str]):
        self.taken = set(taken)
        self.counts: dict[str, int] = defaultdict(int)

    def next(self, kind: str) -> str:
        while (name := f"{kind}_{self.counts[kind]}") in self.taken:
            self.counts[kind] += 1
        self.counts[kind] += 1
        return name


def _refuse_foreign(function: func.FuncOp) -> None:
    """Refuse what is no computation on tensors: a plan, TOSA, effects. It would be lost, or come out as nonsense."""
    if len(function.regions[0].blocks) != 1:
        raise PassError(function, f"has {len(function.regions[0].blocks)} blocks; supported is a function of one block")
    for op in list(function.regions[0].blocks[0].operations)[:-1]:
        if isinstance(op, d.KernelOp):
            continue
        if op.operation.name.startswith("vmcu."):
            raise PassError(op, "is planned already; vmcu-form-kernels takes linalg on tensors")
        if is_tosa(op.operation):
            raise PassError(op, f"{op.operation.name} is TOSA; run vmcu-tosa-to-linalg first")
        if _vmcu.has_effects(op.operation):
            message = f"{op.operation.name} has effects besides its results; supported are computations on tensors"
            raise PassError(op, message)


def _erase_unread(ops: Sequence[ir.OpView]) -> None:
    """Erase those of the `ops`, all without effects, that nothing reads."""
    for op in reversed(ops):
        if not isinstance(op, d.KernelOp) and not any(list(result.uses) for result in op.operation.results):
            op.operation.erase()


def _find_constants(ops: list[ir.OpView]) -> set[ir.Operation]:
    """Ops that read nothing but constants (a bias repeated for each pixel): cloned into every kernel that uses them."""
    constants: set[ir.Operation] = set()
    for op in ops:
        owners = [_owner_in_block(value, op.operation.block) for value in _read_from_outside(op.operation)]
        if not isinstance(op, d.KernelOp) and all(owner is not None and owner in constants for owner in owners):
            constants.add(op.operation)
    return constants


def _refuse_returned(constants: set[ir.Operation], block: ir.Block) -> None:
    terminator = list(block.operations)[-1]
    for value in terminator.operands:
        if not isinstance(value.owner, ir.Block) and value.owner.operation in constants:
            raise PassError(terminator, "returns a constant; supported are tensors that depend on the input")


def _read_from_outside(op: ir.Operation) -> list[ir.Value]:
    """Values that `op`, or an op nested in it, reads and that are not made inside of it."""
    entry = op.block
    return [
        value
        for value in used_values(op)
        if (value.owner == entry if isinstance(value.owner, ir.Block) else _owner_in_block(value, entry) != op)
    ]


def _check_static(function: func.FuncOp, ops: list[ir.OpView]) -> None:
    values = [*function.arguments, *(result for op in ops for result in op.operation.results)]
    for value in values:
        if not isinstance(value.type, ir.RankedTensorType) or not value.type.has_static_shape:
            op = function if isinstance(value.owner, ir.Block) else value.owner
            raise PassError(op, f"kernels need tensors of static shape, found {value.type}")


def _leaves_kernel(function: func.FuncOp) -> Callable[[ir.Value], bool]:
    """Which tensors may be between kernels: those of int8, and of int16 where layers hand such to one another."""
    wide = walk.has_int16_layers(function)
    return lambda value: match.is_int8(value) or (wide and walk.is_int16(value.type))


def _group(
    ops: list[ir.OpView],
    leaves: Callable[[ir.Value], bool],
    *,
    apart: Callable[[ir.OpView], bool] = lambda op: False,
) -> _Groups:
    """Join what belongs into one kernel; ops that are `apart` are not joined with their users.

    Args:
        leaves: whether a tensor may be between kernels.
    """
    groups = _Groups(ops)
    for number, op in enumerate(ops):
        if op.operation.name in ANCHORS:
            _claim_producers(groups, number)
        elif not isinstance(op, d.KernelOp) and _reads_flipped(op):
            for operand in op.operands:
                _claim_flip(groups, number, operand)
    # A wider tensor never leaves its kernel.
    for number, op in enumerate(ops):
        if isinstance(op, d.KernelOp) or all(map(leaves, op.operation.results)) or apart(op):
            continue
        for user in _users(groups, op):
            if not isinstance(ops[user], d.KernelOp):
                groups.join(number, user)
    _join_moves(groups)
    return groups


def _users(groups: _Groups, op: ir.OpView) -> list[int]:
    """The positions of the ops that read a result of `op`, each once."""
    owners = [
        _ancestor_in_block(use.owner, op.operation.block) for result in op.operation.results for use in result.uses
    ]
    results = [owner.results[0] for owner in owners if owner is not None and owner.results]
    return list(dict.fromkeys(groups.position[each] for each in results if each in groups.position))


def _unshare(ops: list[ir.OpView], leaves: Callable[[ir.Value], bool]) -> list[ir.OpView]:
    """Give each layer a copy of its own of a cheap op whose wide result several layers read.

    Two residual adds that rescale the same tensor in the same way share that rescaling, and would end up in one kernel
    together with all the layers between them.
    """
    groups = _group(ops, leaves, apart=_is_cheap)
    unshared: list[ir.OpView] = []
    for op in reversed(ops):
        if _is_cheap(op):
            layers: dict[int, list[int]] = defaultdict(list)
            for user in _users(groups, op):
                layers[groups.find(user)].append(user)
            for members in list(layers.values())[1:]:
                with ir.InsertionPoint.after(op):
                    copy = op.operation.clone()
                for member in members:
                    rename_operands(groups.ops[member].operation, {op.results[0]: copy.results[0]})
                unshared.insert(0, copy.opview)
        unshared.insert(0, op)
    return unshared


def _is_cheap(op: ir.OpView) -> bool:
    """Whether `op` is a loop of scalar arithmetic over int8 tensors whose wide result several ops read."""
    if op.operation.name != "linalg.generic" or match.is_int8(op.results[0]) or len(list(op.results[0].uses)) < 2:
        return False
    body = op.regions[0].blocks[0].operations
    return match.is_parallel(op) and all(map(match.is_int8, list(op.operands)[:-1])) and all(map(can_vectorise, body))


def _claim_producers(groups: _Groups, number: int) -> None:
    """Join an anchor with the halo and the slice before it, and with the flip before those."""
    value = groups.ops[number].operands[0]
    while _is_halo(op := match.producer(value)) and _has_one_use(value):
        assert op is not None, "it has a name"
        groups.join(number, groups.position[value])
        value = op.operands[0]
        if op.operation.name == "tensor.extract_slice":
            break
    _claim_flip(groups, number, value)


def _is_halo(op: ir.OpView | None) -> bool:
    """Whether an anchor may take `op` in: a halo, a slice of an image, pixels that are set apart."""
    if op is None or match.op_name(op) in _HALOS:
        return op is not None and _is_of_pixels(op)
    return len(op.results) == 1 and read_spread(op.results[0]) is not None


def _is_of_pixels(op: ir.OpView) -> bool:
    """Whether a halo or a slice leaves images and channels whole."""
    names = ("low", "high") if op.operation.name == "tensor.pad" else ("offsets",)
    amounts = [list(ir.DenseI64ArrayAttr(op.attributes[f"static_{each}"])) for each in names]
    if any(len(each) != 4 or each[0] or each[3] for each in amounts):
        return False
    if op.operation.name == "tensor.pad":
        return True
    steps = set(ir.DenseI64ArrayAttr(op.attributes["static_strides"]))
    before, after = (match.shape_of(each) for each in (op.operands[0], op.results[0]))
    return steps == {1} and len(after) == 4 and (before[0], before[3]) == (after[0], after[3])


def _join_moves(groups: _Groups) -> None:
    """Join ops that only move bytes with those before them, and with reshapes between them.

    A move that several ops read stays a kernel of its own.
    """
    sizes: dict[int, int] = defaultdict(int)
    for number in range(len(groups.ops)):
        sizes[groups.find(number)] += 1
    free = {number for number, op in enumerate(groups.ops) if sizes[groups.find(number)] == 1}
    for number, op in enumerate(groups.ops):
        if number in free and is_move(op):
            for operand in used_values(op.operation):
                _join_before(groups, number, operand, free)
            _join_behind(groups, number, free)


def _join_before(groups: _Groups, number: int, value: ir.Value, free: set[int]) -> None:
    """Join a move with the move that makes its operand `value`, or with a reshape before it that hides an image's rows."""
    path = []
    while (at := groups.position.get(value)) in free and _has_one_use(value):
        op = groups.ops[at]
        if not is_move(op) and op.operation.name not in match.RESHAPES:
            return
        path.append(at)
        if is_move(op) or _hides_rows(op.operands[0], value):
            for each in path:
                groups.join(number, each)
        if is_move(op):
            return
        value = op.operands[0]


def _join_behind(groups: _Groups, number: int, free: set[int]) -> None:
    """Join a move with the reshape behind it that makes an image of what it makes."""
    result = groups.ops[number].results[0]
    for reader in _users(groups, groups.ops[number]) if _has_one_use(result) else ():
        op = groups.ops[reader]
        if reader in free and op.operation.name in match.RESHAPES and _hides_rows(op.results[0], result):
            groups.join(number, reader)


def _hides_rows(image: ir.Value, other: ir.Value) -> bool:
    """Whether the rows of `image` cannot be told from the shape of `other`, which is a reshape of it."""
    return len(match.shape_of(image)) == 4 != len(match.shape_of(other))


def _claim_flip(groups: _Groups, number: int, value: ir.Value) -> None:
    """Join an op with the flip of an argument that is its operand `value`: it can read uint8 itself."""
    path = []
    while match.op_name(op := match.producer(value)) in match.RESHAPES and _has_one_use(value):
        assert op is not None, "it has a name"
        path.append(value)
        value = op.operands[0]
    if _is_first_flip(op) and _has_one_use(value):
        for each in (*path, value):
            groups.join(number, groups.position[each])


def _is_first_flip(op: ir.OpView | None) -> bool:
    """Whether `op` flips the bytes of an argument, reshapes aside."""
    return op is not None and match.is_flip(op) and isinstance(behind_reshapes(op.operands[0]).owner, ir.Block)


def _reads_flipped(op: ir.OpView) -> bool:
    """Whether the kernel of `op` can read uint8 in place of the int8 tensor that `op` reads."""
    if op.operation.name in ANCHORS:
        return True
    if op.operation.name != "linalg.generic" or not match.is_parallel(op) or match.is_flip(op):
        return False
    return find_table(op) is not None or all(map(can_vectorise, op.regions[0].blocks[0].operations))


def _readers(value: ir.Value) -> list[ir.OpView]:
    """The ops that read a value, or what halos, slices and reshapes make of it."""
    found: list[ir.OpView] = []
    for use in value.uses:
        op = use.owner.operation.opview
        passes_on = _is_halo(op) or op.operation.name in match.RESHAPES
        found += _readers(op.results[0]) if passes_on else [op]
    return found


def _share_flips(ops: list[ir.OpView]) -> list[ir.OpView]:
    """Give each reader of the flip of an argument one of its own, if all of them can read uint8."""
    shared: list[ir.OpView] = []
    for op in ops:
        uses = list(op.results[0].uses) if _is_first_flip(op) else []
        if len(uses) > 1 and all(map(_reads_flipped, _readers(op.results[0]))):
            for use in uses[1:]:
                with ir.InsertionPoint.after(op):
                    copy = op.operation.clone()
                use.owner.operands[use.operand_number] = copy.results[0]
                shared.append(copy.opview)
        shared.append(op)
    return shared


def _owner_in_block(value: ir.Value, block: ir.Block) -> ir.Operation | None:
    """The op of `block` that makes `value`, or in which it is made; None for an argument of the block."""
    owner = value.owner
    if not isinstance(owner, ir.Block):
        return _ancestor_in_block(owner, block)
    return None if owner == block else _ancestor_in_block(owner.owner, block)


def _ancestor_in_block(owner: ir.OpView | ir.Operation, block: ir.Block) -> ir.Operation | None:
    """The op of `block` that `owner` is, or is nested in."""
    op = owner.operation
    while op is not None and op.block != block:
        op = op.parent.operation if op.parent is not None else None
    return op


def _has_one_use(value: ir.Value) -> bool:
    return len(list(value.uses)) == 1


def _in_dataflow_order(function: func.FuncOp, groups: _Groups) -> list[list[int]]:
    """Groups so that each comes after those it reads."""
    waiting = {members[0]: members for members in groups.members()}
    needs = {
        key: {
            groups.find(groups.position[value])
            for number in members
            for value in used_values(groups.ops[number].operation)
            if value in groups.position
        }
        - {groups.find(key)}
        for key, members in waiting.items()
    }
    roots = {key: groups.find(key) for key in waiting}
    done: set[int] = set()
    order = []
    while waiting:
        ready = [key for key in waiting if needs[key] <= done]
        if not ready:
            raise PassError(function, "the layers cannot be ordered: two of them need each other's tensors")
        first = min(ready)
        order.append(waiting.pop(first))
        done.add(roots[first])
    return order


def _outline(group: list[ir.OpView], known: set[ir.Operation], names: _Names) -> None:
    """Clone the ops of `group` into a kernel after the last of them, and let the outside use its results."""
    inside = {result for op in group for result in op.operation.results}
    own_ops = {op.operation for op in group}
    block = group[-1].operation.block
    results = [
        each
        for op in group
        for each in op.operation.results
        if any(_ancestor_in_block(use.owner, block) not in own_ops for use in each.uses)
    ]
    constants, inputs = _outside_values(group, inside, known)
    last = group[-1].operation
    location = next((op.location for op in group if op.operation.name in ANCHORS), last.location)
    with location, ir.InsertionPoint.after(last):
        kernel = d.KernelOp([each.type for each in results], "", d.KernelKind.buffer, inputs)
        body = kernel.body.blocks.append(*[each.type for each in inputs])
        with ir.InsertionPoint(body):
            mapping = dict(zip(inputs, body.arguments))
            clone_into(constants, mapping)
            clone_into(group, mapping)
            d.yield_([mapping[each] for each in results])
    description = None
    if len(results) == 1:
        description = read_operator(mapping[results[0]], list(body.arguments))
    if description is not None:
        kernel.kind = d.KernelKindAttr.get(description.kind)
        write_folded(kernel, description)
    kind = "buffer" if description is None else str(description.kind)
    kernel.operation.attributes["name"] = ir.StringAttr.get(names.next(kind))
    for old, new in zip(results, kernel.results_):
        _replace_outside(old, new, own_ops, block)


def _replace_outside(old: ir.Value, new: ir.Value, own_ops: set[ir.Operation], block: ir.Block) -> None:
    for use in list(old.uses):
        if _ancestor_in_block(use.owner, block) not in own_ops:
            use.owner.operands[use.operand_number] = new


def _outside_values(
    group: list[ir.OpView], inside: set[ir.Value], known: set[ir.Operation]
) -> tuple[list[ir.Operation], list[ir.Value]]:
    """Constants to clone, producers first, and tensors that become the kernel's inputs, in order of use."""
    constants: dict[ir.Operation, None] = {}
    inputs: dict[ir.Value, None] = {}
    block = group[0].operation.block

    def visit(op: ir.Operation) -> None:
        for value in _read_from_outside(op):
            owner = _owner_in_block(value, block)
            if value in inside or owner in constants:
                continue
            if owner is None or owner not in known:
                inputs[value] = None
            else:
                visit(owner)
                constants[owner] = None

    for op in group:
        visit(op.operation)
    return list(constants), list(inputs)
