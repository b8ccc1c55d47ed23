// A stream and the row that feeds it survive a round trip, in pretty, generic and bytecode form.
// RUN: vmcu-opt %s | vmcu-opt | FileCheck %s
// RUN: vmcu-opt %s -mlir-print-op-generic | vmcu-opt | FileCheck %s
// RUN: vmcu-opt %s --emit-bytecode | vmcu-opt | FileCheck %s

// CHECK-LABEL: func.func @stream
// CHECK: vmcu.stream from -1 to 5 {
// CHECK: vmcu.placed_kernel @copy elementwise phase<scale = 1, shift = 1, rows = 4> ins(%{{.*}} : !vmcu.sequence<4x8xi8>) outs(%{{.*}} : !vmcu.sequence<4x8xi8, ring = 2>)
func.func @stream(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8, ring = 2>) {
  vmcu.stream from -1 to 5 {
    vmcu.placed_kernel @copy elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>)
        outs(%y : !vmcu.sequence<4x8xi8, ring = 2>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// CHECK-LABEL: func.func @paced
// CHECK: vmcu.stream from 0 to 7 pace 2 {
func.func @paced(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.stream from 0 to 7 pace 2 {
    vmcu.placed_kernel @copy elementwise phase<scale = 2, shift = 2, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// CHECK-LABEL: func.func @backward
// CHECK: vmcu.stream backward from 0 to 5
func.func @backward(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.stream backward from 0 to 5 {
    vmcu.placed_kernel @copy elementwise phase<scale = 2, shift = 1, rows = 2> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// CHECK-LABEL: func.func @fed
// CHECK: vmcu.stream fed(%{{.*}} : !vmcu.sequence<4x8xi8, ring = 2>) from 0 to 3
// CHECK: vmcu.feed %{{.*}}, %{{.*}}[%{{.*}}] : memref<8xi8>, !vmcu.sequence<4x8xi8, ring = 2>
func.func @fed(%x: !vmcu.sequence<4x8xi8, ring = 2>, %y: !vmcu.sequence<4x8xi8>, %row: memref<8xi8>, %i: index) {
  vmcu.stream fed(%x : !vmcu.sequence<4x8xi8, ring = 2>) from 0 to 3 {
    vmcu.placed_kernel @copy elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8, ring = 2>)
        outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  vmcu.feed %row, %x[%i] : memref<8xi8>, !vmcu.sequence<4x8xi8, ring = 2>
  return
}

// CHECK-LABEL: func.func @one_row
// CHECK: vmcu.tiled_kernel @copy elementwise row(%{{.*}}) ins
func.func @one_row(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>, %r: index) {
  vmcu.tiled_kernel @copy elementwise row(%r) ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>, %row: index):
  }
  return
}

// CHECK-LABEL: func.func @landing
// CHECK: %[[V:.*]] = vmcu.landing %{{.*}}, %{{.*}} phase<scale = 1, shift = 1, rows = 4> : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
// CHECK: vmcu.placed_kernel @copy elementwise phase<scale = 1, shift = 1, rows = 4> ins(%[[V]] : !vmcu.sequence<4x8xi8, ring = 2>)
// CHECK: vmcu.settle %{{.*}}, %{{.*}} phase<scale = 1, shift = 1, rows = 4> :
// CHECK: vmcu.settle %{{.*}}, %{{.*}}[%{{.*}}] : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
func.func @landing(%l: !vmcu.sequence<4x8xi8, ring = 1>, %x: !vmcu.sequence<4x8xi8, ring = 2>, %y: !vmcu.sequence<4x8xi8>, %i: index) {
  vmcu.stream from 0 to 3 {
    %v = vmcu.landing %l, %x phase<scale = 1, shift = 1, rows = 4> : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
    vmcu.placed_kernel @copy elementwise phase<scale = 1, shift = 1, rows = 4> ins(%v : !vmcu.sequence<4x8xi8, ring = 2>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
    vmcu.settle %l, %x phase<scale = 1, shift = 1, rows = 4> : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
  }
  vmcu.settle %l, %x[%i] : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
  return
}
