"""A Cortex-M with its flash and RAM, on Unicorn.

Only the target's flash, its RAM and the one system register that start-up code writes exist: any other access stops the
run with an error that says where. Counting costs one Python call per executed basic block and none per instruction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import unicorn
from unicorn import arm_const

from vmcu.cores import FLASH_BASE, KIB, RAM_BASE, Target
from vmcu.errors import InputError
from vmcu.run.emulator.counts import Accountant, Counts, FunctionCounts
from vmcu.run.emulator.faults import ACCESSES, EXCEPTIONS, MachineFault, StackOverflow, describe
from vmcu.run.emulator.image import read_image
from vmcu.run.emulator.recorder import Recorder

#: Calls return to this page, the last below RAM. It holds no code: arriving there ends the run.
_RETURN_PAGE = RAM_BASE - KIB
#: The page of the system control space with CPACR, the register that switches the FPU on.
_SYSTEM_PAGE, _CPACR = 0xE000_EC00, 0xE000_ED88
_BREAKPOINT = 7
_ARGUMENTS = tuple(getattr(arm_const, f"UC_ARM_REG_R{number}") for number in range(4))


class Machine:
    """One emulated microcontroller that holds one firmware.

    Args:
        elf_path: a linked firmware with its vector table at the start of flash.
        target: the core and the sizes of its memories.

    Raises:
        InputError: the file is not a firmware, or is larger than the target's flash.
    """

    def __init__(self, elf_path: Path, target: Target):
        self._image = read_image(elf_path)
        self._target = target
        self._accountant = Accountant(self._image, target.cycles)
        # Not with UC_MODE_MCLASS: it makes every core a Cortex-M33, whatever model is set.
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._uc.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_{target.unicorn_model}"))
        self._recorder = Recorder(self._uc, self._accountant.watched)
        self._problem: tuple[str, int | None] | None = None
        self._at_breakpoint = False
        self._top: int | None = None  # the stack pointer at reset, known once booted
        self._static_end = self._image.static_end or RAM_BASE
        self._map_memories()
        self._uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid_access)
        self._uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        # Not zeros, so that code which trusts RAM to be clear before start-up shows.
        self._paint = random.Random(0).randbytes(target.ram)
        self._uc.mem_write(RAM_BASE, self._paint)

    def address(self, symbol: str) -> int:
        """The address of a function or variable.

        Raises:
            InputError: the firmware has no such symbol.
        """
        if symbol not in self._image.symbols:
            raise InputError(f"the firmware has no symbol {symbol!r}")
        return self._image.symbols[symbol]

    def write(self, address: int, content: bytes) -> None:
        """Write static data, as a debugger would.

        Raises:
            InputError: some byte is outside the firmware's static data and what `reserve` gave. What lies above
                belongs to the stack, which `call` paints over.
        """
        self._require(address, len(content), RAM_BASE, self._static_end - RAM_BASE, "static data")
        self._uc.mem_write(address, bytes(content))

    def read(self, address: int, count: int) -> bytes:
        """Read `count` bytes of RAM or flash, as a debugger would.

        Raises:
            InputError: some byte is outside both.
        """
        if address < RAM_BASE:
            self._require(address, count, FLASH_BASE, self._target.flash, "flash")
        else:
            self._require(address, count, RAM_BASE, self._target.ram, "RAM")
        return bytes(self._uc.mem_read(address, count))

    def reserve(self, count: int) -> int:
        """Take `count` bytes above the static data for buffers that the firmware does not define.

        Returns their address, a multiple of 8. The stack may not grow into them.

        Raises:
            InputError: RAM has no room for them.
        """
        start = (self._static_end + 7) & ~7
        self._require(start, count, RAM_BASE, self._target.ram, "RAM")
        self._static_end = start + count
        return start

    def boot(self, until: str = "vmcu_main", *, seconds: float = 60.0) -> None:
        """Start at the reset vector and run until the function `until` is about to be called.

        A firmware without it runs until it stops at a breakpoint.

        Args:
            until: name of a function.
            seconds: of the host's time that it may take.

        Raises:
            MachineFault: the firmware faulted or did not get there.
        """
        stack, reset = (int.from_bytes(self.read(FLASH_BASE + at, 4), "little") for at in (0, 4))
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self._recorder.prepare(False)
        self._run(reset, self._image.symbols.get(until, _RETURN_PAGE), seconds)
        self._top = stack

    def call(self, symbol: str, *arguments: int, count: bool = True, seconds: float = 300.0) -> Counts:
        """Call a function with a fresh stack and return when it does.

        Args:
            symbol: name of the function.
            arguments: 32-bit integers, signed or not; by Arm's calling convention.
            count: count instructions, accesses and cycles. Without it the call runs several times faster; the stack
                is measured all the same.
            seconds: of the host's time that the call may take.

        Raises:
            InputError: the machine has not booted, or there is no such function.
            MachineFault: the function faulted, stopped at a breakpoint or ran out of time.
            StackOverflow: the RAM that is left is too small for its stack.
        """
        if self._top is None:
            raise InputError(f"call of {symbol} before boot(): static data is not initialised")
        entry = self.address(symbol)
        low = (self._static_end + 3) & ~3
        self._paint_stack(low, self._top)
        stack = self._push_arguments(arguments, self._top)
        self._uc.reg_write(arm_const.UC_ARM_REG_LR, _RETURN_PAGE | 1)
        self._recorder.prepare(count)
        self._run(entry, _RETURN_PAGE, seconds)
        if self._at_breakpoint:
            raise self._fault("stop at a breakpoint")
        used = self._stack_used(low, stack)
        functions = self._accountant.split(self._recorder.edges, self._recorder.executed) if count else {}
        return self._counts(functions, used)

    def on_call(self, symbol: str, callback: Callable[..., None]) -> None:
        """Have `callback(r0, r1, r2, r3)` (unsigned) run whenever the function `symbol` is entered.

        An exception that the callback raises ends the call and is raised there. Instrumented code reports to the host
        in this way.

        Raises:
            InputError: there is no such function.
        """
        entry = self.address(symbol)
        registers = list(_ARGUMENTS)
        self._uc.hook_add(
            unicorn.UC_HOOK_CODE, lambda uc, *_: callback(*uc.reg_read_batch(registers)), begin=entry, end=entry
        )
        self._uc.ctl_flush_tb()  # type: ignore[attr-defined]  # made at run time

    # Memories

    def _map_memories(self) -> None:
        uc, target = self._uc, self._target
        uc.mem_map(FLASH_BASE, target.flash, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        uc.mem_map(RAM_BASE, target.ram, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        uc.mem_map(_RETURN_PAGE, KIB, unicorn.UC_PROT_EXEC)
        uc.mmio_map(_SYSTEM_PAGE, KIB, self._read_system, None, self._write_system, None)
        for address, content in self._image.segments:
            self._require(address, len(content), FLASH_BASE, target.flash, "flash")
            uc.mem_write(address, content)

    def _require(self, address: int, count: int, base: int, size: int, memory: str) -> None:
        if not base <= address <= address + count <= base + size:
            raise InputError(f"{count} bytes at {address:#010x} are outside the {memory} of {self._target}")

    def _read_system(self, _uc: unicorn.Uc, offset: int, _size: int, _data: object) -> int:
        self._check_system(offset)
        return 0

    def _write_system(self, _uc: unicorn.Uc, offset: int, _size: int, _value: int, _data: object) -> None:
        # Unicorn's FPU is on from the start, so the write has nothing to do.
        self._check_system(offset)

    def _check_system(self, offset: int) -> None:
        if _SYSTEM_PAGE + offset != _CPACR:
            self._problem = ("access to a system register that is not emulated", _SYSTEM_PAGE + offset)
            self._uc.emu_stop()

    # Running

    def _run(self, entry: int, until: int, seconds: float) -> None:
        self._problem = None
        self._at_breakpoint = False
        try:
            self._uc.emu_start(entry | 1, until, timeout=int(seconds * 1e6))
        except unicorn.UcError as error:
            # Memory faults were noted, with their address, by the hook; what is left are instructions.
            self._problem = self._problem or (describe(error), None)
        if self._problem:
            raise self._fault(*self._problem)
        stopped = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
        if stopped != until and not self._at_breakpoint:
            raise self._fault(f"no end after {seconds:g} s")
        self._recorder.finish(stopped)

    def _fault(self, what: str, address: int | None = None) -> MachineFault:
        pc = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
        return MachineFault(what, pc, self._image.function_at(pc), address)

    def _on_invalid_access(self, _uc: unicorn.Uc, access: int, address: int, *_: object) -> bool:
        self._problem = (ACCESSES[access], address)
        return False

    def _on_exception(self, uc: unicorn.Uc, number: int, _data: object) -> None:
        self._at_breakpoint = number == _BREAKPOINT
        if not self._at_breakpoint:
            self._problem = (EXCEPTIONS.get(number, f"core exception {number}"), None)
        uc.emu_stop()

    # Stack and results

    def _paint_stack(self, low: int, top: int) -> None:
        if top - low < 64:
            raise InputError(f"{max(top - low, 0)} bytes of RAM are left for the stack")
        self._uc.mem_write(low, self._paint[: top - low])

    def _push_arguments(self, arguments: Sequence[int], top: int) -> int:
        words = [argument & 0xFFFF_FFFF for argument in arguments]
        for register, word in zip(_ARGUMENTS, words, strict=False):
            self._uc.reg_write(register, word)
        pushed = b"".join(word.to_bytes(4, "little") for word in words[len(_ARGUMENTS) :])
        # The convention wants the stack pointer at a multiple of 8.
        stack = (top - len(pushed)) & ~7
        self._uc.mem_write(stack, pushed)
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, stack)
        return stack

    def _stack_used(self, low: int, stack: int) -> int:
        """Bytes below `stack` down to the lowest that no longer shows the paint of [low, stack)."""
        size = stack - low
        found = int.from_bytes(self._uc.mem_read(low, size), "little")
        changed = found ^ int.from_bytes(self._paint[:size], "little")
        if not changed:
            return 0
        untouched = ((changed & -changed).bit_length() - 1) // 8
        if untouched < 4:
            raise StackOverflow(f"the stack of more than {size} bytes reached the static data at {low:#010x}")
        return size - untouched // 4 * 4

    def _counts(self, functions: Mapping[str, FunctionCounts], stack_bytes: int) -> Counts:
        low, high = (self._uc.reg_read(register) for register in _ARGUMENTS[:2])
        value = low - (1 << 32) if low >> 31 else low
        all_ = sum(functions.values(), FunctionCounts())
        figures = (all_.instructions, all_.loads, all_.stores, all_.cycles)
        instructions, loads, stores, cycles = figures if functions else (None,) * 4
        return Counts(instructions, loads, stores, cycles, stack_bytes, value, high << 32 | low, functions)
