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

// -----

func.func private @log()
func.func @effects(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{func.call has effects besides its results; supported are computations on tensors}}
  func.call @log() : () -> ()
  return %x : tensor<4xi8>
}

// -----

func.func private @log(tensor<4xi8>) -> tensor<4xi8>
func.func @effects_whose_result_nobody_reads(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{func.call has effects besides its results}}
  %0 = func.call @log(%x) : (tensor<4xi8>) -> tensor<4xi8>
  return %x : tensor<4xi8>
}

// -----

func.func private @log()
func.func @effects_within(%x: tensor<4xi8>, %n: tensor<1xi8>) -> tensor<4xi8> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error@+1 {{scf.for has effects besides its results}}
  scf.for %i = %c0 to %c1 step %c1 {
    func.call @log() : () -> ()
  }
  return %x : tensor<4xi8>
}

// -----

func.func @planned() {
  // expected-error@+1 {{is planned already; vmcu-form-kernels takes linalg on tensors}}
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  return
}

// -----

func.func @tosa(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{tosa.clamp is TOSA; run vmcu-tosa-to-linalg first}}
  %0 = tosa.clamp %x {min_val = 0 : i8, max_val = 9 : i8} : (tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

// expected-error@+1 {{has 2 blocks; supported is a function of one block}}
func.func @blocks(%x: tensor<4xi8>) -> tensor<4xi8> {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xi8>
}
