// Guards that hold and frees of nothing go; guards that may fail and frees of something stay.
// RUN: vmcu-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @guards_that_hold
func.func @guards_that_hold(%x: !vmcu.sequence<4x8xi8>, %i: index) -> vector<2x4xi8> {
  // CHECK: vmcu.segment_load %{{.*}}[%{{.*}}, %{{.*}}] stride 2 valid 3 : !vmcu.sequence<4x8xi8>
  %true = arith.constant true
  %0 = vmcu.segment_load %x[%i, %i] stride 2 valid 3 if (%true, %true) else -5 : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  return %0 : vector<2x4xi8>
}

// CHECK-LABEL: func.func @guards_that_may_fail
func.func @guards_that_may_fail(%x: !vmcu.sequence<4x8xi8>, %i: index, %g: i1) -> (vector<2x4xi8>, vector<2x4xi8>) {
  %true = arith.constant true
  %false = arith.constant false
  // CHECK: if(%{{.*}}, %{{.*}}) else -5
  %0 = vmcu.segment_load %x[%i, %i] if (%true, %g) else -5 : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  // CHECK: if(%{{.*}}, %{{.*}}) else -5
  %1 = vmcu.segment_load %x[%i, %i] if (%false, %true) else -5 : !vmcu.sequence<4x8xi8> -> vector<2x4xi8>
  return %0, %1 : vector<2x4xi8>, vector<2x4xi8>
}

// Without its guard this load would not verify. It may stand in code that never runs.
// CHECK-LABEL: func.func @guard_of_nonsense
func.func @guard_of_nonsense(%x: !vmcu.sequence<4x8xi8>) -> vector<1x4xi8> {
  // CHECK: if(%{{.*}}) else 0
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %true = arith.constant true
  %0 = vmcu.segment_load %x[%c4, %c0] if (%true) else 0 : !vmcu.sequence<4x8xi8> -> vector<1x4xi8>
  return %0 : vector<1x4xi8>
}

// CHECK-LABEL: func.func @guards_of_more_rows_than_a_ring_has
func.func @guards_of_more_rows_than_a_ring_has(%x: !vmcu.sequence<4x8xi8, ring = 1>, %i: index) -> vector<2x4xi8> {
  // CHECK: if(%{{.*}}, %{{.*}}) else 0
  %true = arith.constant true
  %0 = vmcu.segment_load %x[%i, %i] if (%true, %true) else 0 : !vmcu.sequence<4x8xi8, ring = 1> -> vector<2x4xi8>
  return %0 : vector<2x4xi8>
}

// CHECK-LABEL: func.func @frees_of_nothing
func.func @frees_of_nothing(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8, ring = 2>) {
  // CHECK-NEXT: return
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  vmcu.segment_free %x before %c0 : !vmcu.sequence<4x8xi8>
  vmcu.segment_free %y from %c4 : !vmcu.sequence<4x8xi8, ring = 2>
  return
}

// CHECK-LABEL: func.func @frees_of_something
func.func @frees_of_something(%x: !vmcu.sequence<4x8xi8>, %i: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  // CHECK: vmcu.segment_free %{{.*}} before %c1
  vmcu.segment_free %x before %c1 : !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.segment_free %{{.*}} before %c4
  vmcu.segment_free %x before %c4 : !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.segment_free %{{.*}} from %c0
  vmcu.segment_free %x from %c0 : !vmcu.sequence<4x8xi8>
  // CHECK-NEXT: vmcu.segment_free %{{.*}} before %arg1
  vmcu.segment_free %x before %i : !vmcu.sequence<4x8xi8>
  return
}
