// A layer with its halo and its requantisation is one kernel, and the input's zero point moves into the bias.
// RUN: vmcu-opt %s --vmcu-form-kernels | FileCheck %s

#row = affine_map<(d0, d1, d2, d3) -> (d3)>
#pixel = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// Zero point -3; the weights of the channels add up to 6 and 3: the bias is 10 + 3 * 6 and 20 + 3 * 3.
// CHECK-LABEL: func.func @halo_convolution_requantisation(
// CHECK-SAME:    %[[X:.*]]: tensor<1x3x3x1xi8>)
// CHECK-NEXT:  %[[Y:.*]] = vmcu.kernel @conv2d_0 conv2d ins(%[[X]] : tensor<1x3x3x1xi8>) -> tensor<1x3x3x2xi8> {
// CHECK:         tensor.pad
// CHECK-DAG:     %[[BIAS:.*]] = arith.constant dense<[28, 29]> : tensor<2xi32>
// CHECK:         linalg.broadcast ins(%[[BIAS]]
// CHECK:         linalg.conv_2d_nhwc_fhwc {
// CHECK-NOT:     linalg.conv
// CHECK:         arith.constant 5 : i32
// CHECK:         tosa.apply_scale
// CHECK:         vmcu.yield
// CHECK:       return %[[Y]]
func.func @halo_convolution_requantisation(%x: tensor<1x3x3x1xi8>) -> tensor<1x3x3x2xi8> {
  %pad = arith.constant -3 : i8
  %image_zero = arith.constant -3 : i32
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1073741824 : i32
  %shift = arith.constant 32 : i8
  %out_zero = arith.constant 5 : i32
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %bias = arith.constant dense<[10, 20]> : tensor<2xi32>
  %weights = arith.constant dense<[[[[1]], [[2]], [[3]]], [[[-1]], [[0]], [[4]]]]> : tensor<2x3x1x1xi8>
  %padded = tensor.pad %x low[0, 1, 0, 0] high[0, 1, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %pad : i8
  } : tensor<1x3x3x1xi8> to tensor<1x5x3x1xi8>
  %empty = tensor.empty() : tensor<1x3x3x2xi32>
  %start = linalg.generic {indexing_maps = [#row, #pixel], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%bias : tensor<2xi32>) outs(%empty : tensor<1x3x3x2xi32>) {
  ^bb0(%in: i32, %o: i32):
    linalg.yield %in : i32
  } -> tensor<1x3x3x2xi32>
  %acc = linalg.conv_2d_nhwc_fhwc_q ins(%padded, %weights, %image_zero, %zero : tensor<1x5x3x1xi8>, tensor<2x3x1x1xi8>, i32, i32)
      outs(%start : tensor<1x3x3x2xi32>) -> tensor<1x3x3x2xi32>
  %bytes = tensor.empty() : tensor<1x3x3x2xi8>
  %y = linalg.generic {indexing_maps = [#pixel, #pixel], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x3x3x2xi32>) outs(%bytes : tensor<1x3x3x2xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.addi %0, %out_zero : i32
    %2 = arith.maxsi %1, %low : i32
    %3 = arith.minsi %2, %high : i32
    %4 = arith.trunci %3 : i32 to i8
    linalg.yield %4 : i8
  } -> tensor<1x3x3x2xi8>
  return %y : tensor<1x3x3x2xi8>
}

// A reshape is the same bytes: it stays between the kernels.
// CHECK-LABEL: func.func @pool_and_reshape(
// CHECK:       %[[P:.*]] = vmcu.kernel @pool_0 pool
// CHECK:         linalg.pooling_nhwc_max
// CHECK:       %[[R:.*]] = tensor.collapse_shape %[[P]]
// CHECK-NEXT:  return %[[R]]
func.func @pool_and_reshape(%x: tensor<1x4x4x3xi8>) -> tensor<1x12xi8> {
  %lowest = arith.constant -128 : i8
  %empty = tensor.empty() : tensor<1x2x2x3xi8>
  %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x2x2x3xi8>) -> tensor<1x2x2x3xi8>
  %window = tensor.empty() : tensor<2x2xi8>
  %y = linalg.pooling_nhwc_max {strides = dense<2> : vector<2xi64>} ins(%x, %window : tensor<1x4x4x3xi8>, tensor<2x2xi8>)
      outs(%start : tensor<1x2x2x3xi8>) -> tensor<1x2x2x3xi8>
  %flat = tensor.collapse_shape %y [[0], [1, 2, 3]] : tensor<1x2x2x3xi8> into tensor<1x12xi8>
  return %flat : tensor<1x12xi8>
}
