// A reduction is spelt as linalg.generic, with any number of inputs, and keeps what else it has.
// RUN: vmcu-opt %s --vmcu-generalise-reductions --allow-unregistered-dialect | FileCheck %s

// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @two
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[ALL]], #[[ROWS]], #[[ROWS]]], iterator_types = ["parallel", "reduction"]}
// CHECK-SAME: attrs = {mine.note = "kept"}
// CHECK-NOT: linalg.reduce
func.func @two(%x: tensor<4x8xi32>, %y: tensor<4x8xi32>, %a: tensor<4xi32>, %b: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %0:2 = linalg.reduce ins(%x, %y : tensor<4x8xi32>, tensor<4x8xi32>) outs(%a, %b : tensor<4xi32>, tensor<4xi32>)
      dimensions = [1] {mine.note = "kept"} (%i: i32, %j: i32, %p: i32, %q: i32) {
        %s = arith.addi %i, %p : i32
        %t = arith.addi %j, %q : i32
        linalg.yield %s, %t : i32, i32
      }
  return %0#0, %0#1 : tensor<4xi32>, tensor<4xi32>
}
