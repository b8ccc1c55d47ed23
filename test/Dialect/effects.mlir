// Generic passes see what an op does to memory: they remove what nobody needs and merge only what reads the same.
// RUN: vmcu-opt %s --canonicalize --cse --loop-invariant-code-motion | FileCheck %s

// CHECK-LABEL: func.func @unused
func.func @unused(%x: tensor<4x8xi8>, %s: !vmcu.sequence<4x8xi8>, %i: index) {
  // CHECK-NEXT: return
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<4x8xi8>) -> tensor<4x8xi8> {
  ^bb0(%in: tensor<4x8xi8>):
    vmcu.yield %in : tensor<4x8xi8>
  }
  %1 = vmcu.segment_load %s[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  %2 = vmcu.flash_load %x[%i, %i] : tensor<4x8xi8> -> vector<8xi8>
  %3 = vmcu.buffer %s[0] : !vmcu.sequence<4x8xi8> -> memref<8xi32>
  %pool = vmcu.pool : !vmcu.pool<64>
  %4 = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8>
  %5 = vmcu.view %4 : !vmcu.sequence<4x8xi8> -> !vmcu.sequence<8x4xi8>
  return
}

// CHECK-LABEL: func.func @needed_without_a_use
func.func @needed_without_a_use(%v: vector<1x4xi8>, %i: index) {
  // CHECK: vmcu.pool
  %pool = vmcu.pool : !vmcu.pool<64>
  // CHECK-NEXT: vmcu.place %{{.*}}[0] as input 0
  %0 = vmcu.place %pool[0] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  // CHECK-NEXT: vmcu.place %{{.*}}[32] as output 0
  %1 = vmcu.place %pool[32] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  // CHECK-NEXT: vmcu.view %{{.*}} as output 1
  %2 = vmcu.view %1 as output 1 : !vmcu.sequence<32x1xi8> -> !vmcu.sequence<32x1xi8>
  // CHECK-NEXT: %[[X:.*]] = vmcu.place %{{.*}}[0] :
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.segment_store %{{.*}}, %[[X]]
  vmcu.segment_store %v, %x[%i, %i] : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.segment_free %[[X]]
  vmcu.segment_free %x before %i : !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.placed_kernel @placed
  vmcu.placed_kernel @placed elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: tensor<4x8xi8>):
    vmcu.yield %in : tensor<4x8xi8>
  }
  // CHECK: vmcu.tiled_kernel @tiled
  vmcu.tiled_kernel @tiled elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>):
  }
  return
}

// A store to any sequence may change what a load reads: sequences overlap.
// CHECK-LABEL: func.func @loads_around_a_store
func.func @loads_around_a_store(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>, %i: index)
    -> (vector<1x4xi8>, vector<1x4xi8>, vector<1x4xi8>) {
  // CHECK: %[[OLD:.*]] = vmcu.segment_load
  // CHECK-NEXT: vmcu.segment_store
  // CHECK-NEXT: %[[NEW:.*]] = vmcu.segment_load
  // CHECK-NEXT: return %[[OLD]], %[[OLD]], %[[NEW]]
  %0 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  %1 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  vmcu.segment_store %0, %y[%i, %i] : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
  %2 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return %0, %1, %2 : vector<1x4xi8>, vector<1x4xi8>, vector<1x4xi8>
}

// CHECK-LABEL: func.func @loads_around_a_kernel
func.func @loads_around_a_kernel(%x: !vmcu.sequence<4x8xi8>, %i: index) -> (vector<1x4xi8>, vector<1x4xi8>) {
  // CHECK: vmcu.segment_load
  // CHECK: vmcu.tiled_kernel
  // CHECK: vmcu.segment_load
  %0 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  vmcu.tiled_kernel @k elementwise outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%out: !vmcu.sequence<4x8xi8>):
  }
  %1 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return %0, %1 : vector<1x4xi8>, vector<1x4xi8>
}

// CHECK-LABEL: func.func @flash_does_not_change
func.func @flash_does_not_change(%w: tensor<4x8xi8>, %y: !vmcu.sequence<4x8xi8>, %v: vector<1x4xi8>, %i: index)
    -> (vector<8xi8>, vector<8xi8>) {
  // CHECK: %[[W:.*]] = vmcu.flash_load
  // CHECK-NEXT: vmcu.segment_store
  // CHECK-NEXT: return %[[W]], %[[W]]
  %0 = vmcu.flash_load %w[%i, %i] : tensor<4x8xi8> -> vector<8xi8>
  vmcu.segment_store %v, %y[%i, %i] : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
  %1 = vmcu.flash_load %w[%i, %i] : tensor<4x8xi8> -> vector<8xi8>
  return %0, %1 : vector<8xi8>, vector<8xi8>
}

// CHECK-LABEL: func.func @only_flash_leaves_the_loop
func.func @only_flash_leaves_the_loop(%w: tensor<4x4xi8>, %x: !vmcu.sequence<4x8xi8>, %i: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: vmcu.flash_load
  // CHECK: scf.for
  scf.for %j = %c0 to %n step %c1 {
    %t = vmcu.flash_load %w[%i, %c0] : tensor<4x4xi8> -> vector<1x4xi8>
    // CHECK: vmcu.segment_load
    %v = vmcu.segment_load %x[%i, %c0] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
    // CHECK: vmcu.segment_store
    // CHECK: vmcu.segment_store
    vmcu.segment_store %t, %x[%j, %c0] : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
    vmcu.segment_store %v, %x[%j, %c0] : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
  }
  return
}
