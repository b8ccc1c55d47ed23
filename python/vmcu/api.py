"""Compile a model, link it to firmware, run it on an emulated core.

    compiled = vmcu.compile_model("model.tflite", "cortex-m4")
    print(compiled.pool_bytes)
    with compiled.firmware() as firmware:
        result = firmware.run(image)
        print(result.outputs[0], result.counts.cycles)
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from mlir import ir
from mlir.dialects import llvm

from vmcu import frontends, pipeline
from vmcu.dialects import vmcu as d
from vmcu.emulator import Counts, Machine
from vmcu.errors import InputError
from vmcu.kernels import describe_kernel
from vmcu.reference import Reference
from vmcu.targets import Target
from vmcu.toolchain import Sizes, compile_to_assembly, compile_to_object, elf_sizes, link_firmware
from vmcu.units import format_bytes

Level = Literal["tosa", "linalg", "kernels", "plan", "segments", "llvm", "asm", "obj", "elf"]
TEXT_LEVELS: tuple[Level, ...] = ("tosa", "linalg", "kernels", "plan", "segments", "llvm", "asm")


@dataclass(frozen=True)
class Tensor:
    """An input or output of the compiled model.

    `offset` is where its bytes lie in the pool. `scale` and `zero_point` are None where the model does not say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    scale: float | None
    zero_point: int | None

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(frozen=True)
class Compiled:
    """A model as code for one target.

    `pool_bytes` holds every tensor, the input and the output included. `macs` counts multiply-accumulates of one run.
    """

    name: str
    target: Target
    llvm_ir: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    pool_bytes: int
    macs: int
    compile_seconds: float
    reference: Reference = field(repr=False)

    @property
    def assembly(self) -> str:
        """The code as assembly text."""
        return compile_to_assembly(self.llvm_ir, self.target)

    @property
    def header(self) -> str:
        """A C header for the object file."""
        from vmcu.report.header import write_header

        return write_header(self)

    def save(self, directory: str | Path) -> tuple[Path, Path]:
        """Write `NAME.o` and `NAME.h` into `directory` (made if missing) and return their paths."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        header = directory / f"{self.name}.h"
        path = compile_to_object(self.llvm_ir, self.target, directory / f"{self.name}.o")
        header.write_text(self.header)
        return path, header

    def link(self, path: str | Path) -> Path:
        """Write an ELF image with start-up code, ready for the emulator or a debugger, to `path`."""
        with tempfile.TemporaryDirectory() as scratch:
            obj = compile_to_object(self.llvm_ir, self.target, Path(scratch) / f"{self.name}.o")
            return link_firmware([obj], self.target, Path(path), keep=(f"{self.name}_run", f"{self.name}_pool"))

    def firmware(self) -> Firmware:
        """The model linked and loaded into an emulated core."""
        return Firmware(self)


@dataclass(frozen=True)
class Result:
    """What one run gave: output arrays, and instructions, loads, stores, modelled cycles and stack bytes."""

    outputs: tuple[np.ndarray, ...]
    counts: Counts


class Firmware:
    """A compiled model in the flash of an emulated core. Use it as a context manager: it owns a temporary ELF file."""

    def __init__(self, compiled: Compiled):
        self.compiled = compiled
        self._scratch = tempfile.TemporaryDirectory()
        self.elf = compiled.link(Path(self._scratch.name) / f"{compiled.name}.elf")
        self.sizes: Sizes = elf_sizes(self.elf)
        self.machine = Machine(self.elf, compiled.target)
        self.machine.boot()

    def __enter__(self) -> Firmware:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def run(self, *inputs: np.ndarray, count: bool = True) -> Result:
        """Run the model once.

        Args:
            inputs: one array per model input, of its shape and dtype.
            count: count instructions, accesses and cycles; without it the run is many times faster.

        Raises:
            InputError: an array's shape or dtype is not what the model takes.
        """
        pool = self.machine.address(f"{self.compiled.name}_pool")
        check_inputs(self.compiled.inputs, inputs)
        for tensor, array in zip(self.compiled.inputs, inputs):
            self.machine.write(pool + tensor.offset, np.ascontiguousarray(array).tobytes())
        counts = self.machine.call(f"{self.compiled.name}_run", count=count)
        outputs = tuple(
            np.frombuffer(self.machine.read(pool + each.offset, each.bytes), each.dtype).reshape(each.shape)
            for each in self.compiled.outputs
        )
        return Result(outputs, counts)


def check_inputs(tensors: Sequence[Tensor], arrays: Sequence[np.ndarray]) -> None:
    """Raise InputError unless the arrays are what the model takes."""
    if len(arrays) != len(tensors):
        raise InputError(f"the model takes {len(tensors)} inputs, found {len(arrays)}")
    for tensor, array in zip(tensors, arrays):
        if array.shape != tensor.shape or array.dtype != tensor.dtype:
            raise InputError(
                f"input '{tensor.name}' is {tensor.dtype}{list(tensor.shape)}, found {array.dtype}{list(array.shape)}"
            )


class Compilation:
    """A model on its way down the levels. `emit` gives the text of a level; each level is made once.

    Args:
        path: a `.tflite`, or a `.mlir` file with TOSA or linalg.
        target: a target or its text, e.g. `"cortex-m4,ram=64KiB"`.
        io: `"int8"` strips float boundaries of an int8 core, `"float"` keeps them.
        ram: most bytes that the pool may have; the target's RAM if None.
        name: prefix of the C symbols; the file's name if None.
    """

    def __init__(self, path: str | Path, target: str | Target = "cortex-m4", *, io: Literal["int8", "float"] = "int8",
                 ram: int | None = None, name: str | None = None):
        self.target = Target.parse(target) if isinstance(target, str) else target
        self.path = Path(path)
        self.name = name or symbol_name(self.path.stem)
        self.ram = self.target.ram if ram is None else ram
        self.io = io
        self.texts: dict[str, str] = {}

    def emit(self, level: Level) -> str:
        """The text of `level`, one of `TEXT_LEVELS`."""
        if level not in TEXT_LEVELS:
            raise InputError(f"no text level '{level}'; levels are {', '.join(TEXT_LEVELS)}")
        self._run(level)
        return self.texts[level]

    def finish(self) -> Compiled:
        """Go all the way to LLVM IR."""
        start = time.perf_counter()
        fields = self._run("llvm")
        compile_to_assembly(self.llvm_ir, self.target)
        return Compiled(self.name, self.target, self.llvm_ir, compile_seconds=time.perf_counter() - start, **fields)

    def _run(self, last: Level) -> dict:
        from vmcu.passes.pipelines import LEVELS, fill_options

        options = {"plan": {"ram": format_bytes(self.ram)}, "llvm": {"name": self.name}}
        fields: dict = {}
        with pipeline.context():
            module = frontends.load(self.path, io=self.io)
            self.texts["tosa"] = str(module)
            frontends.to_linalg(module)
            self.texts["linalg"] = str(module)
            if last in ("tosa", "linalg"):
                return fields
            fields["reference"] = Reference(module)
            ports = frontends.ports(module)
            for level, passes in LEVELS.items():
                pipeline.run(module, fill_options(passes, **options.get(level, {})))
                self.texts[level] = str(module)
                if level == "kernels":
                    fields["macs"] = _count_macs(module)
                if level == "plan":
                    fields |= _read_plan(module, ports)
                if level == last and level != "llvm":
                    return fields
            self._set_target(module)
            self.llvm_ir = self.texts["llvm"] = llvm.translate_module_to_llvmir(module.operation)
            if last == "asm":
                self.texts["asm"] = compile_to_assembly(self.llvm_ir, self.target)
        return fields

    def _set_target(self, module: ir.Module) -> None:
        attributes = module.operation.attributes
        attributes["llvm.target_triple"] = ir.StringAttr.get(self.target.triple)
        attributes["llvm.data_layout"] = ir.StringAttr.get(self.target.data_layout)


def compile_model(path: str | Path, target: str | Target = "cortex-m4", *, io: Literal["int8", "float"] = "int8",
                  ram: int | None = None, name: str | None = None) -> Compiled:
    """Compile a quantised model for a microcontroller. The arguments are those of `Compilation`.

    Raises:
        InputError: the file cannot be read.
        Unsupported: the model asks for something the compiler does not do.
        DoesNotFit: the smallest pool found has more bytes than `ram`.
    """
    return Compilation(path, target, io=io, ram=ram, name=name).finish()


def symbol_name(text: str) -> str:
    """A C identifier made of a file's name."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "model"
    return name if name[0].isalpha() else f"m_{name}"


