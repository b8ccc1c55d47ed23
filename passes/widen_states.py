"""Keep a whole window as a state, so that it is shifted in its place.

Before: a state of `n` rows; a window `tosa.concat` of them and of `m` new rows; the window's last `n` rows are the new state
After:  a state of `n + m` rows, the window; its last `n` rows are read, the window made of them is the new state

Streaming converters write the former. It takes a place for the state and one for the window, and copies all rows twice. Of
the latter one kernel moves the rows up in their place and puts the new ones behind them. What is first in the window
before the first run is read by nobody. A state that something else reads, or that is not the end of its window, is left
as it is.

Runs on TOSA. `vmcu-form-kernels` joins the moves, and `vmcu-plan` gives old and new window one place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import func

from vmcu.ir import walk
from vmcu.ir.ports import states
from vmcu.passes._registry import vmcu_pass

_INITIAL = "vmcu.initial"


@vmcu_pass("vmcu-widen-states", summary="Keep whole windows as states, which are shifted in their place")
def widen_states(module: ir.Module, options: None) -> None:
    for op in module.body.operations:
        if isinstance(op, func.FuncOp) and not op.is_external and len(op.regions[0].blocks) == 1:
            for argument, result in states(op):
                window = _find_window(op, argument, result)
                if window is not None:
                    _widen(op, window)


@dataclass(frozen=True)
class _Window:
    """The window of a state: `argument` and `result` are numbers, of `new` rows along `axis` none is in the state yet."""

    argument: int
    result: int
    concat: ir.Operation
    axis: int
    new: int


def _find_window(function: func.FuncOp, argument: int, result: int) -> _Window | None:
    """The window that a state is the end of, if nothing else reads the state."""
    old = function.arguments[argument]
    readers = walk.users(old)
    if len(readers) != 1 or readers[0].name != "tosa.concat":
        return None
    concat = readers[0]
    axis, whole = ir.IntegerAttr(concat.attributes["axis"]).value, concat.results[0].type.shape
    slice = walk.owner(walk.terminator(function).operands[result])
    if concat.operands[0] != old or len(list(old.uses)) != 1 or slice is None or slice.name != "tosa.slice":
        return None
    new = whole[axis] - old.type.shape[axis]
    begin = [0] * len(whole)
    begin[axis] = new
    if slice.operands[0] != concat.results[0] or _numbers(slice.operands[1]) != begin:
        return None
    return _Window(argument, result, concat, axis, new)


def _numbers(shape: ir.Value) -> list[int] | None:
    made = walk.owner(shape)
    return None if made is None or "values" not in made.attributes else np.array(made.attributes["values"]).tolist()


def _widen(function: func.FuncOp, window: _Window) -> None:
    """Let the state be the window."""
    old, concat = function.arguments[window.argument], window.concat
    narrow, wide = old.type, concat.results[0].type
    attributes = list(function.attributes["arg_attrs"])
    port = ir.DictAttr(attributes[window.argument])
    known = np.array(ir.DenseElementsAttr(port[_INITIAL])).reshape(narrow.shape)
    space = [*narrow.shape]
    space[window.axis] = window.new
    # Nobody reads what is first; one value for all bytes is the shortest way to set them.
    initial = np.concatenate([np.full(space, known.flat[0], known.dtype), known], axis=window.axis)
    old.set_type(wide)
    begin = [window.new if axis == window.axis else 0 for axis in range(len(space))]
    with concat.location, ir.InsertionPoint(concat):
        sizes = [_shape(begin), _shape(narrow.shape)]
        rows = ir.Operation.create("tosa.slice", [narrow], [old, *sizes]).results[0]
    concat.operands[0] = rows
    walk.terminator(function).operation.operands[window.result] = concat.results[0]
    end = walk.terminator(function)
    types = ([each.type for each in function.arguments], [each.type for each in end.operands])
    function.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(*types))
    kept = {port[number].name: port[number].attr for number in range(len(port))}
    kept[_INITIAL] = ir.DenseElementsAttr.get(np.ascontiguousarray(initial))
    attributes[window.argument] = ir.DictAttr.get(kept)
    function.attributes["arg_attrs"] = ir.ArrayAttr.get(attributes)


def _shape(values: list[int]) -> ir.Value:
    kind = ir.Type.parse(f"!tosa.shape<{len(values)}>")
    numbers = ir.DenseIntElementsAttr.get(np.array(values), type=ir.IndexType.get())
    return ir.Operation.create("tosa.const_shape", [kind], attributes={"values": numbers}).results[0]
