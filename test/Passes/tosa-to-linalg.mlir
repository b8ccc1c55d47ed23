// The passes that the way from TOSA to linalg takes besides upstream's.
// RUN: vmcu-opt %s --vmcu-sum-by-convolution | FileCheck %s --check-prefix=SUM
// RUN: vmcu-opt %s --vmcu-sum-by-convolution --vmcu-sum-by-convolution | FileCheck %s --check-prefix=SUM
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg | FileCheck %s --check-prefix=LINALG
// RUN: vmcu-opt %s --pass-pipeline="builtin.module(vmcu-tosa-to-linalg,vmcu-tosa-to-linalg)" \
// RUN:   | FileCheck %s --check-prefix=LINALG

// A mean over rows and columns begins with sums over both; the second becomes the convolution.
// SUM-LABEL: func.func @sums
// SUM: tosa.depthwise_conv2d {{.*}} : (tensor<1x2x3x4xi8>, tensor<2x3x4x1xi8>, tensor<4xi32>, {{.*}}) -> tensor<1x1x1x4xi32>
// LINALG-LABEL: func.func @sums(
// LINALG: linalg.depthwise_conv_2d_nhwc_hwcm
// LINALG-NOT: reduction
// LINALG-NOT: vmcu.results
func.func @sums(%x: tensor<1x2x3x4xi8>) -> tensor<1x1x1x4xi32> {
  %one = "tosa.const"() <{values = dense<1073741824> : tensor<1xi32>}> : () -> tensor<1xi32>
  %shift = "tosa.const"() <{values = dense<30> : tensor<1xi8>}> : () -> tensor<1xi8>
  %zero = "tosa.const"() <{values = dense<-3> : tensor<1xi8>}> : () -> tensor<1xi8>
  %none = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %wide = tosa.rescale %x, %one, %shift, %zero, %none {rounding_mode = DOUBLE_ROUND, scale32 = true, per_channel = false,
    input_unsigned = false, output_unsigned = false}
    : (tensor<1x2x3x4xi8>, tensor<1xi32>, tensor<1xi8>, tensor<1xi8>, tensor<1xi32>) -> tensor<1x2x3x4xi32>
  %rows = tosa.reduce_sum %wide {axis = 1 : i32} : (tensor<1x2x3x4xi32>) -> tensor<1x1x3x4xi32>
  %all = tosa.reduce_sum %rows {axis = 2 : i32} : (tensor<1x1x3x4xi32>) -> tensor<1x1x1x4xi32>
  return %all : tensor<1x1x1x4xi32>
}
