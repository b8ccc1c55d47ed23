// Loops of scalar arithmetic over int8 are elementwise kernels; what hands on wider tensors stays together.
// RUN: vmcu-opt %s --vmcu-form-kernels | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#sum = affine_map<(d0, d1) -> (d0)>
#again = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @residual_add(
// CHECK-SAME:    %[[A:.*]]: tensor<4x8xi8>, %[[B:.*]]: tensor<4x8xi8>)
// CHECK:       vmcu.kernel @elementwise_0 elementwise ins(%[[A]], %[[B]] : tensor<4x8xi8>, tensor<4x8xi8>)
func.func @residual_add(%a: tensor<4x8xi8>, %b: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %empty = tensor.empty() : tensor<4x8xi8>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<4x8xi8>, tensor<4x8xi8>) outs(%empty : tensor<4x8xi8>) {
  ^bb0(%p: i8, %q: i8, %o: i8):
    %0 = arith.addi %p, %q : i8
    linalg.yield %0 : i8
  } -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

// A reduction to 32 bits and what divides by it: one kernel on buffers.
// CHECK-LABEL: func.func @like_softmax(
// CHECK:       %[[Y:.*]] = vmcu.kernel @buffer_0 buffer
// CHECK:         linalg.generic
// CHECK:         linalg.generic
// CHECK:       return %[[Y]]
func.func @like_softmax(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<4xi32>
  %start = linalg.fill ins(%zero : i32) outs(%empty : tensor<4xi32>) -> tensor<4xi32>
  %sums = linalg.generic {indexing_maps = [#id, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x8xi8>) outs(%start : tensor<4xi32>) {
  ^bb0(%in: i8, %o: i32):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.addi %0, %o : i32
    linalg.yield %1 : i32
  } -> tensor<4xi32>
  %bytes = tensor.empty() : tensor<4x8xi8>
  %y = linalg.generic {indexing_maps = [#id, #again, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sums : tensor<4x8xi8>, tensor<4xi32>) outs(%bytes : tensor<4x8xi8>) {
  ^bb0(%in: i8, %sum: i32, %o: i8):
    %0 = arith.extsi %in : i8 to i32
    %1 = arith.subi %0, %sum : i32
    %2 = arith.trunci %1 : i32 to i8
    linalg.yield %2 : i8
  } -> tensor<4x8xi8>
  return %y : tensor<4x8xi8>
}

// Two layers that widen one tensor alike, one after the other, remain two kernels.
// CHECK-LABEL: func.func @shared_widening(
// CHECK-SAME:    %[[X:.*]]: tensor<8xi8>)
// CHECK:       %[[FIRST:.*]] = vmcu.kernel @{{.*}}_0 {{.*}} ins(%[[X]] : tensor<8xi8>) -> tensor<8xi8>
// CHECK:       vmcu.kernel @{{.*}}_1 {{.*}} ins(%[[X]], %[[FIRST]] : tensor<8xi8>, tensor<8xi8>) -> tensor<8xi8>
#v = affine_map<(d0) -> (d0)>
func.func @shared_widening(%x: tensor<8xi8>) -> tensor<8xi8> {
  %words = tensor.empty() : tensor<8xi32>
  %bytes = tensor.empty() : tensor<8xi8>
  %wide = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%x : tensor<8xi8>) outs(%words : tensor<8xi32>) {
  ^bb0(%in: i8, %o: i32):
    %0 = arith.extsi %in : i8 to i32
    linalg.yield %0 : i32
  } -> tensor<8xi32>
  %a = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%wide : tensor<8xi32>) outs(%bytes : tensor<8xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = arith.trunci %in : i32 to i8
    linalg.yield %0 : i8
  } -> tensor<8xi8>
  %b = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]}
      ins(%wide, %a : tensor<8xi32>, tensor<8xi8>) outs(%bytes : tensor<8xi8>) {
  ^bb0(%in: i32, %p: i8, %o: i8):
    %0 = arith.trunci %in : i32 to i8
    %1 = arith.addi %0, %p : i8
    linalg.yield %1 : i8
  } -> tensor<8xi8>
  return %b : tensor<8xi8>
}
