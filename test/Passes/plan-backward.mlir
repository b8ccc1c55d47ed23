// Kernels that look ahead push their outputs through the pool; running every other one backwards cancels the drift.
// RUN: vmcu-opt %s --vmcu-plan="streams=false" | FileCheck %s

// 8 rows of 4 bytes, of which each output row needs three: an output lies one row and a bit beside its input.
// CHECK-LABEL: func.func @there_and_back()
// CHECK:       vmcu.pool {{.*}}: !vmcu.pool<36>
// CHECK-DAG:   vmcu.place {{.*}} as input 0
// CHECK-DAG:   vmcu.place {{.*}} as output 0
// CHECK:       vmcu.placed_kernel @there pool
// CHECK-NOT:   backward
// CHECK:       vmcu.placed_kernel @back pool traversal backward
// CHECK:       return
func.func @there_and_back(%x: tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8> {
  %y = vmcu.kernel @there pool ins(%x : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8> {
  ^bb0(%in: tensor<1x8x1x4xi8>):
    %lowest = arith.constant -128 : i8
    %padded = tensor.pad %in low[0, 1, 0, 0] high[0, 1, 0, 0] {
    ^bb0(%a: index, %b: index, %c: index, %d: index):
      tensor.yield %lowest : i8
    } : tensor<1x8x1x4xi8> to tensor<1x10x1x4xi8>
    %empty = tensor.empty() : tensor<1x8x1x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8>
    %window = tensor.empty() : tensor<3x1xi8>
    %0 = linalg.pooling_nhwc_max ins(%padded, %window : tensor<1x10x1x4xi8>, tensor<3x1xi8>)
        outs(%start : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8>
    vmcu.yield %0 : tensor<1x8x1x4xi8>
  }
  %z = vmcu.kernel @back pool ins(%y : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8> {
  ^bb0(%in: tensor<1x8x1x4xi8>):
    %lowest = arith.constant -128 : i8
    %padded = tensor.pad %in low[0, 1, 0, 0] high[0, 1, 0, 0] {
    ^bb0(%a: index, %b: index, %c: index, %d: index):
      tensor.yield %lowest : i8
    } : tensor<1x8x1x4xi8> to tensor<1x10x1x4xi8>
    %empty = tensor.empty() : tensor<1x8x1x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8>
    %window = tensor.empty() : tensor<3x1xi8>
    %0 = linalg.pooling_nhwc_max ins(%padded, %window : tensor<1x10x1x4xi8>, tensor<3x1xi8>)
        outs(%start : tensor<1x8x1x4xi8>) -> tensor<1x8x1x4xi8>
    vmcu.yield %0 : tensor<1x8x1x4xi8>
  }
  return %z : tensor<1x8x1x4xi8>
}
