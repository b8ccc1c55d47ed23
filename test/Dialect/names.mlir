// Printed IR explains itself: ops name their results, and kernels the arguments of their bodies.
// RUN: vmcu-opt %s | FileCheck %s

// CHECK-LABEL: func.func @tensors
func.func @tensors(%arg0: tensor<4x8xi8>) -> tensor<4x8xi8> {
  // CHECK: %clamp_0 = vmcu.kernel @clamp_0
  // CHECK-NEXT: ^bb0(%x: tensor<4x8xi8>):
  %0 = vmcu.kernel @clamp_0 elementwise ins(%arg0 : tensor<4x8xi8>) -> tensor<4x8xi8> {
  ^bb0(%arg1: tensor<4x8xi8>):
    vmcu.yield %arg1 : tensor<4x8xi8>
  }
  // CHECK: %split:2 = vmcu.kernel @split
  // CHECK-NEXT: ^bb0(%x: tensor<4x8xi8>, %x_0: tensor<4x8xi8>):
  %1:2 = vmcu.kernel @split buffer ins(%0, %0 : tensor<4x8xi8>, tensor<4x8xi8>) -> tensor<4x8xi8>, tensor<4x8xi8> {
  ^bb0(%arg1: tensor<4x8xi8>, %arg2: tensor<4x8xi8>):
    vmcu.yield %arg1, %arg2 : tensor<4x8xi8>, tensor<4x8xi8>
  }
  // CHECK: return %split#1
  return %1#1 : tensor<4x8xi8>
}

// CHECK-LABEL: func.func @segments
func.func @segments(%arg0: index) {
  // CHECK: %pool = vmcu.pool
  %0 = vmcu.pool : !vmcu.pool<128>
  // CHECK: %image = vmcu.place "image" %pool[0]
  %1 = vmcu.place "image" %0[0] as input 0 : !vmcu.pool<128> -> !vmcu.sequence<4x8xi8>
  // CHECK: %image_8x4 = vmcu.view %image
  %view = vmcu.view %1 : !vmcu.sequence<4x8xi8> -> !vmcu.sequence<8x4xi8>
  // CHECK: %conv2d_0_landing = vmcu.place "conv2d_0 landing" %pool[32]
  %2 = vmcu.place "conv2d_0 landing" %0[32] : !vmcu.pool<128> -> !vmcu.sequence<4x8xi8, ring = 1>
  // CHECK: %[[OTHER:[0-9]+]] = vmcu.place %pool[64]
  %3 = vmcu.place %0[64] : !vmcu.pool<128> -> !vmcu.sequence<4x8xi8, ring = 2>
  // CHECK: %landed = vmcu.landing %conv2d_0_landing, %[[OTHER]]
  %4 = vmcu.landing %2, %3[%arg0] : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
  // CHECK: ^bb0(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8, ring = 2>, %scratch: !vmcu.sequence<4x8xi8>, %row: index):
  vmcu.tiled_kernel @k conv2d row(%arg0) ins(%1 : !vmcu.sequence<4x8xi8>) outs(%4 : !vmcu.sequence<4x8xi8, ring = 2>)
      workspace(%1 : !vmcu.sequence<4x8xi8>) {
  ^bb0(%arg1: !vmcu.sequence<4x8xi8>, %arg2: !vmcu.sequence<4x8xi8, ring = 2>, %arg3: !vmcu.sequence<4x8xi8>, %arg4: index):
    %c0 = arith.constant 0 : index
    %5 = arith.constant dense<1> : tensor<4x8xi8>
    %6 = arith.constant dense<1> : tensor<4xi32>
    %7 = arith.constant dense<30> : vector<1xi8>
    // CHECK: %segment = vmcu.segment_load %x
    %8 = vmcu.segment_load %arg1[%c0, %c0] : !vmcu.sequence<4x8xi8> -> vector<1x8xi8>
    // CHECK: %weights = vmcu.flash_load
    %9 = vmcu.flash_load %5[%c0, %c0] : tensor<4x8xi8> -> vector<4x8xi8>
    // CHECK: %constants = vmcu.flash_load
    %10 = vmcu.flash_load %6[%c0] : tensor<4xi32> -> vector<4xi32>
    // CHECK: %acc = vmcu.broadcast %constants
    %11 = vmcu.broadcast %10 : vector<4xi32> -> vector<1x4xi32>
    // CHECK: %acc_{{[0-9]+}} = vmcu.dot %segment, %weights, %acc
    %12 = vmcu.dot %8, %9, %11 : vector<1x8xi8>, vector<4x8xi8>, vector<1x4xi32>
    // CHECK: %acc_{{[0-9]+}} = vmcu.channel_dot %segment
    %13 = arith.constant dense<0> : vector<8xi32>
    %14 = arith.constant dense<1> : vector<1x8xi8>
    %15 = vmcu.channel_dot %8, %14, %13 : vector<1x8xi8>, vector<1x8xi8>, vector<8xi32>
    // CHECK: %scaled = vmcu.requantize
    %16 = vmcu.requantize %12 by %10, %7 round double zero_point 0 clamp -128 to 127
      : vector<1x4xi32>, vector<4xi32>, vector<1xi8> -> vector<1x4xi8>
    // CHECK: %found = vmcu.look_up %segment
    %table = arith.constant dense<1> : tensor<256xi8>
    %18 = vmcu.look_up %8 in %table : vector<1x8xi8>, tensor<256xi8>
    // CHECK: %largest = vmcu.maximum %segment
    %19 = arith.constant dense<0> : vector<2xi32>
    %20 = vmcu.maximum %8, %19 : vector<1x8xi8>, vector<2xi32>
    // CHECK: %buffer = vmcu.buffer %scratch
    %17 = vmcu.buffer %arg3[0] : !vmcu.sequence<4x8xi8> -> memref<8xi8>
  }
  return
}
