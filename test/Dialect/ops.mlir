// Every op of the dialect, with and without its optional parts, survives its own spelling, the generic one and bytecode.
// RUN: vmcu-opt %s -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: vmcu-opt %t.mlir | cmp %t.mlir -
// RUN: vmcu-opt %s -mlir-print-op-generic | vmcu-opt | cmp %t.mlir -
// RUN: vmcu-opt %s --emit-bytecode | vmcu-opt | cmp %t.mlir -

// CHECK-LABEL: func.func @pool_and_place
func.func @pool_and_place() {
  // CHECK: %[[POOL:.*]] = vmcu.pool : !vmcu.pool<4096>
  %pool = vmcu.pool : !vmcu.pool<4096>
  // CHECK: vmcu.place %[[POOL]][512] : !vmcu.pool<4096> -> !vmcu.sequence<64x16xi8>
  %plain = vmcu.place %pool[512] : !vmcu.pool<4096> -> !vmcu.sequence<64x16xi8>
  // CHECK: vmcu.place %[[POOL]][0] as input 0 : !vmcu.pool<4096> -> !vmcu.sequence<4096x1xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<4096> -> !vmcu.sequence<4096x1xi8>
  // CHECK: vmcu.place %[[POOL]][16] as output 2 : !vmcu.pool<4096> -> !vmcu.sequence<512x16xi8, ring = 255>
  %out = vmcu.place %pool[16] as output 2 : !vmcu.pool<4096> -> !vmcu.sequence<512x16xi8, ring = 255>
  // CHECK: vmcu.view %{{.*}} : !vmcu.sequence<64x16xi8> -> !vmcu.sequence<256x4xi8>
  %view = vmcu.view %plain : !vmcu.sequence<64x16xi8> -> !vmcu.sequence<256x4xi8>
  // CHECK: vmcu.view %{{.*}} as output 3 : !vmcu.sequence<512x16xi8, ring = 255> -> !vmcu.sequence<1024x8xi8, ring = 510>
  %again = vmcu.view %out as output 3 : !vmcu.sequence<512x16xi8, ring = 255> -> !vmcu.sequence<1024x8xi8, ring = 510>
  return
}

// CHECK-LABEL: func.func @segment_load
func.func @segment_load(
  %x: !vmcu.sequence<64x8xi8>, %y: !vmcu.sequence<64x8xi8, ring = 1>, %i: index, %k: index, %g: i1, %h: i1
) {
  // CHECK: vmcu.segment_load %{{.*}}[%{{.*}}, %{{.*}}] : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  %plain = vmcu.segment_load %x[%i, %k] : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  // CHECK: vmcu.segment_load {{.*}} stride 2 : !vmcu
  %stride = vmcu.segment_load %x[%i, %k] stride 2 : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  // CHECK: vmcu.segment_load flipped {{.*}} stride 2 : !vmcu
  %flipped = vmcu.segment_load flipped %x[%i, %k] stride 2 : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  // CHECK: vmcu.segment_load {{.*}} valid 3 : !vmcu
  %valid = vmcu.segment_load %x[%i, %k] valid 3 : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  // CHECK: vmcu.segment_load {{.*}} stride 2 valid 3 if(%{{.*}}, %{{.*}}) else -128 {note} : !vmcu
  %all = vmcu.segment_load %x[%i, %k] stride 2 valid 3 if (%g, %g) else -128 {note} : !vmcu.sequence<64x8xi8> -> vector<2x4xi8>
  // One row of the two at most is in the ring; the guards see to it.
  // CHECK: vmcu.segment_load {{.*}} if(%{{.*}}, %{{.*}}) else 0 : !vmcu.sequence<64x8xi8, ring = 1>
  %beside = vmcu.segment_load %y[%i, %k] if (%g, %h) else 0 : !vmcu.sequence<64x8xi8, ring = 1> -> vector<2x4xi8>
  return
}

