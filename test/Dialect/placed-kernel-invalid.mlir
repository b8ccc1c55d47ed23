// What a placed kernel refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @placed_kernel_c1_input_bytes(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{input 0 is a sequence of 32 bytes, its tensor 'tensor<4x7xi8>' has 28}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<4x7xi8>):
    vmcu.yield %a : tensor<4x7xi8>
  }
  return
}

// -----

func.func @placed_kernel_c1_output_bytes(%x: !vmcu.sequence<4x2xi32>, %y: !vmcu.sequence<8x1xi32>, %z: !vmcu.sequence<2x5xi32>) {
  // expected-error@+1 {{output 1 is a sequence of 40 bytes, its tensor 'tensor<8xi32>' has 32}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x2xi32>) outs(%y, %z : !vmcu.sequence<8x1xi32>, !vmcu.sequence<2x5xi32>) {
  ^bb0(%a: tensor<8xi32>):
    vmcu.yield %a, %a : tensor<8xi32>, tensor<8xi32>
  }
  return
}

// -----

func.func @placed_kernel_c1_elements(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{input 0 is a sequence of 'i8', its tensor 'tensor<8xi32>' has elements 'i32'}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<8xi32>):
    vmcu.yield %a : tensor<8xi32>
  }
  return
}

// -----

func.func @placed_kernel_c1_arguments(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{has 1 input sequences for 2 tensors of its body}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<32xi8>, %b: tensor<32xi8>):
    vmcu.yield %a : tensor<32xi8>
  }
  return
}

// -----

func.func @placed_kernel_c1_dynamic(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs static tensors of integers or floats in its body, found 'tensor<?x8xi8>'}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<?x8xi8>):
    vmcu.yield %a : tensor<?x8xi8>
  }
  return
}

// -----

func.func @placed_kernel_c1_index_elements(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{needs static tensors of integers or floats in its body, found 'tensor<8xindex>'}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<8xindex>):
    vmcu.yield %a : tensor<8xindex>
  }
  return
}

// -----

func.func @placed_kernel_c1_beyond_64_bits(%x: !vmcu.sequence<4x1xi64>) {
  // expected-error@+1 {{input 0 is a sequence of 32 bytes, its tensor 'tensor<4611686018427387904x8xi64>' has 18446744073709551615}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x1xi64>) outs(%x : !vmcu.sequence<4x1xi64>) {
  ^bb0(%a: tensor<4611686018427387904x8xi64>):
    vmcu.yield %a : tensor<4611686018427387904x8xi64>
  }
  return
}

// -----

func.func @no_block(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{region with 1 blocks}}
  "vmcu.placed_kernel"(%x, %x) ({
  }) {name = "k", kind = #vmcu<kind pool>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}
    : (!vmcu.sequence<4x8xi8>, !vmcu.sequence<4x8xi8>) -> ()
  return
}

// -----

func.func @placed_kernel_c3(%x: !vmcu.sequence<4x8xi8>, %row: index) {
  vmcu.stream from 0 to 4 {
    // expected-error@+1 {{has a row and a phase; supported is one of them}}
    vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> row(%row) ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
    ^bb0(%a: tensor<4x8xi8>):
      vmcu.yield %a : tensor<4x8xi8>
    }
  }
  return
}

// -----

func.func @placed_kernel_c4(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{stores to at least one sequence of 'outs'}}
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<4x8xi8>):
    vmcu.yield
  }
  return
}

// -----

func.func @placed_kernel_c5(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{is named 'a-b'; a name has letters, digits and '_'}}
  vmcu.placed_kernel @"a-b" elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<4x8xi8>):
    vmcu.yield %a : tensor<4x8xi8>
  }
  return
}

// -----

func.func @tensors(%x: tensor<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{operand #0 must be variadic of A virtual array of segments}}
  "vmcu.placed_kernel"(%x, %y) <{name = "k", kind = #vmcu<kind pool>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
  ^bb0(%a: tensor<4x8xi8>):
    vmcu.yield %a : tensor<4x8xi8>
  }) : (tensor<4x8xi8>, !vmcu.sequence<4x8xi8>) -> ()
  return
}
