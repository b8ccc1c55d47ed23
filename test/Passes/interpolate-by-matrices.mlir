// Bilinear resizing is a product of rows, and one of columns, with constant weights; positions outside stay at the border.
// RUN: vmcu-opt %s --vmcu-interpolate-by-matrices --split-input-file | FileCheck %s

// CHECK: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2, d3)>
// CHECK: #[[OF_ROW:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d4)>
// CHECK: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
// CHECK: #[[COLUMNS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4, d3)>
// CHECK: #[[OF_COLUMN:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d4)>
// CHECK-LABEL: func.func @half_pixels
// CHECK-SAME: %[[X:.*]]: tensor<1x2x1x3xi8>
// CHECK-DAG: %[[R:.*]] = arith.constant dense<{{\[\[}}4, 0], [3, 1], [1, 3], [0, 4]]> : tensor<4x2xi32>
// CHECK: %[[Y:.*]] = linalg.contract indexing_maps = [#[[ROWS]], #[[OF_ROW]], #[[OUT]]] ins(%[[X]], %[[R]] : tensor<1x2x1x3xi8>, tensor<4x2xi32>)
// CHECK-SAME: -> tensor<1x4x1x3xi32>
// CHECK-DAG: %[[C:.*]] = arith.constant dense<4> : tensor<2x1xi32>
// CHECK: linalg.contract indexing_maps = [#[[COLUMNS]], #[[OF_COLUMN]], #[[OUT]]] ins(%[[Y]], %[[C]] : tensor<1x4x1x3xi32>, tensor<2x1xi32>)
// CHECK-SAME: -> tensor<1x4x2x3xi32>
// CHECK-NOT: tosa.resize
func.func @half_pixels(%x: tensor<1x2x1x3xi8>) -> tensor<1x4x2x3xi32> {
  %scale = tosa.const_shape {values = dense<[4, 2, 4, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %offset = tosa.const_shape {values = dense<-1> : tensor<2xindex>} : () -> !tosa.shape<2>
  %border = tosa.const_shape {values = dense<1> : tensor<2xindex>} : () -> !tosa.shape<2>
  %y = tosa.resize %x, %scale, %offset, %border {mode = BILINEAR}
      : (tensor<1x2x1x3xi8>, !tosa.shape<4>, !tosa.shape<2>, !tosa.shape<2>) -> tensor<1x4x2x3xi32>
  return %y : tensor<1x4x2x3xi32>
}

// -----

// CHECK-LABEL: func.func @nearest_is_left_alone
// CHECK: tosa.resize
func.func @nearest_is_left_alone(%x: tensor<1x2x2x3xi8>) -> tensor<1x4x4x3xi8> {
  %scale = tosa.const_shape {values = dense<[4, 2, 4, 2]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %offset = tosa.const_shape {values = dense<-1> : tensor<2xindex>} : () -> !tosa.shape<2>
  %border = tosa.const_shape {values = dense<1> : tensor<2xindex>} : () -> !tosa.shape<2>
  %y = tosa.resize %x, %scale, %offset, %border {mode = NEAREST_NEIGHBOR}
      : (tensor<1x2x2x3xi8>, !tosa.shape<4>, !tosa.shape<2>, !tosa.shape<2>) -> tensor<1x4x4x3xi8>
  return %y : tensor<1x4x4x3xi8>
}
