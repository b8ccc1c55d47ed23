// Tensors overlap as far as the steps of the kernel between them allow.
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false" | FileCheck %s
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false align=1" | FileCheck %s --check-prefix=TIGHT
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false ram=160" | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// 8 pixels of 4 bytes become 8 pixels of 8 bytes, two pixels and two channels at a time. The last tile but one ends at
// byte 62 of the output while the last two pixels, from byte 24 on, are still needed: the input lies 38 bytes higher.
// CHECK-LABEL: func.func @pointwise() attributes
// CHECK-SAME:    vmcu.inputs = [{type = tensor<8x4xi8>, vmcu.name = "x", vmcu.scale = 5.000000e-01 : f32}]
// CHECK-SAME:    vmcu.outputs = [{type = tensor<8x8xi8>}]
// CHECK:       %[[POOL:.*]] = vmcu.pool {{.*}}: !vmcu.pool<72>
// CHECK-NEXT:  %[[X:.*]] = vmcu.place "input_0" %[[POOL]][40] as input 0 : {{.*}} -> !vmcu.sequence<8x4xi8>
// CHECK-NEXT:  %[[Y:.*]] = vmcu.place "conv2d_0" %[[POOL]][0] as output 0 : {{.*}} -> !vmcu.sequence<8x8xi8>
// CHECK-NEXT:  vmcu.placed_kernel @conv2d_0 conv2d ins(%[[X]] : !vmcu.sequence<8x4xi8>) outs(%[[Y]] : !vmcu.sequence<8x8xi8>) {
// CHECK-NOT:   tensor.empty() : tensor<8x4xi8>
// TIGHT-LABEL: func.func @pointwise()
// TIGHT:       vmcu.pool {{.*}}: !vmcu.pool<70>
func.func @pointwise(%x: tensor<8x4xi8> {vmcu.name = "x", vmcu.scale = 0.5 : f32}) -> tensor<8x8xi8> {
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1073741824 : i32
  %shift = arith.constant 32 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %weights = arith.constant dense<1> : tensor<4x8xi8>
  %empty = tensor.empty() : tensor<8x8xi32>
  %start = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x8xi32>) -> tensor<8x8xi32>
  %acc = linalg.matmul ins(%x, %weights : tensor<8x4xi8>, tensor<4x8xi8>) outs(%start : tensor<8x8xi32>) -> tensor<8x8xi32>
  %bytes = tensor.empty() : tensor<8x8xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<8x8xi32>) outs(%bytes : tensor<8x8xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<8x8xi8>
  return %y : tensor<8x8xi8>
}
