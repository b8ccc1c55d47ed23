// What a kernel refuses; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @kernel_c1_arguments(%x: tensor<4xi8>) {
  // expected-error@+1 {{needs body arguments of its inputs' types}}
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<4xi8>) -> tensor<2xi8> {
  ^bb0(%a: tensor<2xi8>):
    vmcu.yield %a : tensor<2xi8>
  }
  return
}

// -----

func.func @kernel_c1_results(%x: tensor<4xi8>) {
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<4xi8>) -> tensor<2xi8> {
  ^bb0(%a: tensor<4xi8>):
    // expected-error@+1 {{yields types that differ from the results of its kernel 'k'}}
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @yield_outside(%x: tensor<4xi8>) {
  // expected-error@+1 {{expects parent op to be one of 'vmcu.kernel, vmcu.placed_kernel'}}
  vmcu.yield %x : tensor<4xi8>
}

// -----

func.func @kernel_c2_kernel(%x: tensor<4xi8>) {
  // expected-note@+1 {{the kernel is here}}
  %0 = vmcu.kernel @outer buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    // expected-error@+1 {{is in the body of a kernel, which holds no kernel, stream, pool, place or view}}
    %1 = vmcu.kernel @inner elementwise ins(%a : tensor<4xi8>) -> tensor<4xi8> {
    ^bb0(%b: tensor<4xi8>):
      vmcu.yield %b : tensor<4xi8>
    }
    vmcu.yield %1 : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c2_pool(%x: tensor<4xi8>) {
  // expected-note@+1 {{the kernel is here}}
  %0 = vmcu.kernel @outer buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    // expected-error@+1 {{'vmcu.pool' op is in the body of a kernel}}
    %pool = vmcu.pool : !vmcu.pool<64>
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c2_place(%x: tensor<4xi8>, %y: tensor<!vmcu.pool<64>>) {
  // expected-note@+1 {{the kernel is here}}
  vmcu.kernel @outer buffer ins(%y : tensor<!vmcu.pool<64>>) {
  ^bb0(%a: tensor<!vmcu.pool<64>>):
    %pool = tensor.extract %a[] : tensor<!vmcu.pool<64>>
    // expected-error@+1 {{'vmcu.place' op is in the body of a kernel}}
    %0 = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8>
    vmcu.yield
  }
  return
}

// -----

func.func @kernel_c2_view(%x: !vmcu.sequence<4x8xi8>) {
  // expected-note@+1 {{the kernel is here}}
  vmcu.tiled_kernel @outer buffer ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: !vmcu.sequence<4x8xi8>, %b: !vmcu.sequence<4x8xi8>):
    // expected-error@+1 {{'vmcu.view' op is in the body of a kernel}}
    %0 = vmcu.view %a : !vmcu.sequence<4x8xi8> -> !vmcu.sequence<8x4xi8>
  }
  return
}

// -----

func.func @kernel_c2_stream(%x: tensor<4xi8>) {
  // expected-note@+1 {{the kernel is here}}
  %0 = vmcu.kernel @outer buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    // expected-error@+1 {{'vmcu.stream' op is in the body of a kernel}}
    vmcu.stream from 0 to 3 {
    }
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c3_empty(%x: tensor<4xi8>) {
  // expected-error@+1 {{is named ''; a name has letters, digits and '_', at least one}}
  %0 = "vmcu.kernel"(%x) <{name = "", kind = #vmcu<kind buffer>}> ({
  ^bb0(%a: tensor<4xi8>):
    "vmcu.yield"(%a) : (tensor<4xi8>) -> ()
  }) : (tensor<4xi8>) -> tensor<4xi8>
  return
}

// -----

func.func @kernel_c3_letters(%x: tensor<4xi8>) {
  // expected-error@+1 {{is named 'a-b'; a name has letters, digits and '_'}}
  %0 = vmcu.kernel @"a-b" buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c4(%x: tensor<4xi8>) {
  // expected-note@+1 {{the other one is here}}
  %0 = vmcu.kernel @twice buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  // expected-error@+1 {{has the name of another kernel, 'twice'}}
  %1 = vmcu.kernel @twice buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%a: tensor<4xi8>):
    vmcu.yield %a : tensor<4xi8>
  }
  return
}

// -----

func.func @kernel_c4_in_a_stream(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.stream from 0 to 4 {
    // expected-note@+1 {{the other one is here}}
    vmcu.placed_kernel @twice elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%a: tensor<4x8xi8>):
      vmcu.yield %a : tensor<4x8xi8>
    }
  }
  // expected-error@+1 {{has the name of another kernel, 'twice'}}
  vmcu.placed_kernel @twice elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
  ^bb0(%a: tensor<4x8xi8>):
    vmcu.yield %a : tensor<4x8xi8>
  }
  return
}
