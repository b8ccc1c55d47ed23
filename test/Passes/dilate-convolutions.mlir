// A convolution of every second element, two batches, is a convolution with its taps two apart.
// RUN: vmcu-opt %s --vmcu-dilate-convolutions | FileCheck %s
// RUN: vmcu-opt %s --vmcu-dilate-convolutions --vmcu-dilate-convolutions | FileCheck %s

// CHECK-LABEL: func.func @phases(
// CHECK:         tosa.reshape %{{.*}} : (tensor<1x5x2x3xi8>, !tosa.shape<4>) -> tensor<1x1x10x3xi8>
// CHECK:         tosa.conv2d {{.*}}dilation = array<i64: 1, 2>{{.*}} -> tensor<1x1x6x4xi32>
// CHECK:         tosa.rescale {{.*}} -> tensor<1x1x6x4xi8>
// CHECK:         tosa.reshape %{{.*}} : (tensor<1x1x6x4xi8>, !tosa.shape<4>) -> tensor<1x3x2x4xi8>
func.func @phases(%x: tensor<1x5x2x3xi8>, %w: tensor<4x1x3x3xi8>, %b: tensor<4xi32>, %z: tensor<1xi8>, %z32: tensor<1xi32>,
                  %m: tensor<1xi32>, %s: tensor<1xi8>) -> tensor<1x3x2x4xi8> {
  %0 = tosa.transpose %x {perms = array<i32: 2, 0, 1, 3>} : (tensor<1x5x2x3xi8>) -> tensor<2x1x5x3xi8>
  %1 = tosa.conv2d %0, %w, %b, %z, %z {acc_type = i32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<2x1x5x3xi8>, tensor<4x1x3x3xi8>, tensor<4xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<2x1x3x4xi32>
  %2 = tosa.rescale %1, %m, %s, %z32, %z {input_unsigned = false, output_unsigned = false, per_channel = false, rounding_mode = SINGLE_ROUND, scale32 = true} : (tensor<2x1x3x4xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<2x1x3x4xi8>
  %3 = tosa.transpose %2 {perms = array<i32: 1, 2, 0, 3>} : (tensor<2x1x3x4xi8>) -> tensor<1x3x2x4xi8>
  return %3 : tensor<1x3x2x4xi8>
}

// A window that moves on by two would skip phases.
// CHECK-LABEL: func.func @strided(
// CHECK:         tosa.conv2d {{.*}} -> tensor<2x1x2x4xi32>
func.func @strided(%x: tensor<1x5x2x3xi8>, %w: tensor<4x1x3x3xi8>, %b: tensor<4xi32>, %z: tensor<1xi8>, %z32: tensor<1xi32>,
                   %m: tensor<1xi32>, %s: tensor<1xi8>) -> tensor<1x2x2x4xi8> {
  %0 = tosa.transpose %x {perms = array<i32: 2, 0, 1, 3>} : (tensor<1x5x2x3xi8>) -> tensor<2x1x5x3xi8>
  %1 = tosa.conv2d %0, %w, %b, %z, %z {acc_type = i32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 2>} : (tensor<2x1x5x3xi8>, tensor<4x1x3x3xi8>, tensor<4xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<2x1x2x4xi32>
  %2 = tosa.rescale %1, %m, %s, %z32, %z {input_unsigned = false, output_unsigned = false, per_channel = false, rounding_mode = SINGLE_ROUND, scale32 = true} : (tensor<2x1x2x4xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<2x1x2x4xi8>
  %3 = tosa.transpose %2 {perms = array<i32: 1, 2, 0, 3>} : (tensor<2x1x2x4xi8>) -> tensor<1x2x2x4xi8>
  return %3 : tensor<1x2x2x4xi8>
}
