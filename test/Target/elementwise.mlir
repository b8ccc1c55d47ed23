// Four sums at a time: one word is loaded, one stored byte by byte, no call and no division.
// RUN: python %S/Inputs/assemble.py %s cortex-m4 | FileCheck %s
// RUN: python %S/Inputs/assemble.py %s cortex-m7 | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: model_elementwise_0:
// CHECK-NOT:   {{[[:space:]](bl|sdiv|udiv)[[:space:]]}}
// CHECK-COUNT-4: strb
// CHECK-NOT:   strb
// CHECK-LABEL: .size model_elementwise_0
func.func @add(%x: tensor<64xi8>, %y: tensor<64xi8>) -> tensor<64xi8> {
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %empty = tensor.empty() : tensor<64xi8>
  %z = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %y : tensor<64xi8>, tensor<64xi8>) outs(%empty : tensor<64xi8>) {
  ^bb0(%a: i8, %b: i8, %o: i8):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.addi %0, %1 : i32
    %3 = arith.maxsi %2, %low : i32
    %4 = arith.minsi %3, %high : i32
    %5 = arith.trunci %4 : i32 to i8
    linalg.yield %5 : i8
  } -> tensor<64xi8>
  return %z : tensor<64xi8>
}
