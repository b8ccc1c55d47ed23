"""The passes of the compiler, one module each. Importing this package registers them all with MLIR."""

from . import (  # noqa: F401
    choose_variants,
    convert_vmcu_to_llvm,
    copy_states,
    dense_by_convolution,
    dilate_convolutions,
    drop_kept_results,
    form_kernels,
    fuse_kernels,
    generalise_reductions,
    interpolate_by_matrices,
    keep_layers_apart,
    lower_streams,
    make_padding_static,
    max_by_pool,
    merge_unary_layers,
    pack_weights,
    plan,
    refuse_tosa_leftovers,
    set_target,
    spread_transposed_convolutions,
    sum_by_convolution,
    tile_to_segments,
    verify_plan,
    widen_sums,
)
from . import pipelines as pipelines  # registers lists of the passes above
