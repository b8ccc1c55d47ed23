"""Constants and RAM of a program as LLVM globals."""

from __future__ import annotations

import numpy as np
from mlir import ir
from mlir.dialects import llvm

from vmcu.abi.names import Names
from vmcu.isa import emit
from vmcu.operators.match import constant_array


class Globals:
    """Creates globals at the start of `module`; equal constants are one global."""

    def __init__(self, module: ir.Module, names: Names):
        self.module, self.names = module, names
        self.known: dict[tuple[str, bytes], str] = {}
        self.halos: dict[int, int] = {}

    def constant(self, tensor: ir.Value) -> ir.Value:
        """The address of a constant tensor."""
        array = constant_array(tensor)
        assert array is not None, "ops read flash from constants alone"
        return self.table(array)

    def table(self, array: np.ndarray) -> ir.Value:
        """The address of an int8 or int32 array in flash."""
        key = (array.dtype.str, array.tobytes())
        if key not in self.known:
            self.known[key] = self.names.flash(len(self.known))
            self._define(self.known[key], array)
        return emit.llvm.mlir_addressof(emit.pointer(), self.known[key])

    def initialise(self, address: ir.Value, value: ir.Attribute) -> None:
        """Write the elements of a tensor to an address, from flash unless all bytes are one."""
        data = np.frombuffer(np.array(value).tobytes(), np.int8)
        size = emit.word(data.size)
        if (data == data[0]).all():
            emit.llvm.intr_memset(address, emit.byte(int(data[0])), size, False)
        else:
            emit.llvm.intr_memcpy(address, self.table(data), size, False)

    def is_table(self, name: str) -> bool:
        """Whether a global is one of the constants of a kernel."""
        return name in self.known.values()

    def halo(self, pad: int, size: int) -> ir.Value:
        """The address of at least `size` bytes in flash that all hold `pad`."""
        self.halos[pad] = max(self.halos.get(pad, 0), size)
        return emit.llvm.mlir_addressof(emit.pointer(), self._halo_name(pad))

    def pool(self, size: int) -> str:
        """The name of the pool: `size` zero bytes of RAM."""
        name = self.names.pool
        with ir.InsertionPoint.at_block_begin(self.module.body):
            kind = ir.Type.parse(f"!llvm.array<{size} x i8>")
            pool = llvm.GlobalOp(kind, name, ir.Attribute.parse("#llvm.linkage<external>"), alignment=16)
            block = pool.initializer.blocks.append()
            with ir.InsertionPoint(block):
                llvm.ReturnOp(arg=llvm.mlir_zero(kind))
        return name

    def finish(self) -> None:
        """Define the halos, whose sizes are known now."""
        for pad, size in self.halos.items():
            self._define(self._halo_name(pad), np.full(-(-size // 4) * 4, pad, np.int8))

    def _halo_name(self, pad: int) -> str:
        return self.names.halo(pad)

    def _define(self, name: str, array: np.ndarray) -> None:
        kind = ir.Type.parse(f"!llvm.array<{array.size} x i{8 * array.itemsize}>")
        with ir.InsertionPoint.at_block_begin(self.module.body):
            value = ir.DenseElementsAttr.get(
                np.ascontiguousarray(array.ravel()), type=ir.IntegerType.get_signless(8 * array.itemsize)
            )
            llvm.GlobalOp(
                kind, name, ir.Attribute.parse("#llvm.linkage<internal>"), constant=True, value=value, alignment=4
            )
