"""The cores the compiler knows, as data.

A `Target` is everything that differs between one microcontroller and the next: how LLVM and Zig call the core, which
instructions it has, which `llc` flags suit it, how much memory it has, and what its instructions cost. The rest of the
compiler chooses by these data and not by a core's name; a new core is a new entry in `CORES`.

    >>> target = Target.parse("cortex-m4,ram=64KiB")
    >>> str(target)
    'cortex-m4,flash=1MiB,ram=64KiB'
    >>> Target.parse(str(target)) == target
    True
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from vmcu.errors import InputError
from vmcu.units import format_bytes, parse_bytes

KIB = 1024
MIB = 1024 * KIB

__all__ = ["CORES", "FLASH_BASE", "RAM_BASE", "CycleTable", "Features", "Target", "format_bytes", "parse_bytes"]

#: Flash starts at 0 and RAM here, as on every Cortex-M whose vendor follows Arm's memory map.
FLASH_BASE = 0x0000_0000
RAM_BASE = 0x2000_0000


@dataclass(frozen=True)
class Features:
    """What a core has beyond the instructions that all have."""

    dsp: bool = True  # SMLAD, SXTB16, SMMULR and so on: what the fast kernels are made of
    fpu: bool = True  # single precision, switched on by the start-up code
    saturate: bool = True  # SSAT
    long_multiply: bool = True  # SMULL, SMLAL: 64-bit products
    unaligned: bool = True  # LDR and STR of words and halfwords at any address

    @property
    def names(self) -> tuple[str, ...]:
        """Those that the core has, as people write them."""
        return tuple(each.name.replace("_", "-") for each in fields(self) if getattr(self, each.name))


@dataclass(frozen=True)
class CycleTable:
    """Cycles of each kind of instruction with memory that never waits.

    The defaults follow Arm's Technical Reference Manual of the Cortex-M4 (DDI 0439). Where the manual gives a range
    (division 2 to 12 cycles, the refill of the pipeline 1 to 3) the table takes one value and keeps to it.
    """

    data: int = 1  # data processing, SMLAD and everything not named below, also a skipped instruction
    multiply: int = 1  # MUL
    multiply_accumulate: int = 1  # MLA, MLS
    long_multiply: int = 1  # SMULL, UMULL
    long_multiply_accumulate: int = 1  # SMLAL, UMLAL
    load: int = 2  # LDR and its narrow forms
    load_after_access: int = 1  # the same, right after another single load or store
    store: int = 1  # STR and its narrow forms
    multiple: int = 1  # LDRD, STRD, LDM, STM, PUSH, POP, VLDM, VSTM: this plus `word` for each word moved
    word: int = 1
    load_pc: int = 2  # added when POP or LDM writes the program counter
    taken: int = 3  # branch taken, BX, BLX; added to `load` by LDR pc, TBB and TBH
    link: int = 3  # BL
    not_taken: int = 1
    barrier: int = 1  # DSB, DMB, ISB
    divide: int = 7  # SDIV, UDIV
    vfp: int = 1
    vfp_access: int = 2  # VLDR, VSTR of one word; `word` more for a double
    vfp_multiply_accumulate: int = 3  # VMLA, VMLS, VNMLA, VNMLS and the fused ones
    vfp_divide: int = 14  # VDIV, VSQRT


@dataclass(frozen=True)
class Target:
    """One core with its memories.

    Args:
        name: what people type, such as `cortex-m4`.
        triple: architecture and ABI for LLVM.
        cpu: the core's name in LLVM (`-mcpu`).
        zig_cpu: the core's name in Zig, with features taken away by `-`.
        unicorn_model: the name of Unicorn's constant for the core, without `UC_CPU_ARM_`.
        llc_flags: code generation that was measured to suit the core.
        flash: bytes, from address `FLASH_BASE`.
        ram: bytes, from address `RAM_BASE`.
        cycles: the model that turns executed instructions into cycles.
        cycle_model: one line for reports that says how far the cycles can be trusted.
        features: instructions that the core has; the passes choose by them.
        measured: the cores whose measured variants of kernels are taken (`vmcu.tuner`), the first that has some.

    Raises:
        InputError: a memory is empty, not whole KiB, or larger than its region of the address map.
    """

    name: str
    triple: str
    cpu: str
    zig_cpu: str
    unicorn_model: str
    flash: int
    ram: int
    cycle_model: str
    features: Features = field(default_factory=Features)
    measured: tuple[str, ...] = ()
    llc_flags: tuple[str, ...] = ()
    cycles: CycleTable = field(default_factory=CycleTable)
    data_layout: str = "e-m:e-p:32:32-Fi8-i64:64-v128:64:128-a:0:32-n32-S64"

    def __post_init__(self) -> None:
        for name in ("flash", "ram"):
            size = getattr(self, name)
            # Arm's memory map gives flash and RAM 512 MiB each; the last MiB below RAM stays free for debuggers.
            if size <= 0 or size % KIB or size > 511 * MIB:
                found = f"{name}={format_bytes(size)} of {self.name} is {size} bytes"
                raise InputError(f"{found}; supported are whole KiB up to 511MiB, such as {name}=64KiB")

    def __str__(self) -> str:
        return f"{self.name},flash={format_bytes(self.flash)},ram={format_bytes(self.ram)}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `NAME[,flash=SIZE][,ram=SIZE]`; `str` of the result is read back as an equal target.

        Raises:
            InputError: unknown core, option or size.
        """
        name, *options = (part.strip() for part in text.split(","))
        if name not in CORES:
            raise InputError(f"unknown target {name!r}, known are {', '.join(CORES)}")
        core, sizes = CORES[name], _parse_options(options)
        return replace(core, flash=sizes.get("flash", core.flash), ram=sizes.get("ram", core.ram))


