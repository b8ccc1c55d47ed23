// Depthwise weights are laid out in pairs of taps and pairs of channels: the bytes of a word are c0 c1 of a tap, then of
// the next tap. An odd last tap is paired with zeros.
// RUN: vmcu-opt %s --vmcu-pack-weights --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @three_taps(
// CHECK-SAME:    %[[TAPS:.*]]: vector<3x4xi8>, %[[ACC:.*]]: vector<4xi32>)
// CHECK-DAG:   %[[PACKED:.*]] = arith.constant dense<{{\[\[\[\[}}11, 12], [21, 22]], {{\[\[}}13, 14], [23, 24]]], {{\[\[\[}}31, 32], [0, 0]], {{\[\[}}33, 34], [0, 0]]]]> : tensor<2x2x2x2xi8>
// CHECK:       %[[W:.*]] = vmcu.flash_load %[[PACKED]][%c0, %c0, %c0, %c0] : tensor<2x2x2x2xi8> -> vector<2x2x2x2xi8>
// CHECK:       vmcu.channel_dot %[[TAPS]], %[[W]], %[[ACC]] : vector<3x4xi8>, vector<2x2x2x2xi8>, vector<4xi32>
func.func @three_taps(%taps: vector<3x4xi8>, %acc: vector<4xi32>) -> vector<4xi32> {
  %zero = arith.constant 0 : index
  %weights = arith.constant dense<[[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34]]> : tensor<3x4xi8>
  %w = vmcu.flash_load %weights[%zero, %zero] : tensor<3x4xi8> -> vector<3x4xi8>
  %r = vmcu.channel_dot %taps, %w, %acc : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  return %r : vector<4xi32>
}

// Outer dimensions stay; the index of a tap or channel becomes that of its pair.
// CHECK-LABEL: func.func @second_piece(
// CHECK-SAME:    %[[GROUP:.*]]: index,
// CHECK-DAG:   arith.constant {{.*}} : tensor<2x8x2x2x2xi8>
// CHECK:       vmcu.flash_load %{{.*}}[%[[GROUP]], %c4, %c0, %c0, %c0] : tensor<2x8x2x2x2xi8> -> vector<4x2x2x2xi8>
func.func @second_piece(%group: index, %taps: vector<8x4xi8>, %acc: vector<4xi32>) -> vector<4xi32> {
  %zero = arith.constant 0 : index
  %eight = arith.constant 8 : index
  %weights = arith.constant dense<1> : tensor<2x16x4xi8>
  %w = vmcu.flash_load %weights[%group, %eight, %zero] : tensor<2x16x4xi8> -> vector<8x4xi8>
  %r = vmcu.channel_dot %taps, %w, %acc : vector<8x4xi8>, vector<8x4xi8>, vector<4xi32>
  return %r : vector<4xi32>
}

// -----

// CHECK-NOT: func.func @not_constant
func.func @not_constant(%w: vector<3x4xi8>, %taps: vector<3x4xi8>, %acc: vector<4xi32>) -> vector<4xi32> {
  // expected-error@+1 {{packs weights that are loaded from a constant of rank 2 or more}}
  %r = vmcu.channel_dot %taps, %w, %acc : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  return %r : vector<4xi32>
}
