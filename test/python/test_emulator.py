"""The machine boots, calls, measures the stack, and says where a program went wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from thumb import M4, M7, assemble, machine_from_ir, run
from vmcu.cores import CORES, Target
from vmcu.errors import InputError
from vmcu.run.emulator import Machine, MachineFault, StackOverflow
from vmcu.toolchain import compile_to_object, link_firmware


def test_counting_changes_nothing(tmp_path: Path) -> None:
    machine = assemble("cmp r1, #3\nite eq\nmoveq r0, #7\nmovne r0, #9\npush {r4-r7}\npop {r4-r7}\nbx lr", tmp_path, M4)
    counted = machine.call("f", 0, 3)
    free = machine.call("f", 0, 3, count=False)
    again = machine.call("f", 0, 3)
    assert counted == again
    assert (free.value, free.stack_bytes) == (counted.value, counted.stack_bytes) == (7, 16)
    assert free.instructions is free.loads is free.stores is free.cycles is None


def test_stack_is_measured_below_the_call(tmp_path: Path) -> None:
    body = "sub sp, #400\nstr r0, [sp, #100]\nadd sp, #400\nldr r0, [sp, #4]\nbx lr"
    machine = assemble(body, tmp_path, M4)
    counts = machine.call("f", 1, 2, 3, 4, 5, 66, count=False)
    assert (counts.stack_bytes, counts.value) == (300, 66)
    assert machine.call("f", 1, 2, 3, 4, 5, -1).value == -1


ARITHMETIC = """
define i64 @mul64(i64 %a, i64 %b) {
  %r = mul i64 %a, %b
  ret i64 %r
}
define i64 @div64(i64 %a, i64 %b) {
  %r = sdiv i64 %a, %b
  ret i64 %r
}
define i32 @div(i32 %a, i32 %b) {
  %r = sdiv i32 %a, %b
  ret i32 %r
}
define double @muladd(double %a, double %b) {
  %m = fmul double %a, %b
  %r = fadd double %m, %b
  ret double %r
}
define float @muladdf(float %a, float %b) {
  %m = fmul float %a, %b
  %r = fadd float %m, %b
  ret float %r
}
declare void @llvm.memcpy.p0.p0.i32(ptr, ptr, i32, i1)
declare void @llvm.memmove.p0.p0.i32(ptr, ptr, i32, i1)
declare void @llvm.memset.p0.i32(ptr, i8, i32, i1)
define void @copy(ptr %to, ptr %from, i32 %n) {
  call void @llvm.memcpy.p0.p0.i32(ptr %to, ptr %from, i32 %n, i1 false)
  ret void
}
define void @move(ptr %to, ptr %from, i32 %n) {
  call void @llvm.memmove.p0.p0.i32(ptr %to, ptr %from, i32 %n, i1 false)
  ret void
}
define void @set(ptr %to, i8 %v, i32 %n) {
  call void @llvm.memset.p0.i32(ptr %to, i8 %v, i32 %n, i1 false)
  ret void
}
"""
ARITHMETIC_NAMES = ("mul64", "div64", "div", "muladd", "muladdf", "copy", "move", "set")


@pytest.fixture(scope="module", params=CORES.values(), ids=CORES)
def arithmetic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine_from_ir(ARITHMETIC, tmp_path_factory.mktemp("arithmetic"), ARITHMETIC_NAMES, request.param)


def words(*values: float, form: str) -> list[int]:
    packed = struct.pack(f"<{len(values)}{form}", *values)
    return list(struct.unpack(f"<{len(packed) // 4}i", packed))


def test_integer_arithmetic(arithmetic: Machine) -> None:
    a, b = -(1 << 40) - 12345, 1 << 21 | 9
    assert arithmetic.call("mul64", *words(a, b, form="q")).value64 == (a * b) % (1 << 64)
    assert arithmetic.call("div64", *words(a, b, form="q")).value64 == -(-a // b) % (1 << 64)
    assert arithmetic.call("div", -100, 7).value == -14


def test_float_arithmetic(arithmetic: Machine) -> None:
    double = arithmetic.call("muladd", *words(1.1, -2.3, form="d")).value64
    assert struct.unpack("<d", struct.pack("<Q", double))[0] == 1.1 * -2.3 - 2.3
    single = arithmetic.call("muladdf", *words(1.5, -2.25, form="f")).value
    assert struct.unpack("<f", struct.pack("<i", single))[0] == 1.5 * -2.25 - 2.25


@pytest.mark.parametrize("count", [0, 1, 3, 4, 17, 64, 67])
def test_memory_functions(arithmetic: Machine, count: int) -> None:
    data = bytes(range(1, 201))
    there = arithmetic.reserve(len(data))
    for function, to in (("copy", 100 + 1), ("move", 3), ("move", 7 + count), ("move", 30)):
        expected = bytearray(data)
        expected[to : to + count] = data[7 : 7 + count]
        arithmetic.write(there, data)
        arithmetic.call(function, there + to, there + 7, count, count=False)
        assert arithmetic.read(there, len(data)) == expected
    arithmetic.call("set", there + 5, 0x1AB, count, count=False)
    expected[5 : 5 + count] = b"\xab" * count
    assert arithmetic.read(there, len(data)) == expected


@pytest.mark.parametrize("core", CORES)
def test_copy_moves_words(core: str, tmp_path: Path) -> None:
    target = Target.parse(core)
    machine = machine_from_ir(ARITHMETIC, tmp_path, ["copy"], target)
    there = machine.reserve(2048)
    counts = machine.call("copy", there + target.features.unaligned, there + 1024, 1000)
    assert counts.loads is not None and counts.cycles is not None
    assert counts.loads < 270
    assert counts.cycles < 1100 * (target.cycles.load_after_access + target.cycles.store) / 2


def test_words_must_be_aligned_where_the_core_asks_for_it(tmp_path: Path) -> None:
    for core in CORES.values():
        machine = assemble("ldr r0, [r0]\nbx lr", tmp_path, core)
        there = machine.reserve(8)
        machine.write(there, bytes(range(8)))
        if core.features.unaligned:
            assert machine.call("f", there + 1).value == 0x04030201
            continue
        with pytest.raises(MachineFault, match="unaligned access, pc .* in f") as caught:
            machine.call("f", there + 1)
        assert caught.value.pc == machine.address("f")


# Encoded, as an assembler refuses what its core does not have.
ENCODINGS = {
    "dsp": "0xfa2f, 0xf081",  # sxtb16 r0, r1
    "fpu": "0xee00, 0x1a10",  # vmov s0, r1
    "saturate": "0xf301, 0x0007",  # ssat r0, #8, r1
    "long_multiply": "0xfb81, 0x0102",  # smull r0, r1, r1, r2
}


@pytest.mark.parametrize("core", CORES)
def test_a_core_has_the_instructions_of_its_features(core: str, tmp_path: Path) -> None:
    features = CORES[core].features
    for name, encoding in ENCODINGS.items():
        machine = assemble(f".short {encoding}\nbx lr", tmp_path, CORES[core])
        if getattr(features, name):
            machine.call("f", 0, 3, 5, count=False)
        else:
            with pytest.raises(MachineFault, match="in f"):
                machine.call("f", 0, 3, 5, count=False)


FAULTS = {
    "unmapped read": ("movs r1, #0\nmovt r1, #0x6000\nldr r0, [r1, #8]", "read of unmapped memory at 0x60000008, pc"),
    "unmapped write": ("movs r1, #0\nmovt r1, #0x6000\nstr r0, [r1]", "write to unmapped memory at 0x60000000, pc"),
    "just above RAM": ("movs r1, #0\nmovt r1, #0x2004\nldrb r0, [r1]", "read of unmapped memory at 0x20040000"),
    "just below RAM": ("movs r1, #0\nmovt r1, #0x2000\nldrb r0, [r1, #-1]", "forbidden read at 0x1fffffff"),
    "flash write": ("movs r1, #16\nstr r0, [r1]", "write to flash at 0x00000010, pc .* in f"),
    "RAM execution": ("movw r1, #1\nmovt r1, #0x2000\nbx r1", "execution of RAM at 0x20000000"),
    "undefined": ("udf #3", "in f"),
    "breakpoint": ("bkpt #3", "stop at a breakpoint, pc .* in f"),
    "system register": ("movw r1, #0xed08\nmovt r1, #0xe000\nldr r0, [r1]", "not emulated at 0xe000ed08"),
    "endless": ("1: b 1b", "no end after 0.2 s, pc .* in f"),
}


@pytest.mark.parametrize("count", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_says_where(fault: str, count: bool, tmp_path: Path) -> None:
    body, message = FAULTS[fault]
    machine = assemble(f"nop\n{body}\nbx lr", tmp_path, M4)
    with pytest.raises(MachineFault, match=message) as caught:
        machine.call("f", 0, count=count, seconds=0.2)
    assert caught.value.function == ("no function" if fault == "RAM execution" else "f")


def test_fault_names_the_very_instruction(tmp_path: Path) -> None:
    machine = assemble("nop\nmovs r1, #16\nnop\nstr r0, [r1]\nnop\nbx lr", tmp_path, M4)
    with pytest.raises(MachineFault) as caught:
        machine.call("f")
    assert (caught.value.pc, caught.value.address) == (machine.address("f") + 6, 16)


def test_stack_overflow(tmp_path: Path) -> None:
    body = "mov r2, sp\n1: push {r0-r7}\nsubs r1, #1\nbne 1b\nmov sp, r2\nbx lr"
    machine = assemble(body, tmp_path, M4)
    machine.reserve(M4.ram - 4096)
    assert machine.call("f", 0, 100).stack_bytes == 3200
    with pytest.raises(StackOverflow, match="stack of more than 4096 bytes reached the static data"):
        machine.call("f", 0, 128)


def test_machine_goes_on_after_a_fault(tmp_path: Path) -> None:
    machine = assemble("ldr r0, [r0]\nbx lr", tmp_path, M4)
    there = machine.reserve(4)
    machine.write(there, (77).to_bytes(4, "little"))
    with pytest.raises(MachineFault):
        machine.call("f", 0x7000_0000)
    assert machine.call("f", there).value == 77


BOOT = """
@state = global [3 x i32] [i32 1, i32 2, i32 3]
@net_pool = internal global [64 x i8] zeroinitializer
define i32 @net_run() {
  %a = load volatile i32, ptr getelementptr (i8, ptr @state, i32 8)
  %b = load volatile i32, ptr @net_pool
  %r = add i32 %a, %b
  ret i32 %r
}
"""


def test_boot_initialises_static_data(tmp_path: Path) -> None:
    machine = machine_from_ir(BOOT, tmp_path, ["net_run"], M4)
    assert machine.read(machine.address("state"), 12) == struct.pack("<3i", 1, 2, 3)
    assert machine.read(machine.address("net_pool"), 64) == bytes(64)
    machine.write(machine.address("net_pool"), (40).to_bytes(4, "little"))
    assert machine.call("net_run").value == 43


def test_boot_stops_before_main(tmp_path: Path) -> None:
    code = compile_to_object(BOOT, M4, tmp_path / "f.o")
    machine = Machine(link_firmware([code], M4, tmp_path / "f.elf", entry="net_run"), M4)
    machine.boot()
    assert machine.call("vmcu_main").value == 3


def test_call_before_boot_is_refused(tmp_path: Path) -> None:
    code = compile_to_object(BOOT, M4, tmp_path / "f.o")
    machine = Machine(link_firmware([code], M4, tmp_path / "f.elf", keep=["net_run"]), M4)
    with pytest.raises(InputError, match="before boot"):
        machine.call("net_run")


def test_host_access_is_checked(tmp_path: Path) -> None:
    machine = machine_from_ir(BOOT, tmp_path, ["net_run"], M4)
    with pytest.raises(InputError, match="no symbol 'nett'"):
        machine.address("nett")
    with pytest.raises(InputError, match="static data"):
        machine.write(machine.address("net_pool") + 60, bytes(8))
    with pytest.raises(InputError, match="RAM"):
        machine.reserve(M4.ram)
    with pytest.raises(InputError, match="RAM"):
        machine.read(0x2000_0000 + M4.ram - 1, 2)


def test_firmware_larger_than_the_target(tmp_path: Path) -> None:
    ir = "@big = constant [4000 x i8] zeroinitializer\n"
    code = compile_to_object(ir, M4, tmp_path / "f.o")
    firmware = link_firmware([code], M4, tmp_path / "f.elf", keep=["big"])
    with pytest.raises(InputError, match="outside the flash of cortex-m4,flash=2KiB"):
        Machine(firmware, Target.parse("cortex-m4,flash=2KiB"))


@pytest.mark.parametrize("count", [True, False])
def test_on_call_reports_to_the_host(count: bool, tmp_path: Path) -> None:
    ir = """
    define void @report(i32 %a, i32 %b) noinline {
      call void asm sideeffect "nop", ""()
      ret void
    }
    define void @f() {
      call void @report(i32 1, i32 2)
      call void @report(i32 3, i32 -1)
      ret void
    }"""
    machine = machine_from_ir(ir, tmp_path, ["f"], M4)
    seen: list[tuple[int, int]] = []
    machine.on_call("report", lambda a, b, *_: seen.append((a, b)))
    machine.call("f", count=count)
    assert seen == [(1, 2), (3, 0xFFFF_FFFF)]


def test_on_call_may_stop_the_run(tmp_path: Path) -> None:
    machine = assemble("push {lr}\nmovs r0, #1\npop {pc}", tmp_path, M4)

    def refuse(*_: int) -> None:
        raise ValueError("not today")

    machine.on_call("f", refuse)
    with pytest.raises(ValueError, match="not today"):
        machine.call("f")


def test_m7_runs_the_same_code(tmp_path: Path) -> None:
    counts = run("smlad r0, r1, r2, r1\nbx lr", tmp_path, M7)
    assert (counts.value, counts.instructions) == (3 * 5 + 3, 2)