def _parse_options(options: list[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for option in options:
        key, _, value = option.partition("=")
        if key not in ("flash", "ram"):
            raise InputError(f"unknown target option {key!r}, known are flash=SIZE, ram=SIZE")
        if key in sizes:
            raise InputError(f"target option {key!r} is given twice")
        sizes[key] = parse_bytes(value)
    return sizes


# A constant that is hoisted out of its block hides SMMLSR and SMMLAR from instruction selection.
_KEEP_CONSTANTS = "-disable-constant-hoisting"
# Strength reduction makes a pointer of each address that a loop needs, and spills them.
_KEEP_ADDRESSES = "-disable-lsr"
# Four LDR in a row are 5 cycles, two LDRD are 6; and the second scheduler pulls the loads apart again.
_IN_ORDER = ("-arm-load-store-opt=false", "-enable-post-misched=false", _KEEP_CONSTANTS)

CORES: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            name="cortex-m4",
            measured=("cortex-m4",),
            triple="thumbv7em-none-eabi",
            cpu="cortex-m4",
            zig_cpu="cortex_m4",
            unicorn_model="CORTEX_M4",
            flash=1 * MIB,
            ram=256 * KIB,
            cycle_model="Cortex-M4 instruction timings, memory without wait states",
            llc_flags=_IN_ORDER,
        ),
        Target(
            name="cortex-m7",
            measured=("cortex-m7", "cortex-m4"),
            triple="thumbv7em-none-eabi",
            cpu="cortex-m7",
            zig_cpu="cortex_m7-fp64",
            unicorn_model="CORTEX_M7",
            flash=2 * MIB,
            ram=512 * KIB,
            # Many parts with this core have a single-precision FPU, and so has the emulated one.
            llc_flags=("-mattr=-fp64", _KEEP_CONSTANTS),
            # Arm publishes no timings for this core.
            cycle_model="Cortex-M4 instruction timings; a Cortex-M7 issues up to two a cycle and needs fewer",
        ),
        Target(
            name="cortex-m33",
            measured=("cortex-m33", "cortex-m4"),
            triple="thumbv8m.main-none-eabi",
            cpu="cortex-m33",
            zig_cpu="cortex_m33",
            unicorn_model="CORTEX_M33",
            flash=1 * MIB,
            ram=256 * KIB,
            llc_flags=_IN_ORDER,
            # Arm publishes no timings for this core either.
            cycle_model="Cortex-M4 instruction timings, which a Cortex-M33 is close to; memory without wait states",
        ),
        Target(
            name="cortex-m3",
            triple="thumbv7m-none-eabi",
            cpu="cortex-m3",
            zig_cpu="cortex_m3",
            unicorn_model="CORTEX_M3",
            flash=512 * KIB,
            ram=64 * KIB,
            features=Features(dsp=False, fpu=False),
            llc_flags=(*_IN_ORDER, _KEEP_ADDRESSES),
            # DDI 0337: SMULL and UMULL take 3 to 5 cycles, SMLAL and UMLAL 4 to 7, by the size of the operands.
            cycles=CycleTable(multiply_accumulate=2, long_multiply=4, long_multiply_accumulate=5),
            cycle_model="Cortex-M3 instruction timings (64-bit products: 4 cycles), memory without wait states",
        ),
        Target(
            name="cortex-m0plus",
            triple="thumbv6m-none-eabi",
            cpu="cortex-m0plus",
            zig_cpu="cortex_m0plus",
            # The instructions and the addresses that are allowed are the same.
            unicorn_model="CORTEX_M0",
            flash=256 * KIB,
            ram=32 * KIB,
            features=Features(dsp=False, fpu=False, saturate=False, long_multiply=False, unaligned=False),
            # Bytes are loaded right before they are multiplied; there are not the registers for any other order.
            llc_flags=(*_IN_ORDER, _KEEP_ADDRESSES, "-pre-RA-sched=source"),
            # DDI 0484; MUL takes 1 cycle or 32, as the vendor chooses, and most choose 1.
            cycles=CycleTable(load_after_access=2, store=2, taken=2, link=3, barrier=3),
            cycle_model="Cortex-M0+ instruction timings with the multiplier of one cycle, memory without wait states",
        ),
    )
}
