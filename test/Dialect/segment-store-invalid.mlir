// What stores and frees of segments refuse; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @segment_store_c1_segment(%v: vector<1x8xi8>, %y: !vmcu.sequence<4x4xi8>, %i: index) {
  // expected-error@+1 {{stores 8 bytes of rows of 8 into segments of 4}}
  vmcu.segment_store %v, %y[%i, %i] : vector<1x8xi8>, !vmcu.sequence<4x4xi8>
  return
}

// -----

func.func @segment_store_c1_row(%v: vector<1x4xi8>, %y: !vmcu.sequence<4x8xi8>, %i: index) {
  // expected-error@+1 {{stores 5 bytes of rows of 4 into segments of 8}}
  vmcu.segment_store %v, %y[%i, %i] valid 5 : vector<1x4xi8>, !vmcu.sequence<4x8xi8>
  return
}

// -----

func.func @segment_store_c2(%v: vector<3x4xi8>, %y: !vmcu.sequence<4x8xi8>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  // expected-error@+1 {{touches 3 rows of 4 bytes, from byte 0 of segment 2 on; not all lie in a sequence of 4x8}}
  vmcu.segment_store %v, %y[%c2, %c0] : vector<3x4xi8>, !vmcu.sequence<4x8xi8>
  return
}

// -----

func.func @segment_store_c3(%v: vector<1x8xi8>, %y: !vmcu.sequence<4x8xi8>, %i: index) {
  %c4 = arith.constant 4 : index
  // expected-error@+1 {{stores 8 bytes from byte 4 of segments of 8}}
  vmcu.segment_store %v, %y[%i, %c4] : vector<1x8xi8>, !vmcu.sequence<4x8xi8>
  return
}

// -----

func.func @segment_free_c1_beyond(%x: !vmcu.sequence<4x8xi8>) {
  %c5 = arith.constant 5 : index
  // expected-error@+1 {{names segment 5 of a sequence of 4}}
  vmcu.segment_free %x before %c5 : !vmcu.sequence<4x8xi8>
  return
}

// -----

func.func @segment_free_c1_negative(%x: !vmcu.sequence<4x8xi8>) {
  %minus = arith.constant -1 : index
  // expected-error@+1 {{names segment -1 of a sequence of 4}}
  vmcu.segment_free %x from %minus : !vmcu.sequence<4x8xi8>
  return
}

// -----

func.func @segment_store_c4(%v: vector<1x4xi8>, %y: !vmcu.sequence<4x2xi16>, %i: index) {
  // expected-error@+1 {{stores elements 'i8', the sequence has 'i16'}}
  vmcu.segment_store %v, %y[%i, %i] : vector<1x4xi8>, !vmcu.sequence<4x2xi16>
  return
}
