"""The passes of the compiler, one module each. Importing this package registers them all with MLIR."""

from . import form_kernels, plan, tile_to_segments  # noqa: F401
