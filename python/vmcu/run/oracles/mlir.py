"""The oracle that MLIR executes: the network's linalg, lowered by upstream passes and run on this machine.

The module (TOSA or linalg) is copied, lowered and run by MLIR's execution engine. The way from TOSA to linalg is the
compiler's own (`vmcu-tosa-to-linalg`): a mistake there is a mistake here, too. Below linalg no line is shared.

    reference = Reference(module)      # compiles once
    (scores,) = reference(image)       # runs as often as you like
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Sequence
from importlib import metadata

import numpy as np
from mlir import ir
from mlir.dialects import func, linalg
from mlir.execution_engine import ExecutionEngine
from mlir.runtime import get_ranked_memref_descriptor

from vmcu.errors import InputError, Unsupported
from vmcu.ir import bridge, walk
from vmcu.ir.locations import place
from vmcu.ir.ports import ports, states
from vmcu.passes import pipelines

LINALG_TO_MEMREF: tuple[str, ...] = (
    "func.func(tosa-to-arith{include-apply-rescale=true})",
    "one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map}",
    "drop-equivalent-buffer-results",
    # The caller owns results. No `hoist-static-allocs`: it makes a result's buffer the caller's and frees the old one,
    # which a function that returns one tensor twice asks for twice; upstream then reads the freed operation.
    "buffer-results-to-out-params{modify-public-functions=true}",
    "ownership-based-buffer-deallocation",
    "canonicalize",
    "buffer-deallocation-simplification",
    "bufferization-lower-deallocations",
)
MEMREF_TO_LLVM: tuple[str, ...] = (
    "expand-strided-metadata",
    "lower-affine",
    "convert-scf-to-cf",
    "canonicalize",
    "cse",
    "convert-math-to-llvm",
    "convert-math-to-libm",
    "arith-expand",
    "convert-arith-to-llvm",
    "convert-index-to-llvm",
    "finalize-memref-to-llvm",
    "convert-func-to-llvm",
    "convert-cf-to-llvm",
    "reconcile-unrealized-casts",
)

_DTYPES = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "f32": np.float32, "f64": np.float64}


class Reference:
    """A network compiled for the host; call it with one array per input. An `Oracle`.

    What the network keeps from run to run is kept here, too: it is neither among the inputs nor among the outputs.

    Args:
        module: TOSA or linalg on tensors with a function `@main` of static shapes; it is left as it is.

    Raises:
        InputError: the module has no function `@main`.
        Unsupported: an operation has no upstream lowering, a type no NumPy equivalent, or a function no body.
    """

    def __init__(self, module: ir.Module):
        main = walk.main_function(module)
        function, kept = main.type, states(main)
        _refuse_declarations(module)
        self._takes = [_signature(of) for of in function.inputs]
        self._gives = [_signature(of) for of in function.results]
        self._states = [(before, len(self._takes) + after) for before, after in kept]
        initial = [port.initial for port in ports(module)[0]]
        self._initial = [np.array(initial[before]).reshape(self._takes[before][0]) for before, _ in kept]
        olds, news = ({each[side] for each in kept} for side in (0, 1))
        self._inputs = [number for number in range(len(self._takes)) if number not in olds]
        self._outputs = [len(self._takes) + number for number in range(len(self._gives)) if number not in news]
        lowered = _copy(module)
        pipelines.to_linalg(lowered)
        _prepare(lowered)
        bridge.run(lowered, LINALG_TO_MEMREF)
        _copy_in_loops(lowered)
        bridge.run(lowered, ("func.func(convert-linalg-to-loops)", "canonicalize"))
        _outline_loops(lowered)
        bridge.run(lowered, MEMREF_TO_LLVM)
        self._engine = ExecutionEngine(lowered, opt_level=2)
        # Made once: each descriptor is of a class of its own, which ctypes never forgets.
        self._buffers = [np.zeros(shape, dtype) for shape, dtype in (*self._takes, *self._gives)]
        self._descriptors = [ctypes.pointer(ctypes.pointer(get_ranked_memref_descriptor(b))) for b in self._buffers]
        self.reset()

    def reset(self) -> None:
        """As `Oracle.reset`."""
        for (before, _), value in zip(self._states, self._initial):
            self._buffers[before][...] = value

    def __call__(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Run once; not from two threads at a time.

        Args:
            inputs: one array per argument of `@main` that is no state, of exactly its shape and dtype.

        Returns:
            One new array per result of `@main` that updates no state.

        Raises:
            InputError: wrong number, shape or dtype of inputs.
        """
        self._check(inputs)
        for number, array in zip(self._inputs, inputs):
            self._buffers[number][...] = array
        self._engine.invoke("main", *self._descriptors)
        outputs = [self._buffers[number].copy() for number in self._outputs]
        news = [self._buffers[after].copy() for _, after in self._states]
        for (before, _), value in zip(self._states, news):
            self._buffers[before][...] = value
        return outputs

    @property
    def name(self) -> str:
        """`mlir 22.1.8.4 host run`, with the version of the bindings."""
        return f"mlir {metadata.version('xtc-mlir-python-bindings')} host run"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As a call."""
        return self(*inputs)

    def _check(self, inputs: Sequence[np.ndarray]) -> None:
        if len(inputs) != len(self._inputs):
            raise InputError(f"@main takes {len(self._inputs)} inputs, found {len(inputs)}")
        wanted = [self._takes[number] for number in self._inputs]
        for index, (array, (shape, dtype)) in enumerate(zip(inputs, wanted)):
            found = np.asarray(array)
            if found.shape != shape or found.dtype != dtype:
                raise InputError(
                    f"input {index} is {_spell(found.shape, found.dtype)}, expected {_spell(shape, dtype)}"
                )


def run(module: ir.Module, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compile `module` and run it once; see `Reference`, which compiles once and runs often."""
    return Reference(module)(*inputs)


