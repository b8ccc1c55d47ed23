// Constant amounts of padding become attributes of the op, which keeps what else it has.
// RUN: vmcu-opt %s --vmcu-make-padding-static | FileCheck %s

// CHECK-LABEL: func.func @constant
// CHECK: tensor.pad %{{.*}} low[0, 1] high[0, 2] {
// CHECK: {mine.note = "kept"} : tensor<4x4xi8> to tensor<4x7xi8>
func.func @constant(%x: tensor<4x4xi8>) -> tensor<4x7xi8> {
  %zero = arith.constant 0 : i8
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = tensor.pad %x low[%c0, %c1] high[%c0, %c2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : i8
  } {mine.note = "kept"} : tensor<4x4xi8> to tensor<4x7xi8>
  return %0 : tensor<4x7xi8>
}

// CHECK-LABEL: func.func @unknown
// CHECK: tensor.pad %{{.*}} low[0, %{{.*}}] high[0, 2]
func.func @unknown(%x: tensor<4x4xi8>, %n: index) -> tensor<4x?xi8> {
  %zero = arith.constant 0 : i8
  %0 = tensor.pad %x low[0, %n] high[0, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : i8
  } : tensor<4x4xi8> to tensor<4x?xi8>
  return %0 : tensor<4x?xi8>
}
