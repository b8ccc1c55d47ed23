// What a load of segments refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @segment_load_c1(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{loads rows of 6 bytes, which is not a multiple of 4}}
  %0 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<1x6xi8>
  return
}

// -----

func.func @segment_load_c2_none(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{has 0 valid bytes in rows of 4}}
  %0 = vmcu.segment_load %x[%i, %i] valid 0 : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c2_too_many(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{has 5 valid bytes in rows of 4}}
  %0 = vmcu.segment_load %x[%i, %i] valid 5 : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c3_one_guard(%x: !vmcu.sequence<4x8xi8>, %i: index, %g: i1) {
  // expected-error@+1 {{has 1 guards for 2 rows}}
  %0 = vmcu.segment_load %x[%i, %i] if (%g) else 0 : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  return
}

// -----

func.func @segment_load_c3_no_pad(%x: !vmcu.sequence<4x8xi8>, %i: index, %g: i1) {
  // expected-error@+1 {{needs guards and a pad value together}}
  %0 = "vmcu.segment_load"(%x, %i, %i, %g) <{operandSegmentSizes = array<i32: 1, 1, 0, 1, 1>}> : (!vmcu.sequence<4x8xi8>, index, index, i1) -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c3_no_guard(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{needs guards and a pad value together}}
  %0 = "vmcu.segment_load"(%x, %i, %i) <{operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>, pad = 0 : i8}> : (!vmcu.sequence<4x8xi8>, index, index) -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c4_end(%x: !vmcu.sequence<4x8xi8>) {
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  // expected-error@+1 {{touches 2 rows of 4 bytes, from byte 5 of segment 2 on; not all lie in a sequence of 4x8}}
  %0 = vmcu.segment_load %x[%c2, %c5] : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  return
}

// -----

func.func @segment_load_c4_negative(%x: !vmcu.sequence<4x8xi8>) {
  %c0 = arith.constant 0 : index
  %minus = arith.constant -1 : index
  // expected-error@+1 {{touches 1 rows of 4 bytes, from byte 0 of segment -1 on}}
  %0 = vmcu.segment_load %x[%minus, %c0] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c4_beyond_64_bits(%x: !vmcu.sequence<4x8xi8>) {
  %c0 = arith.constant 0 : index
  %far = arith.constant 2305843009213693952 : index
  // expected-error@+1 {{from byte 0 of segment 2305843009213693952 on}}
  %0 = vmcu.segment_load %x[%far, %c0] : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c5_end(%x: !vmcu.sequence<4x8xi8, ring = 2>, %i: index) {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{reads rows of 20 bytes in a ring of 16}}
  %0 = vmcu.segment_load %x[%i, %c0] : !vmcu.sequence<4x8xi8, ring = 2> -> vector<1x20xi8>
  return
}

// -----

func.func @segment_load_c5_negative(%x: !vmcu.sequence<4x8xi8, ring = 2>, %i: index) {
  %minus = arith.constant -4 : index
  // expected-error@+1 {{reads from byte -4 of a segment}}
  %0 = vmcu.segment_load %x[%i, %minus] : !vmcu.sequence<4x8xi8, ring = 2> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_c6(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{has stride 0, expected 1 or more}}
  %0 = vmcu.segment_load %x[%i, %i] stride 0 : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  return
}

// -----

func.func @segment_load_c7(%x: !vmcu.sequence<8x8xi8, ring = 4>, %i: index) {
  // expected-error@+1 {{reads 3 rows with stride 2 of a ring of 4 segments}}
  %0 = vmcu.segment_load %x[%i, %i] stride 2 : !vmcu.sequence<8x8xi8, ring = 4> -> vector<3x4xi8>
  return
}

// -----

func.func @scalable_tile(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{must be vector of rank 2 of i8, but got 'vector<[4]x4xi8>'}}
  %0 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x8xi8> -> vector<[4]x4xi8>
  return
}

// -----

func.func @segment_load_c8(%x: !vmcu.sequence<4x2xi16>, %i: index) {
  // expected-error@+1 {{loads elements 'i8', the sequence has 'i16'}}
  %0 = vmcu.segment_load %x[%i, %i] : !vmcu.sequence<4x2xi16> -> vector<1x4xi8>
  return
}

// -----

func.func @segment_load_flipped_words(%x: !vmcu.sequence<4x8xi32>, %i: index) {
  // expected-error@+1 {{'vmcu.segment_load' op result #0 must be}}
  %0 = vmcu.segment_load flipped %x[%i, %i] : !vmcu.sequence<4x8xi32> -> vector<1x4xi32>
  return
}
