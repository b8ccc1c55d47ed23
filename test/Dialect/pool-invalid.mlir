// What the pool and the places in it refuse; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @pool_c2() {
  // expected-note@+1 {{the first one is here}}
  %0 = vmcu.pool : !vmcu.pool<64>
  // expected-error@+1 {{is the second pool of its block}}
  %1 = vmcu.pool : !vmcu.pool<64>
  return
}

// -----

func.func @place_c1_end(%pool: !vmcu.pool<64>) {
  // expected-error@+1 {{puts 32 bytes at offset 33 of a pool of 64}}
  %0 = vmcu.place %pool[33] : !vmcu.pool<64> -> !vmcu.sequence<8x8xi8, ring = 4>
  return
}

// -----

func.func @place_c1_negative(%pool: !vmcu.pool<64>) {
  // expected-error@+1 {{puts 8 bytes at offset -1 of a pool of 64}}
  %0 = vmcu.place %pool[-1] : !vmcu.pool<64> -> !vmcu.sequence<1x8xi8>
  return
}

// -----

func.func @place_c2_negative(%pool: !vmcu.pool<64>) {
  // expected-error@+1 {{has number -1, expected 0 or more}}
  %0 = vmcu.place %pool[0] as output -1 : !vmcu.pool<64> -> !vmcu.sequence<1x8xi8>
  return
}

// -----

func.func @place_c2_no_role(%pool: !vmcu.pool<64>) {
  // expected-error@+1 {{has number 1 without a role}}
  %0 = "vmcu.place"(%pool) {offset = 0, number = 1} : (!vmcu.pool<64>) -> !vmcu.sequence<1x8xi8>
  return
}

// -----

func.func @view_c1(%x: !vmcu.sequence<8x8xi8, ring = 4>) {
  // expected-error@+1 {{sees 128 bytes in a tensor of 64}}
  %0 = vmcu.view %x : !vmcu.sequence<8x8xi8, ring = 4> -> !vmcu.sequence<16x8xi8, ring = 4>
  return
}

// -----

func.func @view_c1_elements(%x: !vmcu.sequence<8x8xi8>) {
  // expected-error@+1 {{sees elements 'i32' in a tensor of 'i8'}}
  %0 = vmcu.view %x : !vmcu.sequence<8x8xi8> -> !vmcu.sequence<8x2xi32>
  return
}

// -----

func.func @view_c2(%x: !vmcu.sequence<8x8xi8, ring = 4>) {
  // expected-error@+1 {{sees 16 bytes of the pool in a sequence that occupies 32}}
  %0 = vmcu.view %x : !vmcu.sequence<8x8xi8, ring = 4> -> !vmcu.sequence<16x4xi8, ring = 4>
  return
}

// -----

func.func @view_c3_negative(%x: !vmcu.sequence<8x8xi8>) {
  // expected-error@+1 {{has number -1, expected 0 or more}}
  %0 = vmcu.view %x as output -1 : !vmcu.sequence<8x8xi8> -> !vmcu.sequence<8x8xi8>
  return
}

// -----

func.func @view_c3_no_role(%x: !vmcu.sequence<8x8xi8>) {
  // expected-error@+1 {{has number 1 without a role}}
  %0 = "vmcu.view"(%x) {number = 1} : (!vmcu.sequence<8x8xi8>) -> !vmcu.sequence<8x8xi8>
  return
}
