// The three forms of a kernel, its kinds and its traversals survive their own spelling, the generic one and bytecode.
// RUN: vmcu-opt %s -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: vmcu-opt %t.mlir | cmp %t.mlir -
// RUN: vmcu-opt %s -mlir-print-op-generic | vmcu-opt | cmp %t.mlir -
// RUN: vmcu-opt %s --emit-bytecode | vmcu-opt | cmp %t.mlir -

// CHECK-LABEL: func.func @on_tensors
func.func @on_tensors(%x: tensor<4x8xi8>, %y: tensor<?x8xi8>) {
  // CHECK: vmcu.kernel @one elementwise ins(%{{.*}} : tensor<4x8xi8>) -> tensor<4x8xi8> {
  %1 = vmcu.kernel @one elementwise ins(%x : tensor<4x8xi8>) -> tensor<4x8xi8> {
  // CHECK-NEXT: ^bb0(%[[IN:.*]]: tensor<4x8xi8>):
  ^bb0(%in: tensor<4x8xi8>):
    // CHECK-NEXT: vmcu.yield %[[IN]] : tensor<4x8xi8>
    vmcu.yield %in : tensor<4x8xi8>
  }
  // CHECK: vmcu.kernel @two buffer ins(%{{.*}}, %{{.*}} : tensor<4x8xi8>, tensor<?x8xi8>) -> tensor<?x8xi8>, tensor<4x8xi8>
  %2:2 = vmcu.kernel @two buffer ins(%1, %y : tensor<4x8xi8>, tensor<?x8xi8>) -> tensor<?x8xi8>, tensor<4x8xi8> {
  ^bb0(%a: tensor<4x8xi8>, %b: tensor<?x8xi8>):
    vmcu.yield %b, %a : tensor<?x8xi8>, tensor<4x8xi8>
  }
  // CHECK: vmcu.kernel @none pool {
  // CHECK-NEXT: vmcu.yield
  vmcu.kernel @none pool {
    vmcu.yield
  }
  return
}

// CHECK-LABEL: func.func @placed
func.func @placed(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<8x4xi8>, %ws: !vmcu.sequence<1x3xi8>,
                  %words: !vmcu.sequence<4x2xi32>) {
  // CHECK: vmcu.placed_kernel @copy conv2d traversal backward ins(%{{.*}} : !vmcu.sequence<4x8xi8>) outs(%{{.*}} : !vmcu.sequence<8x4xi8>) workspace(%{{.*}} : !vmcu.sequence<1x3xi8>) attributes {note} {
  vmcu.placed_kernel @copy conv2d traversal backward ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<8x4xi8>)
      workspace(%ws : !vmcu.sequence<1x3xi8>) attributes {note} {
  ^bb0(%in: tensor<1x2x2x8xi8>):
    // CHECK: vmcu.yield %{{.*}} : tensor<1x2x2x8xi8>
    vmcu.yield %in : tensor<1x2x2x8xi8>
  }
  // CHECK: vmcu.placed_kernel @words depthwise ins(
  // CHECK-NOT: traversal
  vmcu.placed_kernel @words depthwise traversal forward ins(%words : !vmcu.sequence<4x2xi32>) outs(%words : !vmcu.sequence<4x2xi32>) {
  ^bb0(%in: tensor<2x4xi32>):
    vmcu.yield %in : tensor<2x4xi32>
  }
  return
}

// CHECK-LABEL: func.func @tiled
func.func @tiled(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<8x4xi8>, %ws: !vmcu.sequence<1x3xi8>) {
  // CHECK: vmcu.tiled_kernel @tiled conv2d ins({{.*}}) outs({{.*}}) workspace({{.*}}) {
  vmcu.tiled_kernel @tiled conv2d ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<8x4xi8>)
      workspace(%ws : !vmcu.sequence<1x3xi8>) {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: !vmcu.sequence<4x8xi8>, %{{.*}}: !vmcu.sequence<8x4xi8>, %{{.*}}: !vmcu.sequence<1x3xi8>):
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<8x4xi8>, %scratch: !vmcu.sequence<1x3xi8>):
    %c4 = arith.constant 4 : index
    // CHECK: vmcu.segment_free %[[X]] before
    vmcu.segment_free %in before %c4 : !vmcu.sequence<4x8xi8>
  }
  // CHECK: vmcu.tiled_kernel @fill elementwise outs(
  vmcu.tiled_kernel @fill elementwise outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%out: !vmcu.sequence<8x4xi8>):
  }
  return
}
