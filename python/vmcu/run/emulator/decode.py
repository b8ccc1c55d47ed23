"""What one Thumb instruction costs: accesses, cycles, and how it changes the flow.

Capstone decodes; this module only sorts instructions into the rows of a `CycleTable`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import capstone
from capstone import arm

from vmcu.cores import CycleTable
from vmcu.errors import Internal


class Flow(Enum):
    """Where execution goes after an instruction."""

    NEXT = "next"
    MAYBE = "branch if a condition holds"
    ALWAYS = "branch"


@dataclass(frozen=True)
class Cost:
    """One instruction.

    Args:
        size: bytes.
        loads: words read from memory (a byte counts as a word).
        stores: words written.
        cycles: if it is executed and, where it may branch, without the branch itself.
        taken: cycles of the branch when it is taken; these come on top.
        not_taken: cycles of the branch when it is not.
        flow: whether it branches.
        is_single_access: one load or store; a single load right after it is cheaper.
        is_single_load: one load, which is cheaper right after a single access.
    """

    size: int
    cycles: int
    loads: int = 0
    stores: int = 0
    taken: int = 0
    not_taken: int = 0
    flow: Flow = Flow.NEXT
    is_single_access: bool = False
    is_single_load: bool = False


_LOADS = {f"ldr{width}{form}" for width in ("", "b", "h", "sb", "sh") for form in ("", "t")} | {
    "ldrex",
    "ldrexb",
    "ldrexh",
}
_STORES = {f"str{width}{form}" for width in ("", "b", "h") for form in ("", "t")} | {"strex", "strexb", "strexh"}
_BRANCHES = {"b", "bx", "bl", "blx", "cbz", "cbnz"}
_MULTIPLE_LOADS = {"ldm", "ldmdb", "pop", "vldmia", "vldmdb", "vpop"}
_MULTIPLE_STORES = {"stm", "stmdb", "push", "vstmia", "vstmdb", "vpush"}
_HAS_BASE = {"ldm", "ldmdb", "vldmia", "vldmdb", "stm", "stmdb", "vstmia", "vstmdb"}
_VFP_MULTIPLY_ACCUMULATE = {f"v{sign}{kind}" for sign in ("", "n") for kind in ("mla", "mls")} | {
    f"vf{sign}{kind}" for sign in ("", "n") for kind in ("ma", "ms")
}
#: The row of the table for computations that have one of their own.
_ROWS = {
    "mul": "multiply",
    **dict.fromkeys(("mla", "mls"), "multiply_accumulate"),
    **dict.fromkeys(("smull", "umull"), "long_multiply"),
    **dict.fromkeys(("smlal", "umlal"), "long_multiply_accumulate"),
    **dict.fromkeys(("sdiv", "udiv"), "divide"),
    **dict.fromkeys(("dsb", "dmb", "isb"), "barrier"),
    **dict.fromkeys(("vdiv", "vsqrt"), "vfp_divide"),
    **dict.fromkeys(_VFP_MULTIPLY_ACCUMULATE, "vfp_multiply_accumulate"),
}


class Decoder:
    """Decodes Thumb-2 with the DSP and FPU extensions, Thumb of ARMv6-M among it, and prices it by `table`."""

    def __init__(self, table: CycleTable):
        self._table = table
        # V8 adds the few FPU instructions that are new in the Cortex-M7.
        self._capstone = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
        )
        self._capstone.detail = True

    def decode(self, code: bytes, address: int) -> Iterator[tuple[int, Cost]]:
        """The (address, cost) of each instruction of `code`, which starts at `address`.

        Raises:
            Internal: some bytes are no instruction, although the core executed them.
        """
        start, end = address, address + len(code)
        for each in self._capstone.disasm(code, address):
            yield each.address, self._price(each)
            address = each.address + each.size
        if address != end:
            raise Internal(f"cannot decode the instruction at {address:#x}: {code[address - start :][:4].hex()}")

    def decode_one(self, code: bytes, address: int) -> Cost:
        """The cost of the first instruction of `code`, which may be followed by anything.

        Raises:
            Internal: it is no instruction.
        """
        for each in self._capstone.disasm(code, address, count=1):
            return self._price(each)
        raise Internal(f"cannot decode the instruction at {address:#x}: {code[:4].hex()}")

    def _price(self, each: capstone.CsInsn) -> Cost:
        table, name = self._table, each.insn_name()
        if name in ("tbb", "tbh"):
            return Cost(each.size, table.load, loads=1, taken=table.taken, flow=Flow.ALWAYS)
        if name in _BRANCHES:
            is_conditional = name in ("cbz", "cbnz") or each.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID)
            flow = Flow.MAYBE if is_conditional else Flow.ALWAYS
            taken = table.link if name == "bl" else table.taken
            return Cost(each.size, 0, taken=taken, not_taken=table.not_taken, flow=flow)
        if name in _MULTIPLE_LOADS | _MULTIPLE_STORES:
            return self._price_multiple(each, name)
        if name == "ldrd":
            return Cost(each.size, table.multiple + 2 * table.word, loads=2)
        if name == "strd":
            return Cost(each.size, table.multiple + 2 * table.word, stores=2)
        if name in _LOADS:
            if _writes_pc(each):
                return Cost(each.size, table.load, loads=1, taken=table.taken, flow=Flow.ALWAYS)
            return Cost(each.size, table.load, loads=1, is_single_access=True, is_single_load=True)
        if name in _STORES:
            return Cost(each.size, table.store, stores=1, is_single_access=True)
        return self._price_computation(each, name)

    def _price_multiple(self, each: capstone.CsInsn, name: str) -> Cost:
        registers = [each.reg_name(operand.reg) for operand in each.operands[name in _HAS_BASE :]]
        words = sum(2 if register.startswith("d") else 1 for register in registers)
        cycles = self._table.multiple + words * self._table.word
        if name in _MULTIPLE_STORES:
            return Cost(each.size, cycles, stores=words)
        if "pc" in registers:
            return Cost(each.size, cycles, loads=words, taken=self._table.load_pc, flow=Flow.ALWAYS)
        return Cost(each.size, cycles, loads=words)

    def _price_computation(self, each: capstone.CsInsn, name: str) -> Cost:
        table = self._table
        if name in ("vldr", "vstr"):
            words = 2 if each.reg_name(each.operands[0].reg).startswith("d") else 1
            cycles = table.vfp_access + (words - 1) * table.word
            loads, stores = (words, 0) if name == "vldr" else (0, words)
            return Cost(each.size, cycles, loads=loads, stores=stores)
        if name in _ROWS:
            return Cost(each.size, getattr(table, _ROWS[name]))
        if name.startswith("v"):
            return Cost(each.size, table.vfp)
        if _writes_pc(each):
            return Cost(each.size, 0, taken=table.taken, flow=Flow.ALWAYS)
        return Cost(each.size, table.data)


def _writes_pc(each: capstone.CsInsn) -> bool:
    return arm.ARM_REG_PC in each.regs_access()[1]


@dataclass(frozen=True)
class Predicate:
    """What makes an instruction conditional.

    Args:
        it: address of the IT instruction.
        condition: the condition's code, 0 (EQ) to 14.
    """

    it: int
    condition: int


def find_predicated(code: bytes, address: int) -> dict[int, Predicate]:
    """The instructions of `code` that an IT instruction makes conditional, by address.

    `code` must be instructions from its first byte to its last.
    """
    words = struct.unpack(f"<{len(code) // 2}H", code[: len(code) & ~1])
    found: dict[int, Predicate] = {}
    pending: list[Predicate] = []
    index = 0
    while index < len(words):
        word, here = words[index], address + 2 * index
        if pending:
            found[here] = pending.pop(0)
        elif word >> 8 == 0xBF and word & 0xF:
            pending = _read_it(word, here)
        # Thumb-2: a first halfword of 0b11101, 0b11110 or 0b11111 has a second one.
        index += 2 if word >= 0xE800 else 1
    return found


def _read_it(word: int, address: int) -> list[Predicate]:
    """Unpack an IT instruction: the lowest set bit of the mask ends it, the bits above it end conditions."""
    condition, mask = word >> 4 & 0xF, word & 0xF
    count = 4 - (mask & -mask).bit_length() + 1
    last_bits = [condition & 1] + [mask >> (3 - place) & 1 for place in range(count - 1)]
    return [Predicate(address, condition & ~1 | bit) for bit in last_bits]