// CHECK-LABEL: func.func @segment_store_and_free
func.func @segment_store_and_free(%v: vector<2x4xi8>, %y: !vmcu.sequence<64x16xi8>, %i: index, %k: index) {
  // CHECK: vmcu.segment_store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] : vector<2x4xi8>, !vmcu.sequence<64x16xi8>
  vmcu.segment_store %v, %y[%i, %k] : vector<2x4xi8>, !vmcu.sequence<64x16xi8>
  // CHECK: vmcu.segment_store {{.*}} valid 3 : vector<2x4xi8>
  vmcu.segment_store %v, %y[%i, %k] valid 3 : vector<2x4xi8>, !vmcu.sequence<64x16xi8>
  // CHECK: vmcu.segment_free %{{.*}} before %{{.*}} : !vmcu.sequence<64x16xi8>
  vmcu.segment_free %y before %i : !vmcu.sequence<64x16xi8>
  // CHECK: vmcu.segment_free %{{.*}} from %{{.*}} : !vmcu.sequence<64x16xi8>
  vmcu.segment_free %y from %i : !vmcu.sequence<64x16xi8>
  return
}

// CHECK-LABEL: func.func @buffer_and_flash
func.func @buffer_and_flash(%ws: !vmcu.sequence<1x64xi8>, %w: tensor<16x3x8xi8>, %i: index) {
  // CHECK: vmcu.buffer %{{.*}}[16] : !vmcu.sequence<1x64xi8> -> memref<1x12xi32>
  %m = vmcu.buffer %ws[16] : !vmcu.sequence<1x64xi8> -> memref<1x12xi32>
  // CHECK: vmcu.flash_load %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : tensor<16x3x8xi8> -> vector<2x8xi8>
  %t = vmcu.flash_load %w[%i, %i, %i] : tensor<16x3x8xi8> -> vector<2x8xi8>
  return
}

// CHECK-LABEL: func.func @arithmetic
func.func @arithmetic(%a: vector<2x8xi8>, %w: vector<4x8xi8>, %bias: vector<4xi32>, %taps: vector<3x4xi8>,
                      %plain: vector<3x4xi8>, %packed: vector<2x2x2x2xi8>) {
  // CHECK: vmcu.broadcast %{{.*}} : vector<4xi32> -> vector<2x4xi32>
  %acc = vmcu.broadcast %bias : vector<4xi32> -> vector<2x4xi32>
  // CHECK: vmcu.dot %{{.*}}, %{{.*}}, %{{.*}} : vector<2x8xi8>, vector<4x8xi8>, vector<2x4xi32>
  %dot = vmcu.dot %a, %w, %acc : vector<2x8xi8>, vector<4x8xi8>, vector<2x4xi32>
  // CHECK: vmcu.channel_dot {{.*}} : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  %c0 = vmcu.channel_dot %taps, %plain, %bias : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  // CHECK: vmcu.channel_dot {{.*}} : vector<3x4xi8>, vector<2x2x2x2xi8>, vector<4xi32>
  %c1 = vmcu.channel_dot %taps, %packed, %c0 : vector<3x4xi8>, vector<2x2x2x2xi8>, vector<4xi32>
  return
}

// CHECK-LABEL: func.func @requantize
func.func @requantize(%v: vector<2x4xi32>, %row: vector<4xi32>, %m: vector<4xi32>, %s: vector<4xi8>,
                      %m1: vector<1xi32>, %s1: vector<1xi8>) {
  // CHECK: vmcu.requantize %{{.*}} by %{{.*}}, %{{.*}} round double zero_point -128 clamp -128 to 127 : vector<2x4xi32>, vector<4xi32>, vector<4xi8> -> vector<2x4xi8>
  %double = vmcu.requantize %v by %m, %s round double zero_point -128 clamp -128 to 127
    : vector<2x4xi32>, vector<4xi32>, vector<4xi8> -> vector<2x4xi8>
  // CHECK: vmcu.requantize {{.*}} round single zero_point 3 clamp 0 to 6 : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi32>
  %single = vmcu.requantize %row by %m1, %s1 round single zero_point 3 clamp 0 to 6
    : vector<4xi32>, vector<1xi32>, vector<1xi8> -> vector<4xi32>
  return
}
