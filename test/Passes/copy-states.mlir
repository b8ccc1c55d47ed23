// A state has one place: a new value that its maker cannot write there is copied at the end, once the old one has been read.
// RUN: vmcu-opt %s --vmcu-copy-states | FileCheck %s
// RUN: vmcu-opt %s --vmcu-copy-states --vmcu-copy-states | FileCheck %s

// The maker reads the old value last, but in an order of its own.
// CHECK-LABEL: func.func @opaque_maker(
// CHECK:         %[[Y:.*]] = vmcu.kernel @y buffer
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      vmcu.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %[[COPY:.*]] = vmcu.kernel @copy_0 buffer ins(%[[Y]] : tensor<8xi8>) -> tensor<8xi8> {
// CHECK-NEXT:    ^bb0(%[[IN:.*]]: tensor<8xi8>):
// CHECK-NEXT:      vmcu.yield %[[IN]]
// CHECK:         return %[[Y]], %[[COPY]]
func.func @opaque_maker(%s: tensor<8xi8> {vmcu.initial = dense<0> : tensor<8xi8>})
    -> (tensor<8xi8>, tensor<8xi8> {vmcu.updates = 0 : i32}) {
  %y = vmcu.kernel @y buffer ins(%s : tensor<8xi8>) -> tensor<8xi8> {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return %y, %y : tensor<8xi8>, tensor<8xi8>
}

// The old value has been read, so the next kernel may write over it.
// CHECK-LABEL: func.func @read_before(
// CHECK-NOT:     @copy_0
// CHECK:         return %y, %z
func.func @read_before(%s: tensor<8xi8> {vmcu.initial = dense<0> : tensor<8xi8>})
    -> (tensor<8xi8>, tensor<8xi8> {vmcu.updates = 0 : i32}) {
  %y = vmcu.kernel @y buffer ins(%s : tensor<8xi8>) -> tensor<8xi8> {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  %z = vmcu.kernel @z buffer ins(%y : tensor<8xi8>) -> tensor<8xi8> {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return %y, %z : tensor<8xi8>, tensor<8xi8>
}

// Element by element the new value may take the place of the old one.
// CHECK-LABEL: func.func @element_by_element(
// CHECK-NOT:     @copy_0
// CHECK:         return
#id = affine_map<(a) -> (a)>
func.func @element_by_element(%x: tensor<8xi8>, %s: tensor<8xi8> {vmcu.initial = dense<0> : tensor<8xi8>})
    -> (tensor<8xi8> {vmcu.updates = 1 : i32}) {
  %y = vmcu.kernel @y elementwise ins(%x, %s : tensor<8xi8>, tensor<8xi8>) -> tensor<8xi8> {
  ^bb0(%a: tensor<8xi8>, %b: tensor<8xi8>):
    %empty = tensor.empty() : tensor<8xi8>
    %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
        ins(%a, %b : tensor<8xi8>, tensor<8xi8>) outs(%empty : tensor<8xi8>) {
    ^bb0(%p: i8, %q: i8, %o: i8):
      %1 = arith.addi %p, %q : i8
      linalg.yield %1 : i8
    } -> tensor<8xi8>
    vmcu.yield %0 : tensor<8xi8>
  }
  return %y : tensor<8xi8>
}

// Each becomes the other one: both old values are copied before a new one is written. A state that stays needs no copy.
// CHECK-LABEL: func.func @swapped(
// CHECK-SAME:    %[[S:[a-z0-9]+]]: tensor<8xi8> {{{.*}}}, %[[T:[a-z0-9]+]]: tensor<8xi8> {{{.*}}}, %[[U:[a-z0-9]+]]: tensor<8xi8>
// CHECK:         %[[OLD_T:.*]] = vmcu.kernel @copy_0 buffer ins(%[[T]] :
// CHECK:         %[[OLD_S:.*]] = vmcu.kernel @copy_1 buffer ins(%[[S]] :
// CHECK:         %[[NEW_S:.*]] = vmcu.kernel @copy_2 buffer ins(%[[OLD_T]] :
// CHECK-NOT:     vmcu.kernel
// CHECK:         return %[[NEW_S]], %[[OLD_S]], %[[U]]
func.func @swapped(%s: tensor<8xi8> {vmcu.initial = dense<0> : tensor<8xi8>},
                   %t: tensor<8xi8> {vmcu.initial = dense<1> : tensor<8xi8>},
                   %u: tensor<8xi8> {vmcu.initial = dense<2> : tensor<8xi8>})
    -> (tensor<8xi8> {vmcu.updates = 0 : i32}, tensor<8xi8> {vmcu.updates = 1 : i32}, tensor<8xi8> {vmcu.updates = 2 : i32}) {
  return %t, %s, %u : tensor<8xi8>, tensor<8xi8>, tensor<8xi8>
}
