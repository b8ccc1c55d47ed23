// What a tiled kernel refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @tiled_kernel_c1_no_workspace(%x: !vmcu.sequence<4x8xi8>, %ws: !vmcu.sequence<1x4xi8>) {
  // expected-error@+1 {{needs body arguments of the types of 'ins', 'outs', 'workspace' and 'row'}}
  vmcu.tiled_kernel @k buffer ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) workspace(%ws : !vmcu.sequence<1x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @tiled_kernel_c1_order(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<8x4xi8>) {
  // expected-error@+1 {{needs body arguments of the types of 'ins', 'outs', 'workspace' and 'row'}}
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%out: !vmcu.sequence<8x4xi8>, %in: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @tiled_kernel_c2(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{stores to at least one sequence of 'outs'}}
  vmcu.tiled_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @tiled_kernel_c3(%x: !vmcu.sequence<4x8xi8>) {
  // expected-note@+1 {{the other one is here}}
  vmcu.tiled_kernel @twice elementwise outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%out: !vmcu.sequence<4x8xi8>):
  }
  // expected-error@+1 {{has the name of another kernel, 'twice'}}
  vmcu.tiled_kernel @twice elementwise outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%out: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

func.func @yields(%x: tensor<4xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.tiled_kernel @k elementwise outs(%y : !vmcu.sequence<4x8xi8>) {
  ^bb0(%out: !vmcu.sequence<4x8xi8>):
    // expected-error@+1 {{expects parent op to be one of 'vmcu.kernel, vmcu.placed_kernel'}}
    vmcu.yield
  }
  return
}
