"""The passes of the compiler, one module each. Importing this package registers them all with MLIR."""

from . import (  # noqa: F401
    choose_variants,
    convert_vmcu_to_llvm,
    form_kernels,
    fuse_kernels,
    lower_streams,
    pack_weights,
    plan,
    tile_to_segments,
)