def _kernels(module: ir.Module) -> list[d.KernelOp]:
    found: list[d.KernelOp] = []
    for function in module.body.operations:
        for region in function.operation.regions:
            for block in region.blocks:
                found += [op for op in block.operations if isinstance(op, d.KernelOp)]
    return found


def _count_macs(module: ir.Module) -> int:
    with module.operation.location:
        return sum(describe_kernel(each).macs for each in _kernels(module))


def _read_plan(module: ir.Module, ports: tuple[Sequence, Sequence]) -> dict:
    """Pool size, inputs and outputs of a planned module."""
    function = next(op for op in module.body.operations if "vmcu.inputs" in op.attributes)
    places: dict[str, dict[int, int]] = {"input": {}, "output": {}}
    for op in function.regions[0].blocks[0].operations:
        if isinstance(op, d.PoolOp):
            pool = d.read_pool(op.pool.type)
        elif isinstance(op, d.PlaceOp) and op.role is not None:
            places["output" if "output" in str(op.role) else "input"][op.number.value] = op.offset.value
    tensors = {}
    for side, side_ports in zip(("input", "output"), ports):
        types = [each.value for each in ir.ArrayAttr(function.attributes[f"vmcu.{side}s"])]
        tensors[f"{side}s"] = tuple(
            Tensor(port.name or f"{side}{number}", tuple(ir.RankedTensorType(kind).shape), _dtype(kind),
                   places[side][number], port.scale, port.zero_point)
            for number, (kind, port) in enumerate(zip(types, side_ports))
        )
    return {"pool_bytes": pool, **tensors}


def _dtype(kind: ir.Type) -> np.dtype:
    return np.dtype({"i8": "int8", "i16": "int16", "i32": "int32", "f32": "float32"}[str(ir.RankedTensorType(kind).element_type)])
