// A pass that comes too early says so at the op.
// RUN: vmcu-opt %s --split-input-file --verify-diagnostics --vmcu-lower-streams
// RUN: vmcu-opt %s --split-input-file --verify-diagnostics --vmcu-tile-to-segments

func.func @on_tensors(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{is on tensors; run vmcu-plan first}}
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%in: tensor<4xi8>):
    vmcu.yield %in : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}
