// What is kept from run to run has one place, old value and new one, and a function that sets its initial value.
// RUN: vmcu-opt %s --vmcu-plan | FileCheck %s
// RUN: vmcu-opt %s --vmcu-plan --vmcu-verify-plan --vmcu-to-segments --convert-vmcu-to-llvm="name=net" \
// RUN:   | FileCheck %s --check-prefix=RESET

// CHECK-LABEL: func.func @main() attributes
// CHECK-SAME:    vmcu.inputs = [{type = tensor<8xi8>, vmcu.name = "x"}]
// CHECK-SAME:    vmcu.outputs = [{type = tensor<8xi8>}]
// CHECK-SAME:    vmcu.states = [{type = tensor<8xi8>, vmcu.initial = dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi8>, vmcu.name = "kept"}, {type = tensor<8xi8>, vmcu.initial = dense<-9> : tensor<8xi8>}]
// CHECK-DAG:     %[[X:.*]] = vmcu.place "input_0" {{.*}} as input 0
// CHECK-DAG:     %[[S:.*]] = vmcu.place "state_0" {{.*}} as state 0
// CHECK-DAG:     %[[T:.*]] = vmcu.place "state_1" {{.*}} as state 1
// CHECK-DAG:     %[[Y:.*]] = vmcu.place "y" {{.*}} as output 0
// CHECK:         vmcu.placed_kernel @y buffer ins(%[[S]]{{.*}} outs(%[[Y]]
// CHECK:         vmcu.placed_kernel @copy_0 buffer ins(%[[X]]{{.*}} outs(%[[S]]

// RESET-LABEL: func.func @net_reset()
// RESET-NEXT:    %[[POOL:.*]] = llvm.mlir.addressof @net_pool
// RESET:         "llvm.intr.memcpy"(%{{.*}}, %{{.*}}, %{{.*}}) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i32) -> ()
// RESET:         %[[BYTE:.*]] = arith.constant -9 : i8
// RESET:         "llvm.intr.memset"(%{{.*}}, %[[BYTE]], %{{.*}}) <{isVolatile = false}> : (!llvm.ptr, i8, i32) -> ()
// RESET:         return
func.func @main(%x: tensor<8xi8> {vmcu.name = "x"},
                %s: tensor<8xi8> {vmcu.initial = dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi8>, vmcu.name = "kept"},
                %t: tensor<8xi8> {vmcu.initial = dense<-9> : tensor<8xi8>})
    -> (tensor<8xi8>, tensor<8xi8> {vmcu.updates = 1 : i32}, tensor<8xi8> {vmcu.updates = 2 : i32}) {
  %y = vmcu.kernel @y buffer ins(%s : tensor<8xi8>) -> tensor<8xi8> {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return %y, %x, %t : tensor<8xi8>, tensor<8xi8>, tensor<8xi8>
}
