"""Python op classes of the vmcu dialect, beside those of `mlir.dialects`."""