def _refuse_declarations(module: ir.Module) -> None:
    for op in module.body.operations:
        if op.operation.name == "func.func" and op.is_external:
            raise Unsupported(f"{place(op.location)}: @{op.name.value} has no body, so it cannot be executed")


def _signature(of: ir.Type) -> tuple[tuple[int, ...], np.dtype]:
    if not isinstance(of, ir.RankedTensorType) or not of.has_static_shape or str(of.element_type) not in _DTYPES:
        raise Unsupported(f"@main has an input or result {of}; supported are static tensors of {', '.join(_DTYPES)}")
    return tuple(of.shape), np.dtype(_DTYPES[str(of.element_type)])


def _spell(shape: tuple[int, ...], dtype: np.dtype) -> str:
    return f"{dtype}[{'x'.join(map(str, shape))}]"


def _copy(module: ir.Module) -> ir.Module:
    bytecode = io.BytesIO()
    module.operation.write_bytecode(bytecode)
    return ir.Module.parse(bytecode.getvalue(), module.context)


def _prepare(module: ir.Module) -> None:
    """Ask for a C interface, and drop attributes that mean nothing to LLVM."""
    with module.context:
        for function in walk.functions(module):
            for key in ("arg_attrs", "res_attrs", "tf.entry_function"):
                if key in function.attributes:
                    del function.attributes[key]
            function.attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()


def _copy_in_loops(module: ir.Module) -> None:
    """Spell copies as linalg: a strided `memref.copy` becomes a call into a runtime library that need not be there."""
    for op in [op for op in walk.walk(module.operation) if op.operation.name == "memref.copy"]:
        with ir.InsertionPoint(op), op.location:
            linalg.copy(op.operands[0], outs=[op.operands[1]])
        op.operation.erase()


def _outline_loops(module: ir.Module) -> None:
    """Give each loop nest a function of its own.

    LLVM's optimiser takes more than linear time in the size of a function: a network of sixty layers in one function
    compiled for 12 s, and for 2 s with a function per layer.
    """
    main = walk.main_function(module)
    nests = [op for op in main.regions[0].blocks[0].operations if op.operation.name == "scf.for"]
    for index, nest in enumerate(nests):
        _outline(module, nest.operation, f"__nest{index}")


def _outline(module: ir.Module, nest: ir.Operation, name: str) -> None:
    inside = [nest, *(op.operation for op in walk.walk(nest))]
    captured = _captured(inside)
    passed = [value for value in captured if not _is_constant(value)]
    with ir.InsertionPoint.at_block_begin(module.body), nest.location:
        function = func.FuncOp(name, ([value.type for value in passed], []), visibility="private")
        function.attributes["passthrough"] = ir.ArrayAttr.get([ir.StringAttr.get("noinline")])
        block = function.add_entry_block()
    with ir.InsertionPoint(nest), nest.location:
        func.CallOp([], name, passed)
    with ir.InsertionPoint(block), nest.location:
        replacement = dict(zip(passed, block.arguments))
        for value in captured:
            if value not in replacement:
                replacement[value] = value.owner.operation.clone().operation.results[0]
        end = func.ReturnOp([])
    nest.move_before(end.operation)
    for op in inside:
        for index, operand in enumerate(op.operands):
            if operand in replacement:
                op.operands[index] = replacement[operand]


def _captured(inside: list[ir.Operation]) -> list[ir.Value]:
    """Values that operations of a nest read and that the nest does not make, each once."""
    made = {result for op in inside for result in op.results}
    made |= {value for op in inside for region in op.regions for block in region.blocks for value in block.arguments}
    return list(dict.fromkeys(operand for op in inside for operand in op.operands if operand not in made))


def _is_constant(value: ir.Value) -> bool:
    made = walk.owner(value)
    return made is not None and made.name in ("arith.constant", "memref.get_global")
