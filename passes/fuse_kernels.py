"""Fuse chains of kernels that make a tensor only to shrink it again: expand, depthwise, project.

Before: three kernels on tensors, each of which is the only one that reads the one before.
After:  one kernel of kind `fused` with the bodies of all three; the tensors between them are gone, and most of the first
        one's pixels are computed more than once.

Needs `vmcu-form-kernels`, comes before `vmcu-plan`. That pass does the same by itself with the chains it chooses, if it
may (`recompute`); this one takes their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlir import ir
from mlir.dialects import func

from vmcu.dialects import vmcu as d
from vmcu.ir.clone import clone_into
from vmcu.isa import in_variant, offers, read_kernel
from vmcu.operators import PLAIN, Kernel, describe, fuse, match
from vmcu.passes._registry import PassError, option, vmcu_pass

Chain = tuple[str, str, str]


@dataclass(frozen=True)
class FuseOptions:
    """Options of `vmcu-fuse-kernels`."""

    chains: str = option("", "the kernels to fuse, three by three: conv2d_1+depthwise_0+conv2d_2,conv2d_3+...")


@vmcu_pass("vmcu-fuse-kernels", summary="Fuse chains of kernels into one that recomputes", options=FuseOptions)
def fuse_kernels(module: ir.Module, options: FuseOptions) -> None:
    chains = [tuple(chain.split("+")) for chain in options.chains.split(",") if chain]
    for op in list(module.body.operations):
        if isinstance(op, func.FuncOp) and not op.is_external:
            fuse_chains(op, {f"fused_{number}": chain for number, chain in enumerate(chains)})


def find_chains(ops: Sequence[d.KernelOp], descriptions: dict[str, Kernel]) -> dict[str, tuple[Chain, Kernel]]:
    """Every chain that could be fused: the name of the kernel that it would become, its kernels, what that computes."""
    found: dict[str, tuple[Chain, Kernel]] = {}
    for three in zip(ops, ops[1:], ops[2:]):
        names = tuple(op.name.value for op in three)
        fused = fuse(*(descriptions[name].operator for name in names)) if _is_chain(three) else None
        if fused is not None:
            found[f"fused_{len(found)}"] = names, in_variant(fused, PLAIN)
    return found


def fuse_chains(function: func.FuncOp, chains: Mapping[str, Sequence[str]]) -> None:
    """Put one kernel of the given name into the place of each chain.

    Raises:
        PassError: there is no such kernel, or the three cannot be fused.
    """
    for name, chain in chains.items():
        kernels = {op.name.value: op for op in function.regions[0].blocks[0].operations if isinstance(op, d.KernelOp)}
        missing = next((each for each in chain if each not in kernels), None)
        if missing is not None:
            raise PassError(function, f"there is no kernel '{missing}' to fuse")
        ops = [kernels[each] for each in chain]
        layers = [read_kernel(op) for op in ops] if len(ops) == 3 and _is_chain(ops) else []
        if not layers or fuse(*(each.operator for each in layers)) is None:
            raise PassError(ops[0], f"{'+'.join(chain)} cannot be fused; supported are a convolution, a depthwise "
                                    "convolution and a pointwise one, each the only reader of the one before")  # fmt: skip
        _fuse(name, ops, max(each.scratch for each in layers))


def _is_chain(ops: Sequence[d.KernelOp]) -> bool:
    """Whether each is the only one that reads the one before; reshapes between them do not count."""
    if any(len(op.results_) != 1 or len(op.inputs) != 1 for op in ops):
        return False
    for op, reader in zip(ops, ops[1:]):
        reshapes = _reshapes_before(reader)
        values = [op.results_[0], *(each.results[0] for each in reshapes)]
        sources = [*(each.operands[0] for each in reshapes), reader.inputs[0]]
        if values != sources or any(len(list(value.uses)) != 1 for value in values):
            return False
    return True


def _reshapes_before(kernel: d.KernelOp) -> list[ir.OpView]:
    """The reshapes through which a kernel sees its input, first to last."""
    reshapes: list[ir.OpView] = []
    op = match.producer(kernel.inputs[0])
    while op is not None and match.op_name(op) in match.RESHAPES:
        reshapes.insert(0, op)
        op = match.producer(op.operands[0])
    return reshapes


def _fuse(name: str, ops: Sequence[d.KernelOp], stack: int) -> None:
    """Put the bodies of `ops`, which take up to `stack` bytes for lanes, into one kernel in the place of the last."""
    source, result = ops[0].inputs[0], ops[-1].results_[0]
    with ops[0].location, ir.InsertionPoint(ops[-1]):
        kernel = d.KernelOp([result.type], name, d.KernelKind.fused, [source])
    block = kernel.body.blocks.append(source.type)
    mapping = {source: block.arguments[0]}
    between: list[ir.OpView] = []
    with ir.InsertionPoint(block), ops[0].location:
        for number, op in enumerate(ops):
            reshapes = _reshapes_before(op) if number else []
            clone_into(reshapes, mapping)
            body = op.body.blocks[0]
            *inner, end = list(body.operations)
            mapping[body.arguments[0]] = mapping[op.inputs[0]]
            clone_into(inner, mapping)
            mapping[op.results_[0]] = mapping[end.operands[0]]
            between += [*reshapes, op]
        d.yield_([mapping[result]])
    _choose_variant(kernel, ops, stack)
    result.replace_all_uses_with(kernel.results_[0])
    for op in reversed(between):
        op.operation.erase()


def _choose_variant(kernel: d.KernelOp, ops: Sequence[d.KernelOp], stack: int) -> None:
    """A variant for a fused kernel if its convolutions have some, and no more stack than they take."""
    if ops[0].variant is None or ops[-1].variant is None:
        return
    for each in offers(describe(kernel)):
        if each.scratch <= stack:
            each.variant.write(kernel)
            return
