// In plain loops a pointwise convolution becomes dual multiply-accumulates and one rounding high multiply for each accumulator.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 --plain | FileCheck %s
// RUN: python %S/Inputs/assemble.py %s cortex-m7 --plain | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// The inner loop takes 16 bytes of depth of 2 pixels and 2 channels: 64 products, two for each SMLAD, and no other
// multiplication.
// CHECK-LABEL: model_conv2d_0:
// CHECK:       Parent Loop {{.*}}Depth=1
// CHECK-NEXT:  This Loop Header: Depth=2
// CHECK:       {{^}}[[LOOP:\.LBB[0-9_]+]]: {{.*}}Parent Loop {{.*}}Depth=1
// CHECK:       This Inner Loop Header: Depth=3
// CHECK-NOT:   {{[[:space:]](mul|muls|mla|umull|smull|smlal)[[:space:]]}}
// CHECK:       sxtb16
// CHECK-COUNT-32: {{[[:space:]]}}smlad
// CHECK-NOT:   {{[[:space:]](smlad|mul|muls|mla|umull|smull|smlal)[[:space:]]}}
// CHECK:       b{{[a-z.]+[[:space:]]+}}[[LOOP]]
// CHECK-LABEL: .size model_conv2d_0

// The doubling high multiply of four accumulators, and their clamp to a byte.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 --plain | FileCheck %s --check-prefix=SCALE
// RUN: python %S/Inputs/assemble.py %s cortex-m7 --plain | FileCheck %s --check-prefix=SCALE
// SCALE-LABEL:   model_conv2d_0:
// SCALE-COUNT-4: {{[[:space:]]}}smmlar
// SCALE-NOT:     {{[[:space:]]}}smmlar
// SCALE:         ssat {{.*}}, #8, {{.*}}
// SCALE-LABEL:   .size model_conv2d_0
func.func @pointwise(%x: tensor<8x40xi8>) -> tensor<8x6xi8> {
  %zero = arith.constant 0 : i32
  %multipliers = arith.constant dense<[1073741824, 1111111111, 1222222222, 1333333333, 1444444444, 1555555555]> : tensor<6xi32>
  %shifts = arith.constant dense<[40, 41, 42, 43, 40, 41]> : tensor<6xi8>
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %weights = arith.constant dense<1> : tensor<40x6xi8>
  %empty = tensor.empty() : tensor<8x6xi32>
  %start = linalg.fill ins(%zero : i32) outs(%empty : tensor<8x6xi32>) -> tensor<8x6xi32>
  %acc = linalg.matmul ins(%x, %weights : tensor<8x40xi8>, tensor<40x6xi8>) outs(%start : tensor<8x6xi32>) -> tensor<8x6xi32>
  %bytes = tensor.empty() : tensor<8x6xi8>
  %y = linalg.generic {indexing_maps = [#id, #column, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%acc, %multipliers, %shifts : tensor<8x6xi32>, tensor<6xi32>, tensor<6xi8>) outs(%bytes : tensor<8x6xi8>) {
  ^bb0(%in: i32, %multiplier: i32, %shift: i8, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<8x6xi8>
  return %y : tensor<8x6xi8>
}
