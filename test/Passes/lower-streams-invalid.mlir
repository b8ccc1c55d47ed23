// RUN: vmcu-opt %s --split-input-file --verify-diagnostics --vmcu-lower-streams

func.func @nested(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>, %is: i1) {
  scf.if %is {
    // expected-error@+1 {{is nested; supported are streams of a function's block}}
    vmcu.stream from 0 to 3 {
      vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
      ^bb0(%in: tensor<1x4x1x8xi8>):
        vmcu.yield %in : tensor<1x4x1x8xi8>
      }
    }
  }
  return
}
