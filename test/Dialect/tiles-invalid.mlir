// What the tile ops refuse; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @widen_words(%x: !vmcu.sequence<64x8xi32>, %lanes: memref<16xi16>, %i: index) {
  // expected-error@+1 {{operand #0 must be sequence of i8, but got '!vmcu.sequence<64x8xi32>'}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 4 : !vmcu.sequence<64x8xi32> to memref<16xi16>
  return
}

// -----

func.func @widen_c1_bytes(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{widens 1 pieces of 0 bytes, 1 lanes apart}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 0 : !vmcu.sequence<64x8xi8> to memref<16xi16>
  return
}

// -----

func.func @widen_c1_pieces(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{widens 0 pieces of 4 bytes, 1 lanes apart}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 4 pieces 0 : !vmcu.sequence<64x8xi8> to memref<16xi16>
  return
}

// -----

func.func @widen_c1_step(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{widens 2 pieces of 4 bytes, -4 lanes apart}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 4 pieces 2 step -4 : !vmcu.sequence<64x8xi8> to memref<16xi16>
  return
}

// -----

func.func @widen_c1_guard_without_pad(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{needs a guard and a pad value together}}
  "vmcu.widen"(%x, %i, %i, %lanes, %g) <{at = 0 : i64, bytes = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1, 1>}>
    : (!vmcu.sequence<64x8xi8>, index, index, memref<16xi16>, i1) -> ()
  return
}

// -----

func.func @widen_c1_pad_without_guard(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index) {
  // expected-error@+1 {{needs a guard and a pad value together}}
  "vmcu.widen"(%x, %i, %i, %lanes)
    <{at = 0 : i64, bytes = 4 : i64, pad = 3 : i8, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1, 0>}>
    : (!vmcu.sequence<64x8xi8>, index, index, memref<16xi16>) -> ()
  return
}

// -----

func.func @widen_c2_end(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{stores lanes 8 to 17 of 'memref<16xi16>', expected static ones, a multiple of 4}}
  vmcu.widen %x[%i, %i] to %lanes[8] bytes 1 pieces 2 step 8 : !vmcu.sequence<64x8xi8> to memref<16xi16>
  return
}

// -----

func.func @widen_c2_before(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<16xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{stores lanes -1 to 7 of 'memref<16xi16>'}}
  vmcu.widen %x[%i, %i] to %lanes[-1] bytes 8 : !vmcu.sequence<64x8xi8> to memref<16xi16>
  return
}

// -----

func.func @widen_c2_fours(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<14xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{stores lanes 0 to 8 of 'memref<14xi16>', expected static ones, a multiple of 4}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 8 : !vmcu.sequence<64x8xi8> to memref<14xi16>
  return
}

// -----

func.func @widen_c2_dynamic(%x: !vmcu.sequence<64x8xi8>, %lanes: memref<?xi16>, %i: index, %g: i1) {
  // expected-error@+1 {{stores lanes 0 to 8 of 'memref<?xi16>', expected static ones}}
  vmcu.widen %x[%i, %i] to %lanes[0] bytes 8 : !vmcu.sequence<64x8xi8> to memref<?xi16>
  return
}

// -----

