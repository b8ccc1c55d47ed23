// A transposed convolution is a convolution, with turned weights, over an image whose pixels lie apart.
// RUN: vmcu-opt %s --vmcu-spread-transposed-convolutions --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @by_two_and_three
// CHECK-SAME: %[[X:.*]]: tensor<1x4x3x1xi8>
// CHECK-DAG: %[[AROUND:.*]] = arith.constant dense<7> : tensor<1x9x9x1xi8>
// CHECK: %[[SPREAD:.*]] = tensor.insert_slice %[[X]] into %[[AROUND]][0, 1, 1, 0] [1, 4, 3, 1] [1, 2, 3, 1]
// CHECK: %[[TURNED:.*]] = "tosa.const"() <{values = dense<{{\[\[\[\[}}4], [3]], {{\[\[}}2], [1]]]]> : tensor<1x2x2x1xi8>}>
// CHECK: tosa.conv2d %[[SPREAD]], %[[TURNED]], %{{.*}} {acc_type = i32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>}
// CHECK-SAME: -> tensor<1x8x8x1xi32>
// CHECK-NOT: tosa.transpose_conv2d
func.func @by_two_and_three(%x: tensor<1x4x3x1xi8>) -> tensor<1x8x8x1xi32> {
  %w = "tosa.const"() <{values = dense<[[[[1], [2]], [[3], [4]]]]> : tensor<1x2x2x1xi8>}> : () -> tensor<1x2x2x1xi8>
  %b = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %z = "tosa.const"() <{values = dense<7> : tensor<1xi8>}> : () -> tensor<1xi8>
  %n = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %y = tosa.transpose_conv2d %x, %w, %b, %z, %n {acc_type = i32, out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 3>}
      : (tensor<1x4x3x1xi8>, tensor<1x2x2x1xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x8x8x1xi32>
  return %y : tensor<1x8x8x1xi32>
}

// -----

// A stride of 1 needs no room between pixels; weights that come from elsewhere, and several images, are left alone too.
// CHECK-LABEL: func.func @left_alone
// CHECK-COUNT-3: tosa.transpose_conv2d
func.func @left_alone(%x: tensor<1x4x4x1xi8>, %v: tensor<1x2x2x1xi8>, %xs: tensor<2x4x4x1xi8>)
    -> (tensor<1x5x5x1xi32>, tensor<1x8x8x1xi32>, tensor<2x8x8x1xi32>) {
  %w = "tosa.const"() <{values = dense<1> : tensor<1x2x2x1xi8>}> : () -> tensor<1x2x2x1xi8>
  %b = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %0 = tosa.transpose_conv2d %x, %w, %b, %z, %z {acc_type = i32, out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>}
      : (tensor<1x4x4x1xi8>, tensor<1x2x2x1xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x5x5x1xi32>
  %1 = tosa.transpose_conv2d %x, %v, %b, %z, %z {acc_type = i32, out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>}
      : (tensor<1x4x4x1xi8>, tensor<1x2x2x1xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x8x8x1xi32>
  %2 = tosa.transpose_conv2d %xs, %w, %b, %z, %z {acc_type = i32, out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 2, 2>}
      : (tensor<2x4x4x1xi8>, tensor<1x2x2x1xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<2x8x8x1xi32>
  return %0, %1, %2 : tensor<1x5x5x1xi32>, tensor<1x8x8x1xi32>, tensor<2x8x8x1xi32>
}
