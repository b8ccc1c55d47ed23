// A state that is the end of a window of it and of new rows becomes the window, which is moved up in its place.
// RUN: vmcu-opt %s --vmcu-widen-states | FileCheck %s
// RUN: vmcu-opt %s --vmcu-widen-states --vmcu-widen-states | FileCheck %s

// CHECK-LABEL: func.func @window(
// CHECK-SAME:    %[[X:.*]]: tensor<1x1x1x8xi8>,
// CHECK-SAME:    %[[S:.*]]: tensor<1x4x1x8xi8> {mine.note = "kept", vmcu.initial = dense<-3> : tensor<1x4x1x8xi8>})
// CHECK-SAME:    -> (tensor<1x4x1x8xi8>, tensor<1x4x1x8xi8> {vmcu.updates = 1 : i32})
// CHECK:         %[[ROWS:.*]] = tosa.slice %[[S]], %{{.*}}, %{{.*}} : (tensor<1x4x1x8xi8>, {{.*}}) -> tensor<1x3x1x8xi8>
// CHECK:         %[[W:.*]] = tosa.concat %[[ROWS]], %[[X]] {axis = 1 : i32}
// CHECK:         return %[[W]], %[[W]]
func.func @window(%x: tensor<1x1x1x8xi8>,
                  %s: tensor<1x3x1x8xi8> {mine.note = "kept", vmcu.initial = dense<-3> : tensor<1x3x1x8xi8>})
    -> (tensor<1x4x1x8xi8>, tensor<1x3x1x8xi8> {vmcu.updates = 1 : i32}) {
  %begin = tosa.const_shape {values = dense<[0, 1, 0, 0]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %size = tosa.const_shape {values = dense<[1, 3, 1, 8]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %w = tosa.concat %s, %x {axis = 1 : i32} : (tensor<1x3x1x8xi8>, tensor<1x1x1x8xi8>) -> tensor<1x4x1x8xi8>
  %n = tosa.slice %w, %begin, %size : (tensor<1x4x1x8xi8>, !tosa.shape<4>, !tosa.shape<4>) -> tensor<1x3x1x8xi8>
  return %w, %n : tensor<1x4x1x8xi8>, tensor<1x3x1x8xi8>
}

// The first rows of a window are not its end.
// CHECK-LABEL: func.func @begin(
// CHECK-SAME:    tensor<1x3x1x8xi8> {vmcu.initial
// CHECK-NEXT:    tosa.const_shape
func.func @begin(%x: tensor<1x1x1x8xi8>, %s: tensor<1x3x1x8xi8> {vmcu.initial = dense<0> : tensor<1x3x1x8xi8>})
    -> (tensor<1x4x1x8xi8>, tensor<1x3x1x8xi8> {vmcu.updates = 1 : i32}) {
  %begin = tosa.const_shape {values = dense<[0, 0, 0, 0]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %size = tosa.const_shape {values = dense<[1, 3, 1, 8]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %w = tosa.concat %s, %x {axis = 1 : i32} : (tensor<1x3x1x8xi8>, tensor<1x1x1x8xi8>) -> tensor<1x4x1x8xi8>
  %n = tosa.slice %w, %begin, %size : (tensor<1x4x1x8xi8>, !tosa.shape<4>, !tosa.shape<4>) -> tensor<1x3x1x8xi8>
  return %w, %n : tensor<1x4x1x8xi8>, tensor<1x3x1x8xi8>
}

// Somebody else reads the state.
// CHECK-LABEL: func.func @read_elsewhere(
// CHECK-SAME:    tensor<1x3x1x8xi8> {vmcu.initial
// CHECK:         return %arg1
func.func @read_elsewhere(%x: tensor<1x1x1x8xi8>, %s: tensor<1x3x1x8xi8> {vmcu.initial = dense<0> : tensor<1x3x1x8xi8>})
    -> (tensor<1x3x1x8xi8>, tensor<1x3x1x8xi8> {vmcu.updates = 1 : i32}) {
  %begin = tosa.const_shape {values = dense<[0, 1, 0, 0]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %size = tosa.const_shape {values = dense<[1, 3, 1, 8]> : tensor<4xindex>} : () -> !tosa.shape<4>
  %w = tosa.concat %s, %x {axis = 1 : i32} : (tensor<1x3x1x8xi8>, tensor<1x1x1x8xi8>) -> tensor<1x4x1x8xi8>
  %n = tosa.slice %w, %begin, %size : (tensor<1x4x1x8xi8>, !tosa.shape<4>, !tosa.shape<4>) -> tensor<1x3x1x8xi8>
  return %s, %n : tensor<1x3x1x8xi8>, tensor<1x3x1x8xi8>
}
