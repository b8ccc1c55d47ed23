// Only the last reader of a tensor frees it.
// RUN: vmcu-opt %s --vmcu-tile-to-segments | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @read_twice
// CHECK:       vmcu.tiled_kernel @first buffer
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<8x1xi8>,
// CHECK:         vmcu.buffer %[[X]][0] : !vmcu.sequence<8x1xi8> -> memref<8xi8>
// CHECK-NOT:     vmcu.segment_free
// CHECK:       vmcu.tiled_kernel @last elementwise
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<2x4xi8>, %[[Y:.*]]: !vmcu.sequence<2x4xi8>, %[[Z:.*]]: !vmcu.sequence<2x4xi8>):
// CHECK:         vmcu.segment_free %[[X]] before
// CHECK:         vmcu.segment_free %[[Y]] before
// CHECK:         vmcu.segment_store %{{.*}}, %[[Z]]
// CHECK:       vmcu.tiled_kernel @of_an_output buffer
// CHECK-NOT:     vmcu.segment_free
// CHECK:       return
func.func @read_twice() {
  %pool = vmcu.pool : !vmcu.pool<24>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[8] : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %z = vmcu.place %pool[16] as output 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %xs = vmcu.view %x : !vmcu.sequence<8x1xi8> -> !vmcu.sequence<2x4xi8>
  %ys = vmcu.view %y : !vmcu.sequence<8x1xi8> -> !vmcu.sequence<2x4xi8>
  %zs = vmcu.view %z : !vmcu.sequence<8x1xi8> -> !vmcu.sequence<2x4xi8>
  vmcu.placed_kernel @first buffer ins(%x : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  vmcu.placed_kernel @last elementwise ins(%xs, %ys : !vmcu.sequence<2x4xi8>, !vmcu.sequence<2x4xi8>) outs(%zs : !vmcu.sequence<2x4xi8>) {
  ^bb0(%left: tensor<8xi8>, %right: tensor<8xi8>):
    %empty = tensor.empty() : tensor<8xi8>
    %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
        ins(%left, %right : tensor<8xi8>, tensor<8xi8>) outs(%empty : tensor<8xi8>) {
    ^bb0(%a: i8, %b: i8, %o: i8):
      %1 = arith.addi %a, %b : i8
      linalg.yield %1 : i8
    } -> tensor<8xi8>
    vmcu.yield %0 : tensor<8xi8>
  }
  vmcu.placed_kernel @of_an_output buffer ins(%z : !vmcu.sequence<8x1xi8>) outs(%x : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return
}
