// A depthwise window of three taps in plain loops: pairs of taps meet in SXTB16 and SMLAD, the odd one with a weight of zero.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 --plain | FileCheck %s
// RUN: python %S/Inputs/assemble.py %s cortex-m7 --plain | FileCheck %s

#pixel = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// Four channels of three taps, in two pairs: eight SMLAD.
// CHECK-LABEL: model_depthwise_0:
// CHECK-COUNT-8: {{[[:space:]]}}smlad
// CHECK-NOT:   {{[[:space:]]}}smlad
// CHECK:       ssat {{.*}}, #8, {{.*}}
// CHECK-LABEL: .size model_depthwise_0

// RUN: python %S/Inputs/assemble.py %s cortex-m4 --plain | FileCheck %s --check-prefix=PAIRS
// PAIRS-LABEL: model_depthwise_0:
// PAIRS-DAG:   sxtb16
// PAIRS-DAG:   pkhbt
// PAIRS-DAG:   pkhtb
// PAIRS-LABEL: .size model_depthwise_0
func.func @three_taps(%x: tensor<1x1x18x4xi8>) -> tensor<1x1x16x4xi8> {
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1355802031 : i32
  %shift = arith.constant 40 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %weights = arith.constant dense<[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]]> : tensor<1x3x4xi8>
  %empty = tensor.empty() : tensor<1x1x16x4xi32>
  %start = linalg.fill ins(%zero : i32) outs(%empty : tensor<1x1x16x4xi32>) -> tensor<1x1x16x4xi32>
  %acc = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
      ins(%x, %weights : tensor<1x1x18x4xi8>, tensor<1x3x4xi8>) outs(%start : tensor<1x1x16x4xi32>) -> tensor<1x1x16x4xi32>
  %bytes = tensor.empty() : tensor<1x1x16x4xi8>
  %y = linalg.generic {indexing_maps = [#pixel, #pixel], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%acc : tensor<1x1x16x4xi32>) outs(%bytes : tensor<1x1x16x4xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x1x16x4xi8>
  return %y : tensor<1x1x16x4xi8>
}