func.func @matmul_c1_lanes_from_a_segment(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{takes lanes, or one pixel from a segment of a sequence on}}
  vmcu.matmul %lanes[%i] times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c1_no_segment(%x: !vmcu.sequence<64x8xi8>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{takes lanes, or one pixel from a segment of a sequence on}}
  vmcu.matmul %x times %w, %b, %m, %s into %y[%i] pixels 1 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : !vmcu.sequence<64x8xi8>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c1_unsigned_lanes(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{takes unsigned bytes of a sequence; lanes are extended already}}
  vmcu.matmul unsigned %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c1_two_pixels_of_bytes(%x: !vmcu.sequence<64x8xi8>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{takes lanes, or one pixel from a segment of a sequence on}}
  vmcu.matmul %x[%i] times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : !vmcu.sequence<64x8xi8>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c2(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>) {
  // expected-error@+1 {{has 3 constants, expected weights, bias, multiplier, shift}}
  vmcu.matmul %lanes times %w, %b, %m into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_channels(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<5x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has weights 'tensor<5x8xi8>' for 4 channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<5x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_weights_depth(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x12xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has weights 'tensor<4x12xi8>' for 4 channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x12xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_bias(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<1xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has constants 'tensor<1xi32>' for 4 channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<1xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_multiplier(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<2xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has constants 'tensor<2xi32>' for 4 channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<2xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_shift(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<5xi8>) {
  // expected-error@+1 {{has constants 'tensor<5xi8>' for 4 channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<5xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_depth(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x6xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has depth 6, which is no positive multiple of 4}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 6 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x6xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c3_no_depth(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x0xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has depth 0, which is no positive multiple of 4}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 0 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x0xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c4_reach(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{reads 2 pixels of 8 lanes, 9 apart, from 'memref<16xi16>'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 9 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c4_pixels(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{reads 4 pixels of 8 lanes, 4 apart, from 'memref<16xi16>'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 4 pitch 4 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c4_dynamic(%lanes: memref<?xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{reads 2 pixels of 8 lanes, 8 apart, from 'memref<?xi16>'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<?xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c5_empty(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{clamps to 5 to 4, which is no range of int8}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp 5 to 4 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c5_element(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{clamps to -129 to 127, which is no range of int8}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -129 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c6_zero(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{unrolls 0 lanes, which is no positive multiple of 4}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 unroll 0 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c6_fours(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{unrolls 6 lanes, which is no positive multiple of 4}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 unroll 6 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @depthwise_c1(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{has 1 guards for 2 rows}}
  vmcu.depthwise %x[%i, %i] if(%g) with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c2(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>) {
  // expected-error@+1 {{has 2 constants, expected weights, bias, multiplier, shift}}
  vmcu.depthwise %x[%i, %i] with %w, %b into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c3_segments(%x: !vmcu.sequence<36x4xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{reads segments of 4 bytes and stores some of 8}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x4xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c3_rows(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<3x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{has weights 'tensor<3x3x8xi8>' for 8 channels}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<3x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c3_window(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{has weights 'tensor<2x3x8xi8>' for 8 channels}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 5 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c3_bias(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<1xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{has constants 'tensor<1xi32>' for 8 channels}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<1xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c3_shift(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<7xi8>) {
  // expected-error@+1 {{has constants 'tensor<7xi8>' for 8 channels}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<7xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_stride(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{needs rows, and a positive window, stride and columns}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 0 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_tile(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{makes 0 columns together}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127 tile 0
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_columns(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{needs rows, and a positive window, stride and columns}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 0 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_out_columns(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{needs rows, and a positive window, stride and columns}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to -1 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_rows(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<0x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{needs rows, and a positive window, stride and columns}}
  vmcu.depthwise %x[] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<0x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c5_empty(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{clamps to 1 to 0, which is no range of int8}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp 1 to 0
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c5_element(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index, %g: i1,
    %w: tensor<2x3x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{clamps to 0 to 256, which is no range of int8 or uint8}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp 0 to 256
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @matmul_c2_weights(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xf32>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has constants 'tensor<4x8xf32>', expected elements 'i8'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xf32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c2_bias(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi64>, %m: tensor<4xi32>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has constants 'tensor<4xi64>', expected elements 'i32'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi64>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c2_multiplier(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi8>, %s: tensor<4xi8>) {
  // expected-error@+1 {{has constants 'tensor<4xi8>', expected elements 'i32'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi8>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c2_shift(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi32>) {
  // expected-error@+1 {{has constants 'tensor<4xi32>', expected elements 'i8'}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c7_words(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %r: tensor<21xi32>) {
  // expected-error@+1 {{has a record 'tensor<21xi32>', expected 'tensor<20xi32>'}}
  vmcu.matmul %lanes times %r into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<21xi32> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c7_element(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %r: tensor<20xf32>) {
  // expected-error@+1 {{has a record 'tensor<20xf32>', expected 'tensor<20xi32>'}}
  vmcu.matmul %lanes times %r into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<20xf32> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @matmul_c7_rank(%lanes: memref<16xi16>, %y: !vmcu.sequence<64x4xi8>, %i: index,
    %r: tensor<2x10xi32>) {
  // expected-error@+1 {{has a record 'tensor<2x10xi32>', expected 'tensor<20xi32>'}}
  vmcu.matmul %lanes times %r into %y[%i] pixels 2 pitch 8 depth 8 round double zero_point 0
    clamp -128 to 127 : memref<16xi16>, tensor<2x10xi32> into !vmcu.sequence<64x4xi8>
  return
}

// -----

func.func @depthwise_c2_weights(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %w: tensor<2x3x8xi16>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{has constants 'tensor<2x3x8xi16>', expected elements 'i8'}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x3x8xi16>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c4_no_window(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %w: tensor<2x0x8xi8>, %b: tensor<8xi32>, %m: tensor<8xi32>, %s: tensor<8xi8>) {
  // expected-error@+1 {{needs rows, and a positive window, stride and columns}}
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 0 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<2x0x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c6_every_tap(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %r: tensor<55xi32>) {
  // expected-error@+1 {{has a record 'tensor<55xi32>', expected 'tensor<56xi32>'}}
  vmcu.depthwise %x[%i, %i] with %r into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<55xi32> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c6_every_second_tap(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %r: tensor<56xi32>) {
  // expected-error@+1 {{has a record 'tensor<56xi32>', expected 'tensor<72xi32>'}}
  vmcu.depthwise %x[%i, %i] with %r into %y[%i] window 5 stride 2 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<56xi32> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c6_single_tap(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %r: tensor<56xi32>) {
  // expected-error@+1 {{has a record 'tensor<56xi32>', expected 'tensor<40xi32>'}}
  vmcu.depthwise %x[%i, %i] with %r into %y[%i] window 1 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<56xi32> into !vmcu.sequence<36x8xi8>
  return
}

// -----

func.func @depthwise_c6_element(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %i: index,
    %r: tensor<56xi8>) {
  // expected-error@+1 {{has a record 'tensor<56xi8>', expected 'tensor<56xi32>'}}
  vmcu.depthwise %x[%i, %i] with %r into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
    round double zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<56xi8> into !vmcu.sequence<36x8xi8>
  return
}
