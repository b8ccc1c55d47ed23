// The tile ops survive their own spelling, the generic one and bytecode.
// RUN: vmcu-opt %s -o %t.mlir && FileCheck %s --input-file=%t.mlir
// RUN: vmcu-opt %t.mlir | cmp %t.mlir -
// RUN: vmcu-opt %s -mlir-print-op-generic | vmcu-opt | cmp %t.mlir -
// RUN: vmcu-opt %s --emit-bytecode | vmcu-opt | cmp %t.mlir -

// CHECK-LABEL: func.func @widen
func.func @widen(%x: !vmcu.sequence<64x32xi8, ring = 16>, %lanes: memref<128xi16>, %i: index, %j: index, %b: index, %g: i1) {
  // CHECK: vmcu.widen %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[0] bytes 32 : !vmcu.sequence<64x32xi8, ring = 16> to memref<128xi16>
  vmcu.widen %x[%i, %b] to %lanes[0] bytes 32 : !vmcu.sequence<64x32xi8, ring = 16> to memref<128xi16>
  // CHECK: vmcu.widen %{{.*}}[%{{.*}} + %{{.*}}, %{{.*}}] to %{{.*}}[5] bytes 3 pieces 2 step 96 if %{{.*}} else -7 {note} :
  vmcu.widen %x[%i + %j, %b] to %lanes[5] bytes 3 pieces 2 step 96 if %g else -7 {note}
    : !vmcu.sequence<64x32xi8, ring = 16> to memref<128xi16>
  // CHECK: vmcu.widen unsigned %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[0] bytes 32 :
  vmcu.widen unsigned %x[%i, %b] to %lanes[0] bytes 32 : !vmcu.sequence<64x32xi8, ring = 16> to memref<128xi16>
  // The last lane that fits.
  // CHECK: vmcu.widen %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[127] bytes 1
  vmcu.widen %x[%i, %b] to %lanes[127] bytes 1 : !vmcu.sequence<64x32xi8, ring = 16> to memref<128xi16>
  return
}

// CHECK-LABEL: func.func @matmul
func.func @matmul(%lanes: memref<16xi16>, %x: !vmcu.sequence<1x8xi8>, %y: !vmcu.sequence<64x5xi8>, %w: tensor<5x8xi8>,
    %b: tensor<5xi32>, %m: tensor<5xi32>, %s: tensor<5xi8>, %m1: tensor<1xi32>, %s1: tensor<1xi8>,
    %record: tensor<30xi32>, %i: index, %j: index) {
  // CHECK: vmcu.matmul %{{.*}} times %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}}[%{{.*}} + %{{.*}}] pixels 2 pitch 8 depth 8 round double zero_point -128 clamp -128 to 127 : memref<16xi16>, tensor<5x8xi8>, tensor<5xi32>, tensor<5xi32>, tensor<5xi8> into !vmcu.sequence<64x5xi8>
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i + %j] pixels 2 pitch 8 depth 8 round double zero_point -128
    clamp -128 to 127
    : memref<16xi16>, tensor<5x8xi8>, tensor<5xi32>, tensor<5xi32>, tensor<5xi8> into !vmcu.sequence<64x5xi8>
  // CHECK: vmcu.matmul {{.*}} clamp -128 to 127 unroll 32 :
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 8 depth 8 round double zero_point 0 clamp -128 to 127
    unroll 32 : memref<16xi16>, tensor<5x8xi8>, tensor<5xi32>, tensor<5xi32>, tensor<5xi8> into !vmcu.sequence<64x5xi8>
  // One scale for all channels.
  // CHECK: vmcu.matmul %{{.*}} times %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}}[%{{.*}}] pixels 1 pitch 0 depth 8 round single zero_point 3 clamp 3 to 3
  vmcu.matmul %lanes times %w, %b, %m1, %s1 into %y[%i] pixels 1 pitch 0 depth 8 round single zero_point 3 clamp 3 to 3
    : memref<16xi16>, tensor<5x8xi8>, tensor<5xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<64x5xi8>
  // The bytes of a pixel, and packed constants.
  // CHECK: vmcu.matmul %{{.*}}[%{{.*}}] times %{{.*}} into %{{.*}}[%{{.*}}] pixels 1 pitch 8 depth 8 round single {{.*}} : !vmcu.sequence<1x8xi8>, tensor<30xi32> into
  vmcu.matmul %x[%j] times %record into %y[%i] pixels 1 pitch 8 depth 8 round single zero_point 0 clamp -128 to 127
    : !vmcu.sequence<1x8xi8>, tensor<30xi32> into !vmcu.sequence<64x5xi8>
  // CHECK: vmcu.matmul unsigned %{{.*}}[%{{.*}}] times %{{.*}} into
  vmcu.matmul unsigned %x[%j] times %record into %y[%i] pixels 1 pitch 8 depth 8 round single zero_point 0 clamp -128 to 127
    : !vmcu.sequence<1x8xi8>, tensor<30xi32> into !vmcu.sequence<64x5xi8>
  return
}

