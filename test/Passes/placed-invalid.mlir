// A placed kernel comes too late for the choice of variants and too early for packing.
// RUN: vmcu-opt %s --vmcu-pack-weights 2>&1 --verify-diagnostics
// RUN: not vmcu-opt %s --vmcu-choose-variants 2>&1 | FileCheck %s
// CHECK: error: is placed already; vmcu-choose-variants comes before vmcu-plan

func.func @placed() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  // expected-error@+1 {{is not tiled; run vmcu-tile-to-segments first}}
  vmcu.placed_kernel @k buffer ins(%x : !vmcu.sequence<4x1xi8>) outs(%y : !vmcu.sequence<4x1xi8>) {
  ^bb0(%in: tensor<4xi8>):
    vmcu.yield %in : tensor<4xi8>
  }
  return
}
