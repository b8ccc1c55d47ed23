"""Running passes from Python, with what went wrong raised as it was."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlir import ir
from mlir.passmanager import PassManager

from vmcu import _vmcu
from vmcu.errors import SUPPORTED, Internal, Unsupported, VmcuError
from vmcu.ir.locations import place


def context() -> ir.Context:
    """A context with the vmcu dialect loaded; use as `with vmcu.context(): ...`."""
    made = ir.Context()
    _vmcu.register_dialect(made)
    return made


class PassError(Unsupported):
    """An op is refused. The message is reported at the op's location."""

    def __init__(self, op: ir.Operation | ir.OpView, message: str):
        super().__init__(message)
        self.location = op.location


_kept: list[BaseException] = []


def keep_error(error: BaseException) -> None:
    """Keep what a pass raised: an exception must not cross the C++ frames between the pass and `run`.

    Its traceback lets go of the frames' variables: handles of IR in them would outlive the module.
    """
    traceback.clear_frames(error.__traceback__)
    _kept.append(error)


def take_error() -> BaseException | None:
    """The exception that the last pass raised, once."""
    error = _kept[-1] if _kept else None
    _kept.clear()
    return error


def run(module: ir.Module, passes: Sequence[str]) -> None:
    """Run passes in order on `module`, in place. Ours are known once `vmcu.passes` has been imported.

    Raises:
        VmcuError: a pass refused the module, which is half-done now; the message names the op's location.
        Internal: a pass has a bug.
    """
    take_error()
    try:
        PassManager.parse(f"builtin.module({','.join(passes)})", context=module.context).run(module.operation)
    except (ir.MLIRError, ValueError) as error:
        _raise(take_error(), error)


@contextmanager
def diagnostics(of: ir.Context) -> Iterator[list[tuple[ir.Location, str]]]:
    """Collect what MLIR reports, each with its location, instead of having it printed."""
    found: list[tuple[ir.Location, str]] = []

    def keep(diagnostic: ir.Diagnostic) -> bool:
        found.append((diagnostic.location, diagnostic.message))
        return True

    handler = of.attach_diagnostic_handler(keep)
    try:
        yield found
    finally:
        handler.detach()


def _raise(cause: BaseException | None, error: Exception) -> None:
    if isinstance(cause, VmcuError):
        location = getattr(cause, "location", None)
        where = "" if location is None else place(location)
        if where:
            cause.args = (f"{where}: {cause}",)
        raise cause from None
    if cause is not None and not isinstance(cause, Exception):
        raise cause  # Ctrl-C, or sys.exit
    if cause is not None:
        raise Internal(str(cause)) from cause
    for first in getattr(error, "error_diagnostics", ()):
        raise Unsupported(_describe(first.location, first.message)) from None
    raise Unsupported(str(error)) from None


def _describe(location: ir.Location, message: str) -> str:
    """A diagnostic of an upstream pass for somebody who does not know MLIR."""
    if illegal := re.fullmatch(r"failed to legalize operation '(.*)'.*", message):
        message = f"{illegal[1]} has no lowering for these types; {SUPPORTED}"
    where = place(location)
    return f"{where}: {message}" if where else message
