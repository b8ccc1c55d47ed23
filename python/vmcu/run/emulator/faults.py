"""What a program may not do, in words."""

from __future__ import annotations

import unicorn

from vmcu.errors import Internal, VmcuError

ACCESSES = {
    unicorn.UC_MEM_READ_UNMAPPED: "read of unmapped memory",
    unicorn.UC_MEM_WRITE_UNMAPPED: "write to unmapped memory",
    unicorn.UC_MEM_FETCH_UNMAPPED: "execution of unmapped memory",
    unicorn.UC_MEM_READ_PROT: "forbidden read",
    unicorn.UC_MEM_WRITE_PROT: "write to flash",
    unicorn.UC_MEM_FETCH_PROT: "execution of RAM",
}

#: Unicorn's numbers. Accesses to the wrong memory are found by the hook before they become a data abort.
EXCEPTIONS = {4: "unaligned access", 17: "FPU instruction on a core without FPU"}


class StackOverflow(VmcuError):
    """The target has too little RAM for the stack of the emulated program."""


class MachineFault(Internal):
    """The emulated program did what the core or its memories do not allow, or did not end: its code is wrong.

    Args:
        what: what happened.
        pc: address of the instruction.
        function: name of the function that holds it.
        address: address that was accessed, if the fault is about one.
    """

    def __init__(self, what: str, pc: int, function: str, address: int | None = None):
        place = "" if address is None else f" at {address:#010x}"
        super().__init__(f"{what}{place}, pc {pc:#010x} in {function}")
        self.what, self.pc, self.function, self.address = what, pc, function, address


def describe(error: unicorn.UcError) -> str:
    """What stopped the core, where it was no memory access."""
    if error.errno == unicorn.UC_ERR_INSN_INVALID:
        return "invalid instruction"
    return f"core stopped: {error}"
