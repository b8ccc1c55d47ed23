// What a load of constants refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @flash_load_c1(%w: tensor<4x8xi8>, %i: index) {
  // expected-error@+1 {{has 1 indices for a tensor of rank 2}}
  %0 = vmcu.flash_load %w[%i] : tensor<4x8xi8> -> vector<8xi8>
  return
}

// -----

func.func @flash_load_c2(%w: tensor<4x8xi8>, %i: index) {
  // expected-error@+1 {{loads 'i32' from a tensor of 'i8'}}
  %0 = vmcu.flash_load %w[%i, %i] : tensor<4x8xi8> -> vector<8xi32>
  return
}

// -----

func.func @flash_load_c3_rank(%w: tensor<8xi8>, %i: index) {
  // expected-error@+1 {{loads a tile of rank 2 from a tensor of rank 1}}
  %0 = vmcu.flash_load %w[%i] : tensor<8xi8> -> vector<1x8xi8>
  return
}

// -----

func.func @flash_load_c3_extent(%w: tensor<4x8xi8>, %i: index) {
  // expected-error@+1 {{loads 9 from 0 on of dimension 1, which has 8 elements}}
  %0 = vmcu.flash_load %w[%i, %i] : tensor<4x8xi8> -> vector<9xi8>
  return
}

// -----

func.func @flash_load_c3_start(%w: tensor<4x8xi8>, %i: index) {
  %c3 = arith.constant 3 : index
  // expected-error@+1 {{loads 2 from 3 on of dimension 0, which has 4 elements}}
  %0 = vmcu.flash_load %w[%c3, %i] : tensor<4x8xi8> -> vector<2x8xi8>
  return
}
