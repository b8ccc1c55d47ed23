// A buffer kernel may yield one tensor twice: it is computed once and copied.
// RUN: vmcu-opt %s --vmcu-tile-to-segments | FileCheck %s

// CHECK-LABEL: func.func @twice
// CHECK:       vmcu.tiled_kernel @k buffer
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<8x1xi8>, %[[Y:.*]]: !vmcu.sequence<8x1xi8>, %[[Z:.*]]: !vmcu.sequence<8x1xi8>):
// CHECK-DAG:     %[[IN:.*]] = vmcu.buffer %[[X]][0]
// CHECK-DAG:     %[[ONE:.*]] = vmcu.buffer %[[Y]][0]
// CHECK-DAG:     %[[OTHER:.*]] = vmcu.buffer %[[Z]][0]
// CHECK:         scf.for
// CHECK-NEXT:      memref.load %[[IN]]
// CHECK-NEXT:      arith.addi
// CHECK-NEXT:      memref.store %{{.*}}, %[[ONE]]
// CHECK:         scf.for
// CHECK-NEXT:      memref.load %[[ONE]]
// CHECK-NEXT:      memref.store %{{.*}}, %[[OTHER]]
#id = affine_map<(d0) -> (d0)>
func.func @twice() {
  %pool = vmcu.pool : !vmcu.pool<24>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[8] as output 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %z = vmcu.place %pool[16] as output 1 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  vmcu.placed_kernel @k buffer ins(%x : !vmcu.sequence<8x1xi8>) outs(%y, %z : !vmcu.sequence<8x1xi8>, !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    %empty = tensor.empty() : tensor<8xi8>
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
        ins(%in : tensor<8xi8>) outs(%empty : tensor<8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %1 = arith.addi %a, %a : i8
      linalg.yield %1 : i8
    } -> tensor<8xi8>
    vmcu.yield %0, %0 : tensor<8xi8>, tensor<8xi8>
  }
  return
}
