"""Damage `.tflite` files in many ways, and see that each is compiled or refused.

    python test/python/damaged_files.py COUNT [FIRST]

Files come from examples/digits, from the models of `VMCU_MODEL_ZOO` and from small ones that are written here. Each is
compiled by the command line in a process of its own with limits. A traceback, a signal, exit code 70 or more than the limits
is a fault of the compiler: the file is kept in build/damaged, and the program exits with 1.

The process of a file is forked from this one, which has imported the compiler and done nothing with it: a new Python would
spend most of the time on imports.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from damages import damaged
from test_reference import OPERATORS
from vmcu import cli

ROOT = Path(__file__).parents[2]
SECONDS, BYTES = 60, 2 << 30  # of processor time: a machine that is busy with other things makes nobody slow
ASLEEP = 900  # seconds after which a process that takes no time is one that waits for ever
MOST_BYTES = 400_000  # of a model that is damaged: larger ones take long where the damage does no harm
_POLL = 0.02  # seconds


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Args:
        word: `compiled`, `refused`, or the fault in a word or two.
        said: what it wrote to stderr.
        seconds: of processor time.
        peak: most bytes that one of its processes had in memory.
    """

    word: str
    said: str
    seconds: float
    peak: int

    @property
    def is_fault(self) -> bool:
        """Whether the compiler is to blame."""
        return self.word not in ("compiled", "refused")


def seeds(folder: Path) -> list[Path]:
    """Whole models to damage; small ones are written into `folder`."""
    found = [ROOT / "examples" / "digits" / "digits.tflite"]
    zoo = os.environ.get("VMCU_MODEL_ZOO")
    if zoo is not None:
        found += [each for each in sorted(Path(zoo).rglob("*.tflite")) if each.stat().st_size <= MOST_BYTES]
    return found + [make(folder / f"{name}.tflite") for name, make in OPERATORS.items()]


def compile_file(path: Path) -> Outcome:
    """Compile a file in a process with limits."""
    log, start = path.with_suffix(".log"), time.monotonic()
    child = os.fork()
    if child == 0:
        _compile(path, log)
    late = False
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - start > ASLEEP and not late:
            late = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(_POLL)
    said = log.read_text(errors="replace") if log.exists() else ""
    seconds = used.ru_utime + used.ru_stime
    word = f"longer than {SECONDS} s" if late or seconds > SECONDS else _word(os.waitstatus_to_exitcode(status), said)
    return Outcome(word, said, seconds, used.ru_maxrss * 1024)


def _word(code: int, said: str) -> str:
    if "Traceback" in said or "terminate called" in said:
        return "traceback"
    words = {0: "compiled", 1: "refused", 70: "bug"}
    return words.get(code, f"exit code {code}")


def _compile(path: Path, log: Path) -> None:
    """Become the command, and end."""
    code = -1
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        out = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = cli.main(["compile", str(path), "-o", str(path.parent)])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def outcomes(count: int, first: int = 0) -> Iterator[tuple[int, bytes, Outcome]]:
    """Number, bytes and outcome of so many damaged files; equal numbers make equal files."""
    _import_all()
    with tempfile.TemporaryDirectory() as scratch:
        models = seeds(Path(scratch))
        for number in range(first, first + count):
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                path, data = Path(folder) / "model.tflite", damaged(number, models)
                path.write_bytes(data)
                yield number, data, compile_file(path)


def _import_all() -> None:
    """What the command imports when it runs."""
    import ortools.sat.python.cp_model  # noqa: F401

    import vmcu.cli.app
    import vmcu.driver.compilation
    import vmcu.passes
    import vmcu.passes.pipelines
    import vmcu.report.text  # noqa: F401


def main() -> int:
    """Try as many files as the argument says, and print how many had which outcome."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    counts = Counter[str]()
    slowest, largest, kept = 0.0, 0, ROOT / "build" / "damaged"
    with suppress(KeyboardInterrupt):  # who has no more time gets the counts so far
        for number, data, outcome in outcomes(count, first):
            counts[outcome.word] += 1
            slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.peak)
            if outcome.is_fault:
                kept.mkdir(parents=True, exist_ok=True)
                (kept / f"{number}.tflite").write_bytes(data)
                print(f"{kept / f'{number}.tflite'}: {outcome.word}: {outcome.said.strip()[-400:]}", flush=True)
    print(", ".join(f"{word}: {number}" for word, number in counts.most_common()))
    print(f"slowest {slowest:.1f} s, most memory {largest >> 20} MiB")
    return 1 if set(counts) - {"compiled", "refused"} else 0


if __name__ == "__main__":
    sys.exit(main())
