"""Where the command meets files, names, pipes and people who lose patience."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from commands import Command
from emulated import int8_inputs
from vmcu import cli
from vmcu.abi.names import Names
from vmcu.driver.options import label_models, symbol_name
from vmcu.errors import InputError

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys)


def test_two_models_of_one_c_name_are_kept_apart(command: Command) -> None:
    first, second = tiny.conv(Path("a-b.tflite"), size=4), tiny.conv(Path("a_b.tflite"), size=5)
    assert command("compile", first, "-o", "out")[0] == 0
    kept = Path("out/a_b.o").read_bytes()
    code, out, err = command("compile", second, "-o", "out")
    assert (code, out) == (1, "")
    assert err.startswith(
        "vmcu: error: a_b.tflite: its C name is a_b, and out/a_b.h is that of a-b.tflite; --name gives"
    )
    assert Path("out/a_b.o").read_bytes() == kept
    # The same model may be compiled again, also from elsewhere; and each has a name or a folder of its own.
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    assert command("compile", "../a-b.tflite", "-o", "../out", "--optimize", "size")[0] == 0
    os.chdir("..")
    assert command("compile", second, "-o", "out", "--name", "second")[0] == 0
    assert command("compile", second, "-o", "other")[0] == 0
    assert "A_B_H" in Path("out/a_b.h").read_text()  # so that a name in capitals is the same to the preprocessor
    assert "its C name is A_B" in command("compile", second, "-o", "out", "--name", "A_B")[2]


def test_a_model_that_took_the_place_of_another_is_compiled(command: Command) -> None:
    tiny.conv(Path("a-b.tflite"), size=4)
    assert command("compile", "a-b.tflite")[0] == 0
    shutil.move("a-b.tflite", "a_b.tflite")
    assert command("compile", "a_b.tflite")[0] == 0
    tiny.conv(Path("a_b.tflite"), size=6)
    assert command("compile", "a_b.tflite")[0] == 0
    assert " * Made from a_b.tflite.\n" in Path("a_b.h").read_text()


def test_bench_tells_models_of_one_c_name_apart(command: Command) -> None:
    paths = [tiny.conv(Path(name), size=4, kernel=1) for name in ("a-b.tflite", "a_b.tflite", "c.tflite")]
    assert label_models([*paths, paths[2]]) == dict(zip(paths, ("a-b.tflite", "a_b.tflite", "c")))
    code, out, _ = command("bench", *paths, "--json", "--layers")
    assert (code, [row["model"] for row in json.loads(out)]) == (0, ["a-b.tflite", "a_b.tflite", "c"])


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("a-b", "a_b"),
        ("7 of 9", "m_7_of_9"),
        ("int", "int"),  # int_run is no keyword
        ("stdint", "m_stdint"),
        ("String", "m_string"),
        ("日本", "model"),
        ("naïve", "na_ve"),
        ("__", "model"),
        ("x" * 240, "x" * 240),
    ],
)
def test_a_file_of_any_name_has_a_c_name(command: Command, stem: str, name: str) -> None:
    path = tiny.conv(Path(f"{stem}.tflite"), size=4, kernel=1)
    assert symbol_name(stem) == name
    code, out, _ = command("compile", path, "-o", "out put")
    assert code == 0 and out.endswith(f"wrote out put/{name}.o, out put/{name}.h\n")
    assert sorted(each.name for each in Path("out put").iterdir()) == [f"{name}.h", f"{name}.o"]


def test_name_of_a_header_of_c_invalid() -> None:
    with pytest.raises(InputError, match="the name 'stdint' makes a header stdint.h, which hides that of C"):
        vmcu.Compilation(DIGITS, name="stdint")


@pytest.mark.parametrize("name", ["pool", "run", "state", "flash_0", "halo_80", "input", "kernel_pool"])
def test_a_kernel_may_have_any_name(tmp_path: Path, name: str) -> None:
    text = vmcu.Compilation(ROOT / "docs" / "layer.mlir").emit("plan")
    path = tmp_path / "net.mlir"
    path.write_text(text.replace("@conv2d_0", f"@{name}"))
    given, expected = int8_inputs([(1, 6, 6, 8)])[0], vmcu.compile_model(ROOT / "docs" / "layer.mlir").reference
    compiled = vmcu.compile_model(path)
    with compiled.firmware() as firmware:
        np.testing.assert_array_equal(firmware.run(*given).outputs[0], expected(*given)[0])
    assert [each.calls for each in compiled.profile(*given).layers] == [1]


def test_names_of_a_program_are_different() -> None:
    names = Names("net")
    kernels = ["run", "pool", "pool_0", "kernel_pool", "conv2d_0", "halo_80", "flash_1", "input", "input0", "state"]
    found = [names.kernel(each) for each in kernels]
    others = [
        names.run,
        names.pool,
        names.state,
        names.feed_row,
        names.halo(-128),
        names.flash(1),
        names.port("input0"),
    ]
    assert len({*found, *others}) == len(found) + len(others)


def test_bench_prints_the_good_models_around_a_bad_one(command: Command) -> None:
    good = [tiny.conv(Path(name), size=4, kernel=1) for name in ("a.tflite", "c.tflite")]
    Path("b.tflite").write_text("hello")
    code, out, err = command("bench", good[0], "b.tflite", good[1], "--json")
    assert (code, [row["model"] for row in json.loads(out)]) == (1, ["a", "c"])
    assert err.count("\n") == 1 and "b.tflite: not a TFLite model" in err
    code, out, _ = command("bench", "b.tflite", "--json")
    assert (code, json.loads(out)) == (1, [])
    assert command("bench", *good, "--recompute", "0.5")[2].count("\n") <= 4  # it is said once, with the usage
    assert command("bench", *good, "--target", "z80")[2].count("\n") == 1


def test_a_bug_at_one_model_does_not_keep_the_others_from_being_measured(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [tiny.conv(Path(name), size=4, kernel=1) for name in ("a.tflite", "b.tflite")]
    finish = vmcu.Compilation.finish

    def fail_at_a(self: vmcu.Compilation) -> vmcu.Compiled:
        return [][1] if self.name == "a" else finish(self)

    monkeypatch.setattr(vmcu.Compilation, "finish", fail_at_a)
    code, out, err = command("bench", *models, "--json")
    assert (code, [row["model"] for row in json.loads(out)]) == (cli.BUG, ["b"])
    assert "bug: IndexError" in err


def test_tune_measures_the_good_models_around_a_bad_one(command: Command) -> None:
    good = tiny.conv(Path("a.tflite"), size=4, kernel=1)
    Path("b.tflite").write_text("hello")
    code, out, err = command("tune", "b.tflite", good, "-o", "cache.json")
    assert code == 1 and "measured 1 of 1 shapes" in out and "b.tflite: not a TFLite model" in err
    assert command("tune", "b.tflite", "-o", "cache.json")[:2] == (1, "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.tflite", b"", "not a TFLite model, or a damaged one (0 bytes)"),
        ("onnx.tflite", b"\x08\x07\x12\x07pytorch", "not a TFLite model"),
        ("zip.tflite", b"PK\x03\x04" + bytes(60), "not a TFLite model"),
        ("empty.mlir", b"", "empty.mlir: "),
        ("binary.mlir", bytes(range(256)), "binary.mlir:1:2: unexpected character"),
        ("bytecode.mlirbc", b"ML\xefR" + bytes(9), "bytecode.mlirbc: "),
        ("model.onnx", b"", "unknown kind of model '.onnx'"),
        ("model", b"", "unknown kind of model without a suffix; supported are .tflite"),
    ],
)
def test_files_that_are_something_else_invalid(command: Command, name: str, content: bytes, said: str) -> None:
    Path(name).write_bytes(content)
    code, out, err = command("compile", name)
    assert (code, out) == (1, "") and said in err and err.count("\n") == 1
    assert [each.name for each in Path().iterdir()] == [name]


def test_folders_in_the_place_of_files_invalid(command: Command) -> None:
    model = tiny.conv(Path("net.tflite"), size=4, kernel=1)
    os.makedirs("folder.tflite")
    os.makedirs("out/net.h")
    for arguments, said in (
        (("compile", "folder.tflite"), "folder.tflite: is a folder, not a file"),
        (("compile", "-"), "unknown kind of model"),
        (("compile", model, "-o", "out"), "cannot write out/net.h: Is a directory"),
        (("run", model, "-o", "out"), "cannot write out: Is a directory"),
        (("run", model, "--input", "out"), "out: "),
        (("tune", model, "-o", "out"), "out is not a cache of measurements: it is a folder"),
    ):
        code, out, err = command(*arguments)
        assert (code, out) == (1, "") and said in err and err.count("\n") == 1, (arguments, err)
    assert os.listdir("out") == ["net.h"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_nobody_may_write_to_invalid(command: Command) -> None:
    model = tiny.conv(Path("net.tflite"), size=4, kernel=1)
    os.mkdir("out", 0o500)
    assert "cannot write out/net.o: Permission denied" in command("compile", model, "-o", "out")[2]


def test_a_plan_is_compiled_by_the_command_alone(tmp_path: Path) -> None:
    """In a process that has imported nothing else."""
    plan = tmp_path / "net.mlir"
    plan.write_text(vmcu.Compilation(ROOT / "docs" / "layer.mlir").emit("plan"))
    command = [sys.executable, "-m", "vmcu.cli", "compile", str(plan), "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["ops"], ["ops", "--json"], ["targets"], ["--help"], ["compile", "--help"]])
def test_a_reader_who_has_seen_enough_is_no_error(arguments: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vmcu.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)


def interrupt(command: list[str], folder: Path, seconds: float) -> tuple[int, str]:
    """Start a command in a session of its own, press Ctrl-C for all of its processes; its code and what it said."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("seconds", [2.0, 4.0])
