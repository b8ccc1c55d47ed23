// RUN: vmcu-opt %s --split-input-file --verify-diagnostics --vmcu-tile-to-segments

func.func @in_a_stream(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{is no loop yet; run vmcu-lower-streams first}}
  vmcu.stream from 0 to 3 {
    vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}
