// A pass that runs twice changes nothing the second time, and attributes that no pass knows go down with their ops.
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-choose-variants --vmcu-plan | FileCheck %s --check-prefix=PLAN
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-plan --vmcu-lower-streams --vmcu-lower-streams \
// RUN:   | FileCheck %s --check-prefix=LOOPS
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-plan --vmcu-to-segments --vmcu-to-segments --vmcu-pack-weights \
// RUN:   --vmcu-pack-weights | FileCheck %s --check-prefix=SEGMENTS
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-plan --vmcu-to-segments --vmcu-to-llvm | FileCheck %s --check-prefix=LLVM
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-plan --vmcu-to-segments --vmcu-to-llvm --vmcu-to-llvm \
// RUN:   | FileCheck %s --check-prefix=LLVM
// RUN: vmcu-opt %s --vmcu-choose-variants --vmcu-plan --vmcu-lower-streams --mlir-print-debuginfo \
// RUN:   | FileCheck %s --check-prefix=WHERE

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>

// PLAN: func.func @main() attributes
// PLAN-SAME: mine.model = "kept"
// PLAN-SAME: vmcu.inputs = [{mine.port = "kept", type = tensor<1x4x4x8xi8>, vmcu.name = "x"}]
// PLAN: vmcu.placed_kernel @k {{.*}} attributes {mine.note = "kept"}
// PLAN: return {mine.end = "kept"}
// LOOPS: mine.model = "kept"
// LOOPS: vmcu.placed_kernel @k {{.*}} attributes {mine.note = "kept"}
// SEGMENTS: mine.model = "kept"
// SEGMENTS: vmcu.tiled_kernel @k {{.*}} attributes {mine.note = "kept"}
// SEGMENTS-NOT: _kernel
// LLVM: llvm.func @model_run
// LLVM-NOT: vmcu.
// WHERE: vmcu.placed_kernel @k
// WHERE: vmcu.yield
// WHERE-NEXT: } loc(#[[AT:.*]])
// WHERE: #[[AT]] = loc("a layer"
func.func @main(%x: tensor<1x4x4x8xi8> {vmcu.name = "x", mine.port = "kept"}) -> tensor<1x4x4x8xi8>
    attributes {mine.model = "kept"} {
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> attributes {mine.note = "kept"} {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %empty = tensor.empty() : tensor<1x4x4x8xi8>
    %low = arith.constant -100 : i8
    %out = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%in : tensor<1x4x4x8xi8>) outs(%empty : tensor<1x4x4x8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %m = arith.maxsi %a, %low : i8
      linalg.yield %m : i8
    } -> tensor<1x4x4x8xi8>
    vmcu.yield %out : tensor<1x4x4x8xi8>
  } loc("a layer")
  return {mine.end = "kept"} %0 : tensor<1x4x4x8xi8>
}
