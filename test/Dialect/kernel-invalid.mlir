// What a kernel refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @kernel_c1_mixed_inputs(%x: tensor<4xi8>, %y: !vmcu.sequence<4x1>) {
  // expected-error@+1 {{mixes tensors and sequences among its inputs}}
  vmcu.kernel "k" elementwise ins(%x, %y : tensor<4xi8>, !vmcu.sequence<4x1>) {
  ^bb0(%a: tensor<4xi8>, %b: tensor<4xi8>):
  }
  return
}

// -----

func.func @kernel_c1_tensors_with_outs(%x: tensor<4xi8>, %y: !vmcu.sequence<4x1>) {
  // expected-error@+1 {{has 'outs' but reads tensors}}
  vmcu.kernel "k" elementwise ins(%x : tensor<4xi8>) outs(%y : !vmcu.sequence<4x1>) {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c1_sequences_without_outs(%x: !vmcu.sequence<4x1>) {
  // expected-error@+1 {{on sequences stores to at least one 'outs'}}
  vmcu.kernel "k" elementwise ins(%x : !vmcu.sequence<4x1>) {
  ^bb0(%a: !vmcu.sequence<4x1>):
  }
  return
}

// -----

func.func @kernel_c1_sequences_with_results(%x: !vmcu.sequence<4x1>) {
  // expected-error@+1 {{on sequences has no results, found 1}}
  %0 = vmcu.kernel "k" elementwise ins(%x : !vmcu.sequence<4x1>) outs(%x : !vmcu.sequence<4x1>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c2_workspace(%x: tensor<4xi8>, %ws: !vmcu.sequence<4x1>) {
  // expected-error@+1 {{on tensors takes no 'outs' and no 'workspace'}}
  %0 = vmcu.kernel "k" elementwise ins(%x : tensor<4xi8>) workspace(%ws : !vmcu.sequence<4x1>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c2_arguments(%x: tensor<4xi8>) {
  // expected-error@+1 {{on tensors needs body arguments of its inputs' types}}
  %0 = vmcu.kernel "k" elementwise ins(%x : tensor<4xi8>) -> tensor<2xi8> {
  ^bb0(%a: tensor<2xi8>):
    vmcu.yield %a : tensor<2xi8>
  }
  return
}

// -----

func.func @kernel_c2_results(%x: tensor<4xi8>) {
  %0 = vmcu.kernel "k" elementwise ins(%x : tensor<4xi8>) -> tensor<2xi8> {
  ^bb0(%a: tensor<4xi8>):
    // expected-error@+1 {{yields types that differ from the results of its kernel 'k'}}
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @yield_outside(%x: tensor<4xi8>) {
  // expected-error@+1 {{expects parent op 'vmcu.kernel'}}
  vmcu.yield %x : tensor<4xi8>
}
