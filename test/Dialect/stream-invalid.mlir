// Each rule of streams, fed rows and kernels in streams is refused with the value found.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

func.func @stream_c1(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{runs from tick 3 to tick 2}}
  vmcu.stream from 3 to 2 {
  }
  return
}

// -----

func.func @stream_c2(%x: !vmcu.sequence<4x8xi8>) {
  vmcu.stream from 0 to 2 {
    // expected-error@+1 {{'arith.constant' in a stream, which holds placed kernels, landings and settlings only}}
    %c = arith.constant 1 : index
  }
  return
}

// -----

func.func @stream_c3(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{is fed and backward; rows arrive first to last}}
  vmcu.stream backward fed(%x : !vmcu.sequence<4x8xi8>) from 0 to 3 {
    vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// -----

func.func @stream_c4() {
  // expected-error@+1 {{has a pace of 0 ticks, which is not positive}}
  vmcu.stream from 0 to 2 pace 0 {
  }
  return
}

// -----

func.func @placed_kernel_c2_missing(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.stream from 0 to 3 {
    // expected-error@+1 {{in a stream needs a phase}}
    vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// -----

func.func @placed_kernel_c2_outside(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{has a phase outside of a stream}}
  vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: tensor<1x4x1x8xi8>):
    vmcu.yield %in : tensor<1x4x1x8xi8>
  }
  return
}

// -----

func.func @feed_c1(%row: memref<12xi8>, %x: !vmcu.sequence<4x8xi8, ring = 2>, %i: index) {
  // expected-error@+1 {{copies 'memref<12xi8>' into a ring of 2 segments of 8 bytes}}
  vmcu.feed %row, %x[%i] : memref<12xi8>, !vmcu.sequence<4x8xi8, ring = 2>
  return
}

// -----

func.func @landing_c1(%l: !vmcu.sequence<4x8xi8, ring = 2>, %x: !vmcu.sequence<4x8xi8, ring = 3>, %i: index) {
  // expected-error@+1 {{joins a landing '!vmcu.sequence<4x8xi8, ring = 2>' and a ring '!vmcu.sequence<4x8xi8, ring = 3>'}}
  %v = vmcu.landing %l, %x[%i] : !vmcu.sequence<4x8xi8, ring = 2>, !vmcu.sequence<4x8xi8, ring = 3>
  return
}

// -----

func.func @landing_c1_elements(%l: !vmcu.sequence<4x4xi16, ring = 1>, %x: !vmcu.sequence<4x8xi8, ring = 3>, %i: index) {
  // expected-error@+1 {{joins a landing '!vmcu.sequence<4x4xi16, ring = 1>' and a ring '!vmcu.sequence<4x8xi8, ring = 3>'}}
  %v = vmcu.landing %l, %x[%i] : !vmcu.sequence<4x4xi16, ring = 1>, !vmcu.sequence<4x8xi8, ring = 3>
  return
}

// -----

func.func @landing_c2(%l: !vmcu.sequence<4x8xi8, ring = 1>, %x: !vmcu.sequence<4x8xi8, ring = 3>) {
  // expected-error@+1 {{needs the newest row's segment}}
  %v = vmcu.landing %l, %x phase<scale = 1, shift = 1, rows = 4> : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 3>
  return
}

// -----

func.func @settle_c1(%l: !vmcu.sequence<4x8xi8, ring = 2>, %x: !vmcu.sequence<4x8xi8, ring = 3>, %i: index) {
  // expected-error@+1 {{joins a landing '!vmcu.sequence<4x8xi8, ring = 2>' and a ring '!vmcu.sequence<4x8xi8, ring = 3>'}}
  vmcu.settle %l, %x[%i] : !vmcu.sequence<4x8xi8, ring = 2>, !vmcu.sequence<4x8xi8, ring = 3>
  return
}

// -----

func.func @settle_c2(%l: !vmcu.sequence<4x8xi8, ring = 1>, %x: !vmcu.sequence<4x8xi8, ring = 3>, %i: index) {
  vmcu.stream from 0 to 3 {
    // expected-error@+1 {{needs a phase}}
    vmcu.settle %l, %x[%i] : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 3>
  }
  return
}
