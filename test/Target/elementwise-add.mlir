// A quantised addition, four at a time: two products, a sum and a shift for each, the shift in the instruction that saturates.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 | python %S/Inputs/count_loops.py | FileCheck %s
// RUN: python %S/Inputs/assemble.py %s cortex-m7 | python %S/Inputs/count_loops.py | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// CHECK:       loop at depth 1 of model_elementwise_0
// CHECK-NOT:     {{^  (smmlar|smmlsr|umull|smull|smlal|bl|str) }}
// CHECK:         mla 4
// CHECK-NEXT:    mul 4
// CHECK:         ssat 4
// CHECK-NEXT:    strb 4
// CHECK:         of these on the stack {{[0-2]$}}
// CHECK-NOT:   loop
func.func @add(%x: tensor<1024xi8>, %y: tensor<1024xi8>) -> tensor<1024xi8> {
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %one = arith.constant 1073741824 : i32
  %ten = arith.constant 10 : i8
  %eleven = arith.constant 11 : i8
  %x_zero = arith.constant 2 : i32
  %y_zero = arith.constant -7 : i32
  %y_multiplier = arith.constant 1288490141 : i32
  %y_shift = arith.constant 32 : i8
  %multiplier = arith.constant 1533916908 : i32
  %shift = arith.constant 50 : i8
  %zero = arith.constant -11 : i32
  %empty = tensor.empty() : tensor<1024xi8>
  %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<1024xi8>, tensor<1024xi8>) outs(%empty : tensor<1024xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %0 = arith.extsi %b : i8 to i32
    %1 = arith.subi %0, %y_zero : i32
    %2 = tosa.apply_scale %1, %one, %ten {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %3 = tosa.apply_scale %2, %y_multiplier, %y_shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %4 = arith.extsi %a : i8 to i32
    %5 = arith.subi %4, %x_zero : i32
    %6 = tosa.apply_scale %5, %one, %eleven {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %7 = arith.addi %6, %3 : i32
    %8 = tosa.apply_scale %7, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %9 = arith.addi %8, %zero : i32
    %10 = arith.maxsi %9, %low : i32
    %11 = arith.minsi %10, %high : i32
    %12 = arith.trunci %11 : i32 to i8
    linalg.yield %12 : i8
  } -> tensor<1024xi8>
  return %z : tensor<1024xi8>
}
