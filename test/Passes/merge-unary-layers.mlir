// A chain of elementwise layers that has one int8 input is one layer: a table, or two lines where slopes differ.
// RUN: vmcu-opt %s --vmcu-merge-unary-layers --canonicalize | FileCheck %s
// RUN: vmcu-opt %s --vmcu-merge-unary-layers --vmcu-merge-unary-layers --canonicalize | FileCheck %s
// RUN: vmcu-opt %s --vmcu-to-kernels | FileCheck %s --check-prefix=KERNELS

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>

// Twice the input, clamped, and the input again: `x + clamp(2 x)` of one tensor, at -128, ..., -1, 0, 1, ... 127.
// CHECK-LABEL: func.func @product_of_a_table(
// CHECK-SAME:    %[[X:.*]]: tensor<3x5xi8>)
// CHECK:         %[[T:.*]] = arith.constant dense<{{.*}}> : tensor<256xi8>
// CHECK:         linalg.generic {{.*}} ins(%[[X]] : tensor<3x5xi8>)
// CHECK:           tensor.extract %[[T]]
// CHECK-NOT:     linalg.generic
// KERNELS-LABEL: func.func @product_of_a_table(
// KERNELS: vmcu.kernel @elementwise_0 elementwise ins(%{{.*}} : tensor<3x5xi8>)
// KERNELS-NOT: vmcu.kernel
// KERNELS: return
func.func @product_of_a_table(%x: tensor<3x5xi8>) -> tensor<3x5xi8> {
  %m = arith.constant 1073741824 : i32
  %s = arith.constant 29 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %empty = tensor.empty() : tensor<3x5xi8>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x5xi8>) outs(%empty : tensor<3x5xi8>) {
  ^bb0(%p: i8, %o: i8):
    %0 = arith.extsi %p : i8 to i32
    %1 = tosa.apply_scale %0, %m, %s {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %2 = arith.maxsi %1, %low : i32
    %3 = arith.minsi %2, %high : i32
    %4 = arith.trunci %3 : i32 to i8
    linalg.yield %4 : i8
  } -> tensor<3x5xi8>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %a : tensor<3x5xi8>, tensor<3x5xi8>) outs(%empty : tensor<3x5xi8>) {
  ^bb0(%p: i8, %q: i8, %o: i8):
    %0 = arith.addi %p, %q : i8
    linalg.yield %0 : i8
  } -> tensor<3x5xi8>
  return %y : tensor<3x5xi8>
}

// Channel 0 halves what is below zero, channel 1 negates it: products by 2^19, or -2^20, and a shift by 20.
// CHECK-LABEL: func.func @slopes_per_channel(
// CHECK-DAG:     arith.constant 20 : i32
// CHECK:         linalg.generic
// CHECK-NOT:     apply_scale
// CHECK:         arith.muli
// CHECK:         arith.select
// CHECK:         arith.shrsi
// CHECK-NOT:     linalg.generic
func.func @slopes_per_channel(%x: tensor<3x2xi8>) -> tensor<3x2xi8> {
  %slopes = arith.constant dense<[1, -2]> : tensor<2xi32>
  %m = arith.constant 1073741824 : i32
  %s = arith.constant 31 : i8
  %zero = arith.constant 0 : i32
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %empty = tensor.empty() : tensor<3x2xi8>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %slopes : tensor<3x2xi8>, tensor<2xi32>) outs(%empty : tensor<3x2xi8>) {
  ^bb0(%p: i8, %slope: i32, %o: i8):
    %0 = arith.extsi %p : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.muli %1, %slope : i32
    %3 = tosa.apply_scale %2, %m, %s {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %4 = arith.cmpi sge, %1, %zero : i32
    %5 = arith.select %4, %1, %3 : i32
    %6 = arith.maxsi %5, %low : i32
    %7 = arith.minsi %6, %high : i32
    %8 = arith.trunci %7 : i32 to i8
    linalg.yield %8 : i8
  } -> tensor<3x2xi8>
  return %y : tensor<3x2xi8>
}

// What another layer reads as well is made once, and is the input of what follows; a clamp is cheaper than a table.
// CHECK-LABEL: func.func @read_between(
// CHECK:         %[[A:.*]] = linalg.generic
// CHECK:           arith.maxsi
// CHECK:         %[[B:.*]] = linalg.generic {{.*}} ins(%[[A]] : tensor<3x5xi8>)
// CHECK:           tensor.extract
// CHECK:         return %[[A]], %[[B]]
func.func @read_between(%x: tensor<3x5xi8>) -> (tensor<3x5xi8>, tensor<3x5xi8>) {
  %m = arith.constant 1073741824 : i32
  %s = arith.constant 31 : i8
  %bound = arith.constant -3 : i8
  %empty = tensor.empty() : tensor<3x5xi8>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x5xi8>) outs(%empty : tensor<3x5xi8>) {
  ^bb0(%p: i8, %o: i8):
    %0 = arith.maxsi %p, %bound : i8
    linalg.yield %0 : i8
  } -> tensor<3x5xi8>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<3x5xi8>) outs(%empty : tensor<3x5xi8>) {
  ^bb0(%p: i8, %o: i8):
    %0 = arith.extsi %p : i8 to i32
    %1 = tosa.apply_scale %0, %m, %s {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
    %2 = arith.trunci %1 : i32 to i8
    linalg.yield %2 : i8
  } -> tensor<3x5xi8>
  return %a, %b : tensor<3x5xi8>, tensor<3x5xi8>
}
