// The option `variants` says which kernel gets which variant; all others keep their plain loops.
// RUN: %layer conv 4x5x3 filters=5 kernel=3x3 pad=1x1 \
// RUN:   | vmcu-opt --vmcu-form-kernels --vmcu-choose-variants="variants=conv2d_0=matmul,pixels=1;" | FileCheck %s
// RUN: %layer conv 4x5x3 filters=5 kernel=3x3 pad=1x1 \
// RUN:   | vmcu-opt --vmcu-form-kernels --vmcu-choose-variants --vmcu-choose-variants="variants=;" \
// RUN:   | FileCheck %s --check-prefix=PLAIN
// RUN: %layer conv 4x5x3 filters=5 kernel=3x3 pad=1x1 \
// RUN:   | not vmcu-opt --vmcu-form-kernels --vmcu-choose-variants="variants=conv2d_7=matmul" 2>&1 \
// RUN:   | FileCheck %s --check-prefix=KERNEL
// RUN: %layer conv 4x5x3 filters=5 kernel=3x3 pad=1x1 \
// RUN:   | not vmcu-opt --vmcu-form-kernels --vmcu-choose-variants="variants=conv2d_0=row" 2>&1 \
// RUN:   | FileCheck %s --check-prefix=VARIANT
// CHECK: vmcu.kernel @conv2d_0 conv2d variant<"matmul", pixels = 1> ins(
// PLAIN: vmcu.kernel @conv2d_0 conv2d ins(
// KERNEL: error: has no kernel 'conv2d_7' to choose a variant for
// VARIANT: error: kernel conv2d_0 has no variant 'row'; supported for it is
