// A fully connected layer over a flattened map sees the map; one over a pixel, or over one row, stays what it is.
// RUN: vmcu-opt %s --vmcu-dense-by-convolution --canonicalize | FileCheck %s
// RUN: vmcu-opt %s --vmcu-to-kernels --vmcu-plan | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: func.func @map(
// CHECK-SAME:    %[[X:.*]]: tensor<1x2x2x1xi8>)
// CHECK:         %[[W:.*]] = arith.constant dense<{{\[\[\[\[1\], \[2\]\], \[\[3\], \[4\]\]\]\]}}> : tensor<1x2x2x1xi8>
// CHECK-NOT:     tensor.collapse_shape
// CHECK:         linalg.conv_2d_nhwc_fhwc ins(%[[X]], %[[W]]
// PLAN-LABEL: func.func @map(
// PLAN: vmcu.placed_kernel @conv2d_0 conv2d {{.*}}!vmcu.sequence<4x1xi8>
func.func @map(%x: tensor<1x2x2x1xi8>) -> tensor<1x1x1x1xi8> {
  %w = arith.constant dense<[[[[1, 2, 3, 4]]]]> : tensor<1x1x1x4xi8>
  %m = arith.constant 1073741824 : i32
  %s = arith.constant 33 : i8
  %c0 = arith.constant 0 : i32
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %pixel = tensor.collapse_shape %x [[0], [1, 2, 3]] : tensor<1x2x2x1xi8> into tensor<1x4xi8>
  %flat = tensor.expand_shape %pixel [[0, 1, 2], [3]] output_shape [1, 1, 1, 4] : tensor<1x4xi8> into tensor<1x1x1x4xi8>
  %empty = tensor.empty() : tensor<1x1x1x1xi32>
  %start = linalg.fill ins(%c0 : i32) outs(%empty : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  %acc = linalg.conv_2d_nhwc_fhwc ins(%flat, %w : tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>)
      outs(%start : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  %bytes = tensor.empty() : tensor<1x1x1x1xi8>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x1x1x1xi32>) outs(%bytes : tensor<1x1x1x1xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %m, %s {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x1x1x1xi8>
  return %y : tensor<1x1x1x1xi8>
}

// CHECK-LABEL: func.func @row(
// CHECK:         tensor.collapse_shape
func.func @row(%x: tensor<1x1x2x2xi8>, %start: tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32> {
  %w = arith.constant dense<[[[[1, 2, 3, 4]]]]> : tensor<1x1x1x4xi8>
  %pixel = tensor.collapse_shape %x [[0], [1, 2, 3]] : tensor<1x1x2x2xi8> into tensor<1x4xi8>
  %flat = tensor.expand_shape %pixel [[0, 1, 2], [3]] output_shape [1, 1, 1, 4] : tensor<1x4xi8> into tensor<1x1x1x4xi8>
  %acc = linalg.conv_2d_nhwc_fhwc ins(%flat, %w : tensor<1x1x1x4xi8>, tensor<1x1x1x4xi8>)
      outs(%start : tensor<1x1x1x1xi32>) -> tensor<1x1x1x1xi32>
  return %acc : tensor<1x1x1x1xi32>
}
