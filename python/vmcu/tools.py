"""`vmcu-opt` and `vmcu-lsp-server`: MLIR's own mains, with the vmcu dialect and all Python passes."""

from __future__ import annotations

import signal
import sys


def opt() -> int:
    """`mlir-opt` with the vmcu dialect and passes: same flags, same pipelines."""
    _end_at_interrupts()
    import mlir.ir  # noqa: F401  registers the upstream dialects and passes

    import vmcu.passes  # noqa: F401  registers ours
    from vmcu import _vmcu

    return _vmcu.opt_main(["vmcu-opt", *sys.argv[1:]])


def lsp() -> int:
    """A language server for `.mlir` files that knows the vmcu dialect."""
    _end_at_interrupts()
    import mlir.ir  # noqa: F401

    from vmcu import _vmcu

    return _vmcu.lsp_main(["vmcu-lsp-server", *sys.argv[1:]])


def _end_at_interrupts() -> None:
    """Let Ctrl-C end the process as it ends `mlir-opt`; Python would wait for C++, and then print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
