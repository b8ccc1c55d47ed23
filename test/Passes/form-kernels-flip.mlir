// The flip of an argument's highest bits, which makes int8 of uint8, goes into the kernel that reads it.
// RUN: vmcu-opt %s --vmcu-to-kernels | FileCheck %s
// RUN: vmcu-opt %s --vmcu-to-kernels --vmcu-to-plan --vmcu-to-segments | FileCheck %s --check-prefix=SEGMENTS

#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// CHECK-LABEL: func.func @main
// CHECK: vmcu.kernel @elementwise_0 elementwise ins(%arg0 : tensor<1x4x4x4xi8>)
// CHECK: arith.xori
// CHECK: arith.maxsi
// CHECK-NOT: vmcu.kernel
// SEGMENTS: vmcu.segment_load flipped
func.func @main(%arg0: tensor<1x4x4x4xi8> {vmcu.unsigned}) -> tensor<1x4x4x4xi8> {
  %flip = arith.constant -128 : i8
  %low = arith.constant 3 : i8
  %empty = tensor.empty() : tensor<1x4x4x4xi8>
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%arg0 : tensor<1x4x4x4xi8>) outs(%empty : tensor<1x4x4x4xi8>) {
  ^bb0(%in: i8, %out: i8):
    %1 = arith.xori %in, %flip : i8
    linalg.yield %1 : i8
  } -> tensor<1x4x4x4xi8>
  %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%0 : tensor<1x4x4x4xi8>) outs(%empty : tensor<1x4x4x4xi8>) {
  ^bb0(%in: i8, %out: i8):
    %3 = arith.maxsi %in, %low : i8
    linalg.yield %3 : i8
  } -> tensor<1x4x4x4xi8>
  return %2 : tensor<1x4x4x4xi8>
}
