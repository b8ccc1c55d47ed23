// What a kernel on sequences refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @kernel_c3_input_bytes(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{input 0 is a sequence of 32 bytes, its tensor 'tensor<4x7xi8>' has 28}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<4x7xi8>):
    vmcu.yield %a : tensor<4x7xi8>
  }
  return
}

// -----

func.func @kernel_c3_output_bytes(%x: !vmcu.sequence<4x2xi32>, %y: !vmcu.sequence<8x1xi32>, %z: !vmcu.sequence<2x5xi32>) {
  // expected-error@+1 {{output 1 is a sequence of 40 bytes, its tensor 'tensor<8xi32>' has 32}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x2xi32>) outs(%y, %z : !vmcu.sequence<8x1xi32>, !vmcu.sequence<2x5xi32>) {
  ^bb0(%a: tensor<8xi32>):
    vmcu.yield %a, %a : tensor<8xi32>, tensor<8xi32>
  }
  return
}

// -----

func.func @kernel_c3_elements(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{input 0 is a sequence of 'i8', its tensor 'tensor<8xi32>' has elements 'i32'}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<8xi32>):
    vmcu.yield %a : tensor<8xi32>
  }
  return
}

// -----

func.func @kernel_c3_arguments(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{has 1 input sequences for 2 tensors of its body}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<32xi8>, %b: tensor<32xi8>):
    vmcu.yield %a : tensor<32xi8>
  }
  return
}

// -----

func.func @kernel_c3_dynamic(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs static tensors of integers or floats in its body, found 'tensor<?x8xi8>'}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<?x8xi8>):
    vmcu.yield %a : tensor<?x8xi8>
  }
  return
}

// -----

func.func @kernel_c3_index_elements(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs static tensors of integers or floats in its body, found 'tensor<8xindex>'}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<8xindex>):
    vmcu.yield %a : tensor<8xindex>
  }
  return
}

// -----

func.func @kernel_c3_beyond_64_bits(%x: !vmcu.sequence<4x1xi64>) {
  // expected-error@+1 {{input 0 is a sequence of 32 bytes, its tensor 'tensor<4611686018427387904x8xi64>' has 18446744073709551615}}
  vmcu.kernel @k elementwise ins(%x : !vmcu.sequence<4x1xi64>) outs(%x : !vmcu.sequence<4x1xi64>) {
  ^bb0(%a: tensor<4611686018427387904x8xi64>):
    vmcu.yield %a : tensor<4611686018427387904x8xi64>
  }
  return
}

// -----

func.func @kernel_c4_no_workspace(%x: !vmcu.sequence<4x8xi8>, %ws: !vmcu.sequence<1x4xi8>) {
  // expected-error@+1 {{once tiled needs body arguments of the types of 'ins', 'outs', 'workspace' and 'row'}}
  vmcu.kernel @k buffer ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) workspace(%ws : !vmcu.sequence<1x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @kernel_c4_order(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<8x4xi8>) {
  // expected-error@+1 {{once tiled needs body arguments of the types of 'ins', 'outs', 'workspace' and 'row'}}
  vmcu.kernel @k conv2d ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%out: !vmcu.sequence<8x4xi8>, %in: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @no_block(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{region with 1 blocks}}
  "vmcu.kernel"(%x, %x) ({
  }) {name = "k", kind = #vmcu<kind pool>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}
    : (!vmcu.sequence<4x8xi8>, !vmcu.sequence<4x8xi8>) -> ()
  return
}
