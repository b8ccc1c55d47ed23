// int8 tensors between layers are returned while elementwise fusion runs, and no longer afterwards.
// RUN: vmcu-opt %s --vmcu-keep-layers-apart | FileCheck %s --check-prefix=KEPT
// RUN: vmcu-opt %s --vmcu-keep-layers-apart --vmcu-keep-layers-apart | FileCheck %s --check-prefix=KEPT
// RUN: vmcu-opt %s --vmcu-keep-layers-apart --linalg-fuse-elementwise-ops --vmcu-drop-kept-results \
// RUN:   | FileCheck %s --check-prefix=APART
// RUN: vmcu-opt %s --vmcu-drop-kept-results | FileCheck %s --check-prefix=APART

#id = affine_map<(a) -> (a)>

// KEPT-LABEL: func.func @main
// KEPT-SAME: -> (tensor<8xi8> {vmcu.name = "y"}, tensor<8xi8>, tensor<8xi8>) attributes {mine.note = "kept", vmcu.results = 1 : i64}
// KEPT: return {mine.end = "kept"} %[[LAST:[0-9]+]], %{{[0-9]+}}, %[[LAST]] :
// APART-LABEL: func.func @main
// APART-SAME: -> (tensor<8xi8> {vmcu.name = "y"}) attributes {mine.note = "kept"}
// APART: linalg.generic
// APART: linalg.generic
// APART: return {mine.end = "kept"} %{{[0-9]+}} : tensor<8xi8>
func.func @main(%x: tensor<8xi8>) -> (tensor<8xi8> {vmcu.name = "y"}) attributes {mine.note = "kept"} {
  %empty = tensor.empty() : tensor<8xi8>
  %one = arith.constant 1 : i8
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xi8>) outs(%empty : tensor<8xi8>) {
  ^bb0(%in: i8, %out: i8):
    %v = arith.addi %in, %one : i8
    linalg.yield %v : i8
  } -> tensor<8xi8>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%0 : tensor<8xi8>) outs(%empty : tensor<8xi8>) {
  ^bb0(%in: i8, %out: i8):
    %v = arith.subi %one, %in : i8
    linalg.yield %v : i8
  } -> tensor<8xi8>
  return {mine.end = "kept"} %1 : tensor<8xi8>
}
