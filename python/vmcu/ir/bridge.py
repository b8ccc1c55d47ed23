"""Running passes from Python, with what went wrong raised as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields

from mlir import ir
from mlir.passmanager import PassManager

from vmcu import _vmcu
from vmcu.cores import Target
from vmcu.errors import Internal, Unsupported, VmcuError
from vmcu.ir.locations import place


def context() -> ir.Context:
    """A context with the vmcu dialect loaded; use as `with vmcu.context(): ...`."""
    made = ir.Context()
    _vmcu.register_dialect(made)
    return made


def core_options(target: Target) -> dict[str, bool]:
    """What passes are told of a core: the instructions it has, and never its name."""
    from vmcu.passes._features import CoreOptions

    return {each.name: getattr(target.features, each.name) for each in fields(CoreOptions)}


def run(module: ir.Module, passes: Sequence[str]) -> None:
    """Run passes in order on `module`, in place.

    Raises:
        VmcuError: a pass refused the module; the message names the op's location.
        Internal: a pass has a bug, or upstream conversion left something behind.
    """
    import vmcu.passes  # noqa: F401  registers them
    from vmcu.passes._registry import take_raised

    take_raised()
    with diagnostics(module.context) as found:
        try:
            PassManager.parse(f"builtin.module({','.join(passes)})", context=module.context).run(module.operation)
        except (ir.MLIRError, ValueError) as error:
            _raise(take_raised(), [f"{location}: {message}" for location, message in found], error)


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


def _raise(cause: BaseException | None, messages: list[str], error: Exception) -> None:
    if isinstance(cause, VmcuError):
        location = getattr(cause, "location", None)
        where = "" if location is None else place(location)
        if where:
            cause.args = (f"{where}: {cause}",)
        raise cause from None
    if cause is not None:
        raise Internal(str(cause)) from cause
    text = "; ".join(messages) or str(error)
    raise (Internal if messages else Unsupported)(text) from None
