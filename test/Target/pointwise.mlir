// A pointwise convolution becomes dual multiply-accumulates and a rounding high multiply for each accumulator.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 | FileCheck %s
// RUN: python %S/Inputs/assemble.py %s cortex-m7 | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// The inner loop takes 16 bytes of depth of 2 pixels and 2 channels: 64 products, 2 for each SMLAD, and no other multiply.
// CHECK-LABEL: model_conv2d_0:
// CHECK:       [[LOOP:\.LBB[0-9]+_[0-9]+]]:
// CHECK-NOT:   {{[[:space:]]mul|mla[[:space:]]}}
// CHECK:       sxtb16
// CHECK-COUNT-32: smlad
// CHECK-NOT:   {{smlad|[[:space:]]mul|mla[[:space:]]}}
// CHECK:       b{{[a-z]+}} [[LOOP]]
// Four accumulators are requantised: the doubling high multiply, the rounding shift, the clamp.
// CHECK-COUNT-4: smmlar
// CHECK-NOT:   smull
// CHECK:       ssat {{r[0-9]+|lr}}, #8
// CHECK-LABEL: .size model_conv2d_0
func.func @pointwise(%x: tensor<8x40xi8>) -> tensor<8x6xi8> {
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1355802031 : i32
  %shift = arith.constant 40 : i8
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
