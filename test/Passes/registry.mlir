// A pass written in Python is a pass like any other: it has a flag, options, a place in pipelines and in the help.
// RUN: vmcu-opt %s --vmcu-form-kernels | FileCheck %s
// RUN: vmcu-opt %s --pass-pipeline="builtin.module(vmcu-form-kernels,vmcu-plan{ram=1KiB align=8},cse)" \
// RUN:   | FileCheck %s --check-prefix=PLAN
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="ram=1KiB align=8" | FileCheck %s --check-prefix=PLAN
// RUN: vmcu-opt %s --vmcu-form-kernels -mlir-print-ir-after-all -o %t 2>&1 | FileCheck %s --check-prefix=AFTER
// RUN: vmcu-opt %s --vmcu-form-kernels -mlir-print-ir-before=vmcu-form-kernels -o %t 2>&1 | FileCheck %s --check-prefix=BEFORE
// RUN: vmcu-opt %s --vmcu-form-kernels --cse -mlir-timing -o %t 2>&1 | FileCheck %s --check-prefix=TIMING
// RUN: vmcu-opt --help | FileCheck %s --check-prefix=HELP

// CHECK-LABEL: func.func @main
// CHECK: vmcu.kernel
// PLAN: vmcu.pool {{.*}}: !vmcu.pool<128>
// AFTER: IR Dump After vmcu-form-kernels (vmcu-form-kernels)
// AFTER: vmcu.kernel
// BEFORE: IR Dump Before vmcu-form-kernels (vmcu-form-kernels)
// BEFORE-NOT: vmcu.kernel
// TIMING: vmcu-form-kernels
// TIMING: CSE
// HELP: --vmcu-plan {{ *}}- {{ *}}Place all tensors in one pool
// HELP-NEXT: ram=<bytes>: most bytes that the pool may have{{$}}
// HELP-NEXT: align=<bytes>: {{.*}} [default: 4]
// HELP: time-limit=<float>: {{.*}} (seconds) [default: 10.0]

func.func @main(%x: tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  %init = tensor.empty() : tensor<1x4x4x8xi8>
  %low = arith.constant -5 : i8
  %r = linalg.generic {
    indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
    iterator_types = ["parallel", "parallel", "parallel", "parallel"]
  } ins(%x : tensor<1x4x4x8xi8>) outs(%init : tensor<1x4x4x8xi8>) {
  ^bb0(%in: i8, %out: i8):
    %v = arith.maxsi %in, %low : i8
    linalg.yield %v : i8
  } -> tensor<1x4x4x8xi8>
  return %r : tensor<1x4x4x8xi8>
}
