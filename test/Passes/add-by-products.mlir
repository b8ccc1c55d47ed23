// An addition of two quantised tensors is two products and a shift; a product of two tensors stays what it is.
// RUN: vmcu-opt %s --vmcu-add-by-products --canonicalize | FileCheck %s
// RUN: vmcu-opt %s --vmcu-add-by-products --vmcu-add-by-products --canonicalize | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// Half of one and a quarter of the other: slopes of 2^19 and 2^18, a start of half a unit.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME:    %[[X:.*]]: tensor<9xi8>, %[[Y:.*]]: tensor<9xi8>)
// CHECK:         linalg.generic {{.*}} ins(%[[X]], %[[Y]] : tensor<9xi8>, tensor<9xi8>)
// CHECK-COUNT-2:   arith.muli
// CHECK:           arith.shrsi
// CHECK-NOT:       tosa.apply_scale
// CHECK:         return
func.func @sum(%x: tensor<9xi8>, %y: tensor<9xi8>) -> tensor<9xi8> {
  %m = arith.constant 1073741824 : i32
  %s31 = arith.constant 31 : i8
  %s32 = arith.constant 32 : i8
  %ten = arith.constant 10 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %wide = tensor.empty() : tensor<9xi32>
  %scaled = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%y : tensor<9xi8>) outs(%wide : tensor<9xi32>) {
  ^bb0(%b: i8, %o: i32):
    %0 = arith.extsi %b : i8 to i32
    %1 = tosa.apply_scale %0, %m, %ten {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %2 = tosa.apply_scale %1, %m, %s31 {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    linalg.yield %2 : i32
  } -> tensor<9xi32>
  %empty = tensor.empty() : tensor<9xi8>
  %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %scaled : tensor<9xi8>, tensor<9xi32>) outs(%empty : tensor<9xi8>) {
  ^bb0(%a: i8, %b: i32, %o: i8):
    %shift = arith.constant 51 : i8
    %0 = arith.extsi %a : i8 to i32
    %1 = tosa.apply_scale %0, %m, %ten {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %2 = arith.addi %1, %b : i32
    %3 = tosa.apply_scale %2, %m, %shift {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %4 = arith.maxsi %3, %low : i32
    %5 = arith.minsi %4, %high : i32
    %6 = arith.trunci %5 : i32 to i8
    linalg.yield %6 : i8
  } -> tensor<9xi8>
  return %z : tensor<9xi8>
}

// CHECK-LABEL: func.func @product(
// CHECK:         tosa.apply_scale
func.func @product(%x: tensor<9xi8>, %y: tensor<9xi8>) -> tensor<9xi8> {
  %m = arith.constant 1073741824 : i32
  %s = arith.constant 37 : i8
  %empty = tensor.empty() : tensor<9xi8>
  %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<9xi8>, tensor<9xi8>) outs(%empty : tensor<9xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = tosa.apply_scale %2, %m, %s {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %4 = arith.trunci %3 : i32 to i8
    linalg.yield %4 : i8
  } -> tensor<9xi8>
  return %z : tensor<9xi8>
}
