// A kernel that moves bytes becomes loops of loads and stores of words. Each input is freed as it goes.

// RUN: vmcu-opt %s --vmcu-plan=streams=false --vmcu-tile-to-segments --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @concat
// CHECK:       vmcu.tiled_kernel @k rearrange ins(%{{.*}}, %{{.*}} : !vmcu.sequence<6x8xi8>, !vmcu.sequence<6x4xi8>)
// CHECK-NEXT:  ^bb0(%[[A:.*]]: !vmcu.sequence<6x8xi8>, %[[B:.*]]: !vmcu.sequence<6x4xi8>, %[[Y:.*]]: !vmcu.sequence<6x12xi8>):
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             %[[W:.*]] = vmcu.segment_load %[[A]]
// CHECK-NOT:         vmcu.segment_load
// CHECK:             vmcu.segment_free %[[A]]
// CHECK:             vmcu.segment_store %[[W]], %[[Y]]{{.*}} : vector<1x4xi8>
// CHECK:             vmcu.segment_load %[[A]]
// CHECK:             vmcu.segment_load %[[B]]
// CHECK:             vmcu.segment_free %[[B]]
// CHECK:             vmcu.segment_store
func.func @concat(%x: tensor<1x2x3x8xi8>, %z: tensor<1x2x3x4xi8>) -> tensor<1x2x3x12xi8> {
  %0 = vmcu.kernel @k rearrange ins(%x, %z : tensor<1x2x3x8xi8>, tensor<1x2x3x4xi8>) -> tensor<1x2x3x12xi8> {
  ^bb0(%a: tensor<1x2x3x8xi8>, %b: tensor<1x2x3x4xi8>):
    %c = tensor.concat dim(3) %a, %b : (tensor<1x2x3x8xi8>, tensor<1x2x3x4xi8>) -> tensor<1x2x3x12xi8>
    vmcu.yield %c : tensor<1x2x3x12xi8>
  }
  return %0 : tensor<1x2x3x12xi8>
}

// Rows of a halo are made by a loop of their own, and read nothing.

// CHECK-LABEL: func.func @pad_rows
// CHECK:       vmcu.tiled_kernel @k rearrange
// CHECK:         scf.for
// CHECK-NOT:       vmcu.segment_load
// CHECK:           vmcu.segment_store %cst
// CHECK:         scf.for
// CHECK:           vmcu.segment_load
func.func @pad_rows(%x: tensor<1x3x3x4xi8>) -> tensor<1x5x3x4xi8> {
  %0 = vmcu.kernel @k rearrange ins(%x : tensor<1x3x3x4xi8>) -> tensor<1x5x3x4xi8> {
  ^bb0(%a: tensor<1x3x3x4xi8>):
    %low = arith.constant -7 : i8
    %c = tensor.pad %a low[0, 2, 0, 0] high[0, 0, 0, 0] {
    ^bb0(%i: index, %j: index, %k: index, %l: index):
      tensor.yield %low : i8
    } : tensor<1x3x3x4xi8> to tensor<1x5x3x4xi8>
    vmcu.yield %c : tensor<1x5x3x4xi8>
  }
  return %0 : tensor<1x5x3x4xi8>
}
