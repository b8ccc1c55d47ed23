// Kernels that are there stay as they are, new ones get other names, and what nothing reads is dropped.
// RUN: vmcu-opt %s --vmcu-form-kernels | FileCheck %s
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-form-kernels | FileCheck %s

#id = affine_map<(a) -> (a)>

// CHECK-LABEL: func.func @mixed
// CHECK-NOT: arith.constant 3
// CHECK: vmcu.kernel @elementwise_0 buffer ins(%{{.*}} : tensor<8xi8>) -> tensor<8xi8>
// CHECK-SAME: attributes {mine.note = "kept"}
// CHECK-NEXT: ^bb0
// CHECK-NEXT: vmcu.yield
// CHECK: vmcu.kernel @elementwise_1 elementwise
// CHECK: linalg.generic
// CHECK: vmcu.yield
// CHECK-NOT: vmcu.kernel
// CHECK: return
func.func @mixed(%x: tensor<8xi8>) -> tensor<8xi8> {
  %unread = arith.constant 3 : i32
  %empty = tensor.empty() : tensor<8xi8>
  %one = arith.constant 1 : i8
  %0 = vmcu.kernel @elementwise_0 buffer ins(%x : tensor<8xi8>) -> tensor<8xi8> attributes {mine.note = "kept"} {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%0 : tensor<8xi8>) outs(%empty : tensor<8xi8>) {
  ^bb0(%in: i8, %out: i8):
    %v = arith.maxsi %in, %one : i8
    linalg.yield %v : i8
  } -> tensor<8xi8>
  return %1 : tensor<8xi8>
}
