"""What is going on, on stderr, for those who wait at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WORDS = {
    "tosa": "reading",
    "linalg": "lowering to linalg",
    "kernels": "forming kernels",
    "plan": "planning the pool",
    "segments": "tiling to segments",
    "llvm": "lowering to LLVM",
    "llvm-ir": "lowering to LLVM",
    "obj": "generating code",
    "reference": "asking an oracle",
}


def describe_step(step: str) -> str:
    """What is done at a level of the compiler, in words; any other step speaks for itself."""
    return _WORDS.get(step, step)


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Yield a function to call with each step's name: a spinner if stderr is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(what)) as status:
        yield lambda step: status.update(escape(f"{what}: {describe_step(step)}"))
