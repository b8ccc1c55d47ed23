// What folds, and beside it what looks alike and must not.
// RUN: vmcu-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @broadcast_equal_words
func.func @broadcast_equal_words() -> vector<2x4xi32> {
  // CHECK: %[[R:.*]] = arith.constant dense<-7> : vector<2x4xi32>
  // CHECK-NEXT: return %[[R]]
  %v = arith.constant dense<-7> : vector<4xi32>
  %r = vmcu.broadcast %v : vector<4xi32> -> vector<2x4xi32>
  return %r : vector<2x4xi32>
}

// CHECK-LABEL: func.func @broadcast_different_words
func.func @broadcast_different_words() -> vector<2x2xi32> {
  // CHECK: vmcu.broadcast
  %v = arith.constant dense<[1, 2]> : vector<2xi32>
  %r = vmcu.broadcast %v : vector<2xi32> -> vector<2x2xi32>
  return %r : vector<2x2xi32>
}

// CHECK-LABEL: func.func @dot_with_zeros
// CHECK-SAME: %[[A:[^:]*]]: vector<2x8xi8>, %[[ACC:[^:]*]]: vector<2x4xi32>
func.func @dot_with_zeros(%a: vector<2x8xi8>, %acc: vector<2x4xi32>, %w: vector<4x8xi8>)
    -> (vector<2x4xi32>, vector<2x4xi32>) {
  // CHECK-NEXT: return %[[ACC]], %[[ACC]]
  %zeros = arith.constant dense<0> : vector<4x8xi8>
  %0 = vmcu.dot %a, %zeros, %acc : vector<2x8xi8>, vector<4x8xi8>, vector<2x4xi32>
  %none = arith.constant dense<0> : vector<2x8xi8>
  %1 = vmcu.dot %none, %w, %acc : vector<2x8xi8>, vector<4x8xi8>, vector<2x4xi32>
  return %0, %1 : vector<2x4xi32>, vector<2x4xi32>
}

// CHECK-LABEL: func.func @dot_with_one_weight
func.func @dot_with_one_weight(%a: vector<2x4xi8>) -> (vector<2x1xi32>, vector<2x1xi32>) {
  %acc = arith.constant dense<0> : vector<2x1xi32>
  // CHECK-COUNT-2: vmcu.dot
  %sparse = arith.constant dense<[[0, 0, 0, 1]]> : vector<1x4xi8>
  %0 = vmcu.dot %a, %sparse, %acc : vector<2x4xi8>, vector<1x4xi8>, vector<2x1xi32>
  %ones = arith.constant dense<1> : vector<1x4xi8>
  %1 = vmcu.dot %a, %ones, %acc : vector<2x4xi8>, vector<1x4xi8>, vector<2x1xi32>
  return %0, %1 : vector<2x1xi32>, vector<2x1xi32>
}

// CHECK-LABEL: func.func @channel_dot_with_zeros
// CHECK-SAME: %[[ACC:[^:]*]]: vector<4xi32>
func.func @channel_dot_with_zeros(%acc: vector<4xi32>, %t: vector<3x4xi8>) -> vector<4xi32> {
  // CHECK-NEXT: return %[[ACC]]
  %plain = arith.constant dense<0> : vector<3x4xi8>
  %packed = arith.constant dense<0> : vector<2x2x2x2xi8>
  %0 = vmcu.channel_dot %t, %plain, %acc : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  %1 = vmcu.channel_dot %t, %packed, %0 : vector<3x4xi8>, vector<2x2x2x2xi8>, vector<4xi32>
  %2 = vmcu.channel_dot %plain, %t, %1 : vector<3x4xi8>, vector<3x4xi8>, vector<4xi32>
  return %2 : vector<4xi32>
}

// CHECK-LABEL: func.func @channel_dot_with_one_weight
func.func @channel_dot_with_one_weight(%acc: vector<4xi32>, %t: vector<1x4xi8>) -> vector<4xi32> {
  // CHECK: vmcu.channel_dot
  %w = arith.constant dense<[[0, 0, -1, 0]]> : vector<1x4xi8>
  %0 = vmcu.channel_dot %t, %w, %acc : vector<1x4xi8>, vector<1x4xi8>, vector<4xi32>
  return %0 : vector<4xi32>
}