@pytest.mark.parametrize("arguments", [["bench"], ["frontier"], ["tune", "--again", "-o", "cache.json"]])
def test_interrupt_is_one_line_and_leaves_nothing(tmp_path: Path, arguments: list[str], seconds: float) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "vmcu.cli", arguments[0], str(DIGITS), *arguments[1:]]
    code, said = interrupt(command, scratch, seconds)
    assert (code, said) in ((130, "vmcu: interrupted\n"), (0, ""))  # 0: it was done before
    assert not list(scratch.iterdir())


def test_interrupt_reaches_a_search_for_a_plan(tmp_path: Path) -> None:
    """The solver has a handler of its own, which would end the search and let the compiler go on."""
    code = (
        "import os, signal, sys, threading, time\n"
        "from vmcu.cli import main\n"
        "from ortools.sat.python import cp_model\n"
        "solve = cp_model.CpSolver.solve\n"
        "def interrupted(self, model, *rest):\n"
        "    found = solve(self, model, *rest)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)\n"
        "    return found\n"
        "cp_model.CpSolver.solve = cp_model.CpSolver.Solve = interrupted\n"
        "sys.exit(main(['compile', sys.argv[1], '-o', sys.argv[2]]))"
    )
    command = [sys.executable, "-c", code, str(DIGITS), str(tmp_path / "out")]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (130, "vmcu: interrupted\n", "")
    assert time.monotonic() - start < 25 and not (tmp_path / "out").exists()


