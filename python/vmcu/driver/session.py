"""A context in which everything of this project is known: for scripts."""

from __future__ import annotations

from mlir import ir

import vmcu.passes  # noqa: F401  registers them
from vmcu.ir import bridge


def context() -> ir.Context:
    """A context with the vmcu dialect loaded and its passes registered; use as `with vmcu.context(): ...`."""
    return bridge.context()
