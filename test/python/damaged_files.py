"""Damage `.tflite` files in many ways, and see that each is compiled or refused.

    python test/python/damaged_files.py 5000

Files come from examples/digits, from the models of `VMCU_MODEL_ZOO` and from small ones that are written here. Each is
compiled in a process of its own with limits. A traceback, a signal, exit code 70 or more than the limits is a fault of the
compiler: the file is kept in build/damaged, and the program exits with 1.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from test_reference import OPERATORS

ROOT = Path(__file__).parents[2]
SECONDS, BYTES = 60, 2 << 30
MOST_BYTES = 400_000  # of a model that is damaged: larger ones take long where the damage does no harm


@dataclass(frozen=True)
class Outcome:
    """What became of a file: a word, and what was said of it."""

    word: str
    said: str

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


def flip(data: bytearray, draw: random.Random) -> None:
    """Change one bit."""
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def overwrite(data: bytearray, draw: random.Random) -> None:
    """Put a number where another one was: an end of a range, or a small one."""
    at = 4 * draw.randrange(len(data) // 4)
    number = draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, draw.randrange(256), draw.randrange(1 << 32)))
    data[at : at + 4] = number.to_bytes(4, "little")


def cut(data: bytearray, draw: random.Random) -> None:
    """Cut the end off."""
    del data[draw.randrange(len(data)) :]


def move(data: bytearray, draw: random.Random) -> None:
    """Copy some bytes to another place."""
    length = draw.randrange(1, 33)
    source, target = (draw.randrange(max(1, len(data) - length)) for _ in range(2))
    data[target : target + length] = data[source : source + length]


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, flip, overwrite, overwrite, move, cut)


def damaged(seed: int, models: list[Path]) -> bytes:
    """A model with one to four damages, most of them near an end of the file, where the tables are."""
    draw = random.Random(seed)
    data = bytearray(draw.choice(models).read_bytes())
    for _ in range(draw.randint(1, 4)):
        near = min(len(data), 4096)
        start = draw.choice((0, len(data) - near, draw.randrange(len(data) - near + 1)))
        part = data[start : start + near]
        if len(part) >= 8:
            draw.choice(DAMAGES)(part, draw)
        data[start : start + near] = part
    return bytes(data)


def compile_file(path: Path) -> Outcome:
    """Compile a file in a process with limits."""
    command = [sys.executable, "-m", "vmcu.cli", "compile", str(path), "-o", str(path.parent)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, preexec_fn=_limit)
    except subprocess.TimeoutExpired:
        return Outcome(f"longer than {SECONDS} s", "")
    said = done.stderr.decode(errors="replace")
    if "Traceback" in said or "terminate called" in said:
        return Outcome("traceback", said)
    words = {0: "compiled", 1: "refused", 70: "bug"}
    word = words.get(done.returncode, f"exit code {done.returncode}")
    return Outcome(word, said)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def outcomes(count: int, first: int = 0, workers: int | None = None) -> Iterator[tuple[int, bytes, Outcome]]:
    """Number, bytes and outcome of so many damaged files; equal numbers make equal files."""
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        models = seeds(Path(scratch))

        def attempt(number: int) -> tuple[int, bytes, Outcome]:
            folder = Path(scratch) / str(number)
            folder.mkdir()
            data = damaged(number, models)
            (folder / "model.tflite").write_bytes(data)
            return number, data, compile_file(folder / "model.tflite")

        yield from pool.map(attempt, range(first, first + count))


def main() -> int:
    """Try as many files as the argument says, and print how many had which outcome."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    counts = Counter[str]()
    kept = ROOT / "build" / "damaged"
    for number, data, outcome in outcomes(count, first):
        counts[outcome.word] += 1
        if outcome.is_fault:
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{number}.tflite").write_bytes(data)
            print(f"{kept / f'{number}.tflite'}: {outcome.word}: {outcome.said.strip()[-400:]}", flush=True)
    print(", ".join(f"{word}: {number}" for word, number in counts.most_common()))
    return 1 if set(counts) - {"compiled", "refused"} else 0


if __name__ == "__main__":
    sys.exit(main())
