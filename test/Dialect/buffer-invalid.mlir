// What a buffer refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @buffer_c1(%x: !vmcu.sequence<4x8xi8, ring = 2>) {
  // expected-error@+1 {{needs a resident sequence, found a ring of 2 segments}}
  %0 = vmcu.buffer %x[0] : !vmcu.sequence<4x8xi8, ring = 2> -> memref<4xi8>
  return
}

// -----

func.func @buffer_c2_dynamic(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs integers or floats, a static shape and identity layout, found 'memref<?xi8>'}}
  %0 = vmcu.buffer %x[0] : !vmcu.sequence<4x8xi8> -> memref<?xi8>
  return
}

// -----

func.func @buffer_c2_elements(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs integers or floats, a static shape and identity layout, found 'memref<4xindex>'}}
  %0 = vmcu.buffer %x[0] : !vmcu.sequence<4x8xi8> -> memref<4xindex>
  return
}

// -----

func.func @buffer_c2_layout(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs integers or floats, a static shape and identity layout}}
  %0 = vmcu.buffer %x[0] : !vmcu.sequence<4x8xi8> -> memref<4xi8, strided<[2]>>
  return
}

// -----

func.func @buffer_c3(%x: !vmcu.sequence<4x8xi32>) {
  // expected-error@+1 {{sees elements 'i8' in a sequence of 'i32'}}
  %0 = vmcu.buffer %x[0] : !vmcu.sequence<4x8xi32> -> memref<4xi8>
  return
}

// -----

func.func @buffer_c2_inside(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{puts 32 bytes at offset 4 of a sequence of 32}}
  %0 = vmcu.buffer %x[4] : !vmcu.sequence<4x8xi8> -> memref<2x4xi32>
  return
}
