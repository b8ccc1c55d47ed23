// RUN: vmcu-opt %s --vmcu-form-kernels --verify-diagnostics --split-input-file

// expected-error@+1 {{kernels need tensors of static shape, found tensor<?x4xi8>}}
func.func @dynamic_argument(%x: tensor<?x4xi8>) -> tensor<?x4xi8> {
  return %x : tensor<?x4xi8>
}

// -----

func.func @dynamic_result(%x: tensor<4xi8>, %n: tensor<1xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{kernels need tensors of static shape, found tensor<?xi8>}}
  %0 = tensor.cast %x : tensor<4xi8> to tensor<?xi8>
  %1 = tensor.cast %0 : tensor<?xi8> to tensor<4xi8>
  return %1 : tensor<4xi8>
}

// -----

// expected-error@+1 {{kernels need tensors of static shape, found memref<4xi8>}}
func.func @buffers(%x: memref<4xi8>) {
  return
}

// -----

func.func @constant_result(%x: tensor<4xi8>) -> tensor<4xi8> {
  %0 = arith.constant dense<7> : tensor<4xi8>
  // expected-error@+1 {{returns a constant; supported are tensors that depend on the input}}
  return %0 : tensor<4xi8>
}
