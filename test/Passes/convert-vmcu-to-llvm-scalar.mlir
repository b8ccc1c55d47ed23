// Without the DSP extension bytes are loaded one by one, and a sum of products is plain multiplications and additions.
// RUN: vmcu-opt %s --convert-vmcu-to-llvm="name=net dsp=false saturate=false" --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,LONG
// RUN: vmcu-opt %s --convert-vmcu-to-llvm="name=net dsp=false saturate=false long-multiply=false" --canonicalize --cse \
// RUN:   | FileCheck %s --check-prefixes=CHECK,HALVES
// RUN: vmcu-opt %s --convert-vmcu-to-llvm="dsp=false" | FileCheck %s --check-prefix=SSAT
// SSAT-NOT: llvm.arm.s{{[^s]}}
// SSAT:     llvm.arm.ssat

// CHECK-LABEL:     func.func private @net_k(
// CHECK-NOT:       llvm.arm.
// Each byte is loaded right before its first product, and a store keeps its place.
// CHECK:           llvm.load {{.*}} {alignment = 1 : i64} : !llvm.ptr -> i8
// CHECK:           %[[X:.*]] = arith.extsi
// CHECK:           llvm.load {{.*}} {alignment = 1 : i64} : !llvm.ptr -> i8
// CHECK:           %[[W:.*]] = arith.extsi
// CHECK-NEXT:      arith.muli %[[W]], %[[X]] : i32
// CHECK:           llvm.load {{.*}} {alignment = 1 : i64} : !llvm.ptr -> i8
// CHECK-NEXT:      %[[V:.*]] = arith.extsi
// CHECK-NEXT:      arith.muli %[[W]], %[[V]] : i32
// Three bytes of the pixel are valid; canonicalisation drops the products with the fourth.
// CHECK-COUNT-4:   arith.muli {{.*}} : i32
// A product of 64 bits, or four of halves of its factors: the constant's halves are known, and its low one is 0.
// LONG:            arith.muli {{.*}} : i64
// HALVES-NOT:      i64
// HALVES-COUNT-2:  arith.muli {{.*}} : i32
// HALVES-NOT:      i64
// CHECK:           arith.maxsi
// CHECK:           arith.minsi
// CHECK:           llvm.store {{.*}} : i8, !llvm.ptr
// CHECK-NOT:       vmcu.
func.func @main() {
  %pool = vmcu.pool : !vmcu.pool<96>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<96> -> !vmcu.sequence<8x3xi8>
  %y = vmcu.place %pool[32] as output 0 : !vmcu.pool<96> -> !vmcu.sequence<8x8xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<8x3xi8>) outs(%y : !vmcu.sequence<8x8xi8>) {
  ^bb0(%in: !vmcu.sequence<8x3xi8>, %out: !vmcu.sequence<8x8xi8>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %zeros = arith.constant dense<0> : vector<1x2xi32>
    %weights = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
    %multiplier = arith.constant dense<1073741824> : vector<1xi32>
    %shift = arith.constant dense<32> : vector<1xi8>
    scf.for %i = %c0 to %c8 step %c1 {
      %a = vmcu.segment_load %in[%i, %c0] valid 3 : !vmcu.sequence<8x3xi8> -> vector<1x4xi8>
      %w = vmcu.flash_load %weights[%c0, %c0] : tensor<2x4xi8> -> vector<2x4xi8>
      %acc = vmcu.dot %a, %w, %zeros : vector<1x4xi8>, vector<2x4xi8>, vector<1x2xi32>
      %q = vmcu.requantize %acc by %multiplier, %shift round double zero_point 5 clamp -128 to 127
        : vector<1x2xi32>, vector<1xi32>, vector<1xi8> -> vector<1x2xi8>
      vmcu.segment_free %in before %i : !vmcu.sequence<8x3xi8>
      vmcu.segment_store %q, %out[%i, %c0] : vector<1x2xi8>, !vmcu.sequence<8x8xi8>
    }
  }
  return
}
