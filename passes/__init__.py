"""The passes of the compiler, one module each. Importing this package registers them all with MLIR."""

from . import convert_vmcu_to_llvm, form_kernels, pack_weights, plan, tile_to_segments  # noqa: F401
