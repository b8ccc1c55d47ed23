// RUN: vmcu-opt %s --vmcu-plan="streams=false ram=32" --verify-diagnostics --split-input-file

// expected-error@+1 {{the pool needs 96 bytes of RAM, 32 are allowed; kernel copy at layer}}
module {
  func.func @ram_too_small(%x: tensor<32xi8>, %y: tensor<32xi8>) -> (tensor<32xi8>, tensor<32xi8>) {
    %0 = vmcu.kernel @copy buffer ins(%x : tensor<32xi8>) -> tensor<32xi8> {
    ^bb0(%in: tensor<32xi8>):
      vmcu.yield %in : tensor<32xi8>
    }
    return %0, %y : tensor<32xi8>, tensor<32xi8>
  }
}

// -----

func.func @without_kernels(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{'tensor.empty' is in no kernel; run vmcu-form-kernels first}}
  %0 = tensor.empty() : tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

func.func @wrong_kind(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a conv2d kernel}}
  %0 = vmcu.kernel @k conv2d ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%in: tensor<4xi8>):
    vmcu.yield %in : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}

// -----

func.func private @f(tensor<4xi8>) -> tensor<4xi8>
func.func @call(%x: tensor<4xi8>) -> tensor<4xi8> {
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%in: tensor<4xi8>):
    // expected-error@+1 {{func.call is in kernel k; supported is a model in one function}}
    %1 = func.call @f(%in) : (tensor<4xi8>) -> tensor<4xi8>
    vmcu.yield %1 : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}

// -----

func.func @planned() {
  // expected-error@+1 {{is planned already; vmcu-plan takes kernels on tensors}}
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  return
}

// -----

func.func @elements(%x: tensor<4xi8>) -> tensor<4xi48> {
  // expected-error@+1 {{has a tensor tensor<4xi48>: elements of a sequence are signless integers of 1, 8, 16, 32 or 64 bits}}
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi48> {
  ^bb0(%in: tensor<4xi8>):
    %1 = arith.extsi %in : tensor<4xi8> to tensor<4xi48>
    vmcu.yield %1 : tensor<4xi48>
  }
  return %0 : tensor<4xi48>
}

// -----

// expected-error@+1 {{has a tensor tensor<4xindex>: elements of a sequence are}}
func.func @input_elements(%x: tensor<4xindex>) {
  return
}