def test_interrupt_ends_vmcu_opt_without_a_word(tmp_path: Path) -> None:
    source = tmp_path / "net.mlir"
    source.write_text(vmcu.Compilation(DIGITS).emit("kernels"))
    opt = [sys.executable, "-c", "import sys; from vmcu.tools import opt; sys.exit(opt())"]
    command = [*opt, str(source), "--vmcu-to-plan=ram=2367", "-o", str(tmp_path / "out.mlir")]
    code, said = interrupt([*command, "--mlir-print-ir-before-all"], tmp_path, 1.5)
    assert code in (-signal.SIGINT, 1) and "Traceback" not in said and "KeyboardInterrupt" not in said
    assert not (tmp_path / "out.mlir").exists()


def test_tool_that_is_none_invalid(command: Command) -> None:
    code, out, err = command("tool", "nosuch")
    said = "no program 'nosuch' of LLVM or MLIR; there are llc, mlir-translate, opt and others"
    assert (code, out) == (1, "") and said in err
    assert "there are mlir-translate" in command("tool", "mlir-translat")[2]


def test_memory_without_a_unit_invalid(command: Command) -> None:
    said = command("compile", DIGITS, "--target", "cortex-m4,ram=64")[2]
    assert "ram=64 of cortex-m4 is 64 bytes; supported are whole KiB up to 511MiB, such as ram=64KiB" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [["ops"], ["ops", "--json"], ["--version"]])
def test_a_full_disk_is_no_bug(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "vmcu.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "vmcu: error: cannot write the output: No space left on device\n")
