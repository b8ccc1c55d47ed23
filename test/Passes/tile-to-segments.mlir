// A linalg body becomes loops that load, compute, free and store, in this order.
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false" --vmcu-tile-to-segments --canonicalize --cse | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Pairs of pixels, then pairs of channels; the depth of 40 bytes is two trips of 16 and a rest of 8.
// CHECK-LABEL: func.func @pointwise()
// CHECK:       vmcu.tiled_kernel @conv2d_0 conv2d
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<8x40xi8>, %[[Y:.*]]: !vmcu.sequence<8x6xi8>):
// CHECK:         scf.for %[[PIXEL:.*]] = %c0 to %c8 step %c2 {
// CHECK-NEXT:      scf.for %[[CHANNEL:.*]] = %c0 to %c6 step %c2 {
// CHECK:             %[[START:.*]] = vmcu.broadcast %{{.*}} : vector<2xi32> -> vector<2x2xi32>
// CHECK:             %[[ACC:.*]] = scf.for %[[K:.*]] = %c0 to %c32 step %c16 iter_args(%{{.*}} = %[[START]])
// CHECK-NEXT:          vmcu.segment_load %[[X]][%[[PIXEL]], %[[K]]] : !vmcu.sequence<8x40xi8> -> vector<2x16xi8>
// CHECK-NEXT:          vmcu.flash_load %{{.*}}[%c0, %[[CHANNEL]], %[[K]]] : tensor<1x6x40xi8> -> vector<2x16xi8>
// CHECK-NEXT:          vmcu.dot
// CHECK:             vmcu.segment_load %[[X]][%[[PIXEL]], %c32] : !vmcu.sequence<8x40xi8> -> vector<2x8xi8>
// CHECK:             vmcu.dot %{{.*}}, %{{.*}}, %[[ACC]] : vector<2x8xi8>, vector<2x8xi8>, vector<2x2xi32>
// CHECK:             %[[TILE:.*]] = vmcu.requantize {{.*}} round double zero_point 0 clamp -128 to 127
// CHECK:             vmcu.segment_free %[[X]] before
// CHECK-NEXT:        vmcu.segment_store %[[TILE]], %[[Y]][%[[PIXEL]], %[[CHANNEL]]] : vector<2x2xi8>
// CHECK-NOT:     linalg
func.func @pointwise(%x: tensor<8x40xi8>) -> tensor<8x6xi8> {
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1073741824 : i32
  %shift = arith.constant 32 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %weights = arith.constant dense<1> : tensor<40x6xi8>
  %empty = tensor.empty() : tensor<8x6xi32>
  %start = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x6xi32>) -> tensor<8x6xi32>
  %acc = linalg.matmul ins(%x, %weights : tensor<8x40xi8>, tensor<40x6xi8>) outs(%start : tensor<8x6xi32>) -> tensor<8x6xi32>
  %bytes = tensor.empty() : tensor<8x6xi8>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%acc : tensor<8x6xi32>) outs(%bytes : tensor<8x6xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<8x6xi8>
  return %y : tensor<8x6xi8>
}
