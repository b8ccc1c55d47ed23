"""What people ask of a compilation: one frozen record, checked once, handed down whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vmcu.abi.interface import Input
from vmcu.cores import Target
from vmcu.errors import InputError
from vmcu.frontends import Io

Optimize = Literal["ram", "balanced", "latency", "size"]
#: Headers of C that a model's header would hide.
_HEADERS = frozenset(
    (
        "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math", "setjmp",
        "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stdckdint", "stddef", "stdint", "stdio", "stdlib",
        "stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How a model is compiled.

    Args:
        target: a target or its text, e.g. `"cortex-m4,ram=64KiB"`.
        io: what inputs and outputs are to those who call the code: `"int8"`, `"uint8"`, `"float"`; `"auto"` is what the
            file has, but int8 in the place of floats.
        state: inputs and outputs that are one value, kept from run to run: `"INPUT=OUTPUT"`, by their names. What the
            output is after a run the input is in the next one; the caller sees neither.
        ram: most bytes that pool and stack may have together; the target's RAM if None.
        flash: most bytes that code and constants may have; the target's flash if None.
        name: prefix of the C symbols; the file's name if None.
        input: `"resident"`: the whole input lies in the pool when a run begins; `"fed"`: it comes row by row, one call
            for each row, and never is whole in RAM.
        streams: let kernels run together row by row; otherwise they run layer by layer.
        optimize: what matters besides: `"ram"`, `"balanced"`, `"latency"`, or `"size"` of the code (`vmcu.driver.weighing`).
        recompute: most multiply-accumulates, as a multiple of the network's; above 1 the plan may compute things again
            for a smaller pool, or with `"latency"` to fit at all.
        sanitize: let the code report its accesses to the pool, so that its firmware stops at the first wrong one
            (`vmcu.run.sanitizer.PoolFault`). It is larger and slower, and only for the emulator.
        pool: most bytes of the pool alone, with as few kernels in streams as they allow; None leaves the pool to `ram`,
            which it shares with the stack.

    Raises:
        InputError: a field is not what it may be, or rows are fed without streams.
    """

    target: Target = field(default_factory=lambda: Target.parse("cortex-m4"))
    io: Io = "auto"
    state: tuple[str, ...] = ()
    ram: int | None = None
    flash: int | None = None
    name: str | None = None
    input: Input = "resident"
    streams: bool = True
    optimize: Optimize = "balanced"
    recompute: float = 1.0
    sanitize: bool = False
    pool: int | None = None

    def __post_init__(self) -> None:
        for option, kind in (("io", Io), ("input", Input), ("optimize", Optimize)):
            found, known = getattr(self, option), get_args(kind)
            if found not in known:
                raise InputError(f"{option} is one of {', '.join(known)}, found '{found}'")
        if isinstance(self.state, str):
            raise InputError(f"state is a sequence of INPUT=OUTPUT, found the text '{self.state}'")
        object.__setattr__(self, "state", tuple(self.state))
        if self.name is not None:
            checked_name(self.name)
        if self.input == "fed" and not self.streams:
            raise InputError("an input that is fed row by row needs streams")
        if not self.recompute >= 1:
            raise InputError(f"recompute is a factor of at least 1, found {self.recompute:g}")
        for option in ("ram", "flash", "pool"):
            found = getattr(self, option)
            if found is not None and found <= 0:
                raise InputError(f"{option} is a positive number of bytes, found {found}")

    @staticmethod
    def of(target: str | Target | Options, **changes: Any) -> Options:
        """A target or other options, with the fields in `changes` as they say.

        Raises:
            InputError: as of the class; the target is not one.
            TypeError: there is no such field.
        """
        if isinstance(target, Options):
            return replace(target, **changes)
        return Options(Target.parse(target) if isinstance(target, str) else target, **changes)

    @property
    def ram_bytes(self) -> int:
        """Bytes that pool and stack share."""
        return self.target.ram if self.ram is None else self.ram

    @property
    def flash_bytes(self) -> int:
        """Bytes that code and constants share."""
        return self.target.flash if self.flash is None else self.flash


def checked_name(name: str) -> str:
    """`name`, if it can be the prefix of C symbols.

    Raises:
        InputError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise InputError(f"a name is a C identifier that begins with a letter, found '{name}'")
    if name.lower() in _HEADERS:
        raise InputError(f"the name '{name}' makes a header {name}.h, which hides that of C; supported are other names")
    return name


def symbol_name(text: str) -> str:
    """A C identifier made of a file's name."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "model"
    return name if name[0].isalpha() and name not in _HEADERS else f"m_{name}"


def label_models(paths: Sequence[Path]) -> dict[Path, str]:
    """What to call each of several models: its C name, or its path if two of them have one C name."""
    names = {path: symbol_name(path.stem) for path in paths}
    return {path: name if list(names.values()).count(name) == 1 else str(path) for path, name in names.items()}
