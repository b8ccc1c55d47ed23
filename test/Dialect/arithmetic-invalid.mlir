// What the arithmetic on tiles refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @look_up_c1(%v: vector<1x4xi8>, %table: tensor<128xi8>) {
  // expected-error@+1 {{looks up bytes in a table of 128 entries, which has to have 256}}
  %0 = vmcu.look_up %v in %table : vector<1x4xi8>, tensor<128xi8>
  return
}

// -----

func.func @maximum_c1(%v: vector<2x8xi8>, %acc: vector<1xi32>) {
  // expected-error@+1 {{compares rows of 8 bytes with 1 words of four}}
  %0 = vmcu.maximum %v, %acc : vector<2x8xi8>, vector<1xi32>
  return
}

// -----

func.func @broadcast_c1(%v: vector<3xi32>) {
  // expected-error@+1 {{repeats rows of 3 words in a result with rows of 4}}
  %0 = vmcu.broadcast %v : vector<3xi32> -> vector<2x4xi32>
  return
}

// -----

func.func @dot_c1_depths(%a: vector<2x8xi8>, %w: vector<4x4xi8>, %acc: vector<2x4xi32>) {
  // expected-error@+1 {{multiplies pixels of depth 8 with weights of depth 4}}
  %0 = vmcu.dot %a, %w, %acc : vector<2x8xi8>, vector<4x4xi8>, vector<2x4xi32>
  return
}

// -----

func.func @dot_c1_words(%a: vector<2x6xi8>, %w: vector<4x6xi8>, %acc: vector<2x4xi32>) {
  // expected-error@+1 {{has depth 6, which is not a multiple of 4}}
  %0 = vmcu.dot %a, %w, %acc : vector<2x6xi8>, vector<4x6xi8>, vector<2x4xi32>
  return
}

// -----

func.func @dot_c2(%a: vector<2x8xi8>, %w: vector<4x8xi8>, %acc: vector<4x2xi32>) {
  // expected-error@+1 {{accumulates into 'vector<4x2xi32>', expected 2x4}}
  %0 = vmcu.dot %a, %w, %acc : vector<2x8xi8>, vector<4x8xi8>, vector<4x2xi32>
  return
}

// -----

func.func @channel_dot_c1_taps(%a: vector<3x4xi8>, %w: vector<2x4xi8>, %acc: vector<4xi32>) {
  // expected-error@+1 {{multiplies taps 'vector<3x4xi8>' with weights 'vector<2x4xi8>', expected 3x4 or packed 2x2x2x2}}
  %0 = vmcu.channel_dot %a, %w, %acc : vector<3x4xi8>, vector<2x4xi8>, vector<4xi32>
  return
}

// -----

func.func @channel_dot_c1_packed(%a: vector<4x8xi8>, %w: vector<2x2x2x2xi8>, %acc: vector<8xi32>) {
  // expected-error@+1 {{expected 4x8 or packed 2x4x2x2}}
  %0 = vmcu.channel_dot %a, %w, %acc : vector<4x8xi8>, vector<2x2x2x2xi8>, vector<8xi32>
  return
}

// -----

func.func @channel_dot_c2_words(%a: vector<3x6xi8>, %w: vector<3x6xi8>, %acc: vector<6xi32>) {
  // expected-error@+1 {{accumulates 6 channels into 'vector<6xi32>'; channels are a multiple of 4}}
  %0 = vmcu.channel_dot %a, %w, %acc : vector<3x6xi8>, vector<3x6xi8>, vector<6xi32>
  return
}

// -----

func.func @channel_dot_c2_accumulator(%a: vector<3x4xi8>, %w: vector<3x4xi8>, %acc: vector<8xi32>) {
  // expected-error@+1 {{accumulates 4 channels into 'vector<8xi32>'}}
  %0 = vmcu.channel_dot %a, %w, %acc : vector<3x4xi8>, vector<3x4xi8>, vector<8xi32>
  return
}
