"""Python op classes of the vmcu dialect, beside those of `mlir.dialects`."""

from mlir._mlir_libs import _mlir

# Where the bindings look for the classes of an op they meet.
_mlir.globals.append_dialect_search_prefix("vmcu.dialects")