// CHECK-LABEL: func.func @depthwise
func.func @depthwise(%x: !vmcu.sequence<36x8xi8, ring = 18>, %y: !vmcu.sequence<18x8xi8>, %w: tensor<2x3x8xi8>, %b: tensor<8xi32>,
    %m: tensor<8xi32>, %s: tensor<8xi8>, %record: tensor<56xi32>, %i: index, %j: index, %g: i1) {
  // CHECK: vmcu.depthwise %{{.*}}[%{{.*}}, %{{.*}}] if(%{{.*}}, %{{.*}}) with %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}}[%{{.*}}] window 3 stride 2 pad 1 columns 6 to 3 halo -5 round double zero_point 1 clamp 1 to 127 : !vmcu.sequence<36x8xi8, ring = 18>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<18x8xi8>
  vmcu.depthwise %x[%i, %j] if(%g, %g) with %w, %b, %m, %s into %y[%i] window 3 stride 2 pad 1 columns 6 to 3 halo -5
    round double zero_point 1 clamp 1 to 127 : !vmcu.sequence<36x8xi8, ring = 18>, tensor<2x3x8xi8>, tensor<8xi32>,
    tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<18x8xi8>
  // CHECK: vmcu.depthwise unsigned %{{.*}}[%{{.*}}, %{{.*}}] with %{{.*}} into
  vmcu.depthwise unsigned %x[%i, %j] with %record into %y[%i] window 3 stride 1 pad -1 columns 6 to 3 halo 255
    round single zero_point 0 clamp -128 to 127 tile 3 : !vmcu.sequence<36x8xi8, ring = 18>, tensor<56xi32> into !vmcu.sequence<18x8xi8>
  // CHECK: vmcu.depthwise %{{.*}}[%{{.*}}, %{{.*}}] with %{{.*}} into %{{.*}}[%{{.*}}] window 3 stride 1 pad -1 columns 6 to 3 {{.*}} clamp -128 to 127 tile 3 :
  vmcu.depthwise %x[%i, %j] with %record into %y[%i] window 3 stride 1 pad -1 columns 6 to 3 halo 0
    round single zero_point 0 clamp -128 to 127 tile 3 : !vmcu.sequence<36x8xi8, ring = 18>, tensor<56xi32> into !vmcu.sequence<18x8xi8>
  return
}

// CHECK-LABEL: func.func @variant
func.func @variant(%t: tensor<4x8xi8>, %x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  // CHECK: vmcu.kernel @tensors conv2d variant<"matmul"> ins(
  %0 = vmcu.kernel @tensors conv2d variant<"matmul"> ins(%t : tensor<4x8xi8>) -> tensor<4x8xi8> {
  ^bb0(%in: tensor<4x8xi8>):
    vmcu.yield %in : tensor<4x8xi8>
  }
  vmcu.stream from 0 to 4 {
    // CHECK: vmcu.placed_kernel @placed depthwise variant<"row"> traversal backward phase<scale = 1, shift = 1, rows = 4> ins(
    vmcu.placed_kernel @placed depthwise variant<"row"> traversal backward phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>)
        outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// Lanes that are widened twice are widened twice; a matrix product is not merged with another one.
// RUN: vmcu-opt %s --canonicalize --cse --loop-invariant-code-motion | FileCheck %s --check-prefix=EFFECTS
// EFFECTS-LABEL: func.func @effects
func.func @effects(%x: !vmcu.sequence<64x8xi8>, %y: !vmcu.sequence<64x8xi8>, %pairs: tensor<40xi32>, %record: tensor<32xi32>, %i: index) {
  %c0 = arith.constant 0 : index
  // EFFECTS: %[[LANES:.*]] = memref.alloca
  %lanes = memref.alloca() : memref<8xi16>
  // EFFECTS-COUNT-2: vmcu.widen
  // EFFECTS: vmcu.matmul %[[LANES]]
  vmcu.widen %x[%i, %c0] to %lanes[0] bytes 8 : !vmcu.sequence<64x8xi8> to memref<8xi16>
  vmcu.widen %x[%i, %c0] to %lanes[0] bytes 8 : !vmcu.sequence<64x8xi8> to memref<8xi16>
  vmcu.matmul %lanes times %pairs into %y[%i] pixels 1 pitch 8 depth 8 round single zero_point 0 clamp -128 to 127
    : memref<8xi16>, tensor<40xi32> into !vmcu.sequence<64x8xi8>
  // EFFECTS-COUNT-2: vmcu.depthwise
  vmcu.depthwise %x[%i] with %record into %y[%i] window 1 stride 1 pad 0 columns 4 to 4 halo 0 round single zero_point 0
    clamp -128 to 127 : !vmcu.sequence<64x8xi8>, tensor<32xi32> into !vmcu.sequence<64x8xi8>
  vmcu.depthwise %x[%i] with %record into %y[%i] window 1 stride 1 pad 0 columns 4 to 4 halo 0 round single zero_point 0
    clamp -128 to 127 : !vmcu.sequence<64x8xi8>, tensor<32xi32> into !vmcu.sequence<64x8xi8>
  return
}
