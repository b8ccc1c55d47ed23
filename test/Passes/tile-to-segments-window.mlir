// Borders are guarded, the inside is not; a backward kernel walks the same tiles from the end.
// RUN: vmcu-opt %s --vmcu-tile-to-segments --canonicalize --cse | FileCheck %s

// A window of 2 columns with one column of halo to the left, on 1 row: the first pixel apart, its first tap guarded.
// CHECK-LABEL: func.func @border
// CHECK:       vmcu.tiled_kernel @forward pool
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<6x4xi8>, %[[Y:.*]]: !vmcu.sequence<6x4xi8>):
// CHECK:         vmcu.segment_load %[[X]][%c-1, %c0] if(%false, %true) else -128 : !vmcu.sequence<6x4xi8> -> vector<2x4xi8>
// CHECK:         vmcu.segment_store %{{.*}}, %[[Y]][%c0, %c0]
// CHECK:         scf.for %[[I:.*]] = %c1 to %c6 step %c1
// CHECK-NOT:       if(
// CHECK:           vmcu.segment_load %[[X]][%{{.*}}, %c0] : !vmcu.sequence<6x4xi8> -> vector<2x4xi8>
// CHECK:           vmcu.segment_free %[[X]] before
// CHECK-NEXT:      vmcu.segment_store %{{.*}}, %[[Y]][%[[I]], %c0]

// CHECK:       vmcu.tiled_kernel @backward pool traversal backward
// CHECK-NEXT:  ^bb0(%[[X:.*]]: !vmcu.sequence<6x4xi8>, %[[Y:.*]]: !vmcu.sequence<6x4xi8>):
// CHECK:         scf.for %[[I:.*]] = %c1 to %c6 step %c1
// CHECK:           vmcu.segment_load %[[X]]
// CHECK:           vmcu.segment_free %[[X]] from
// CHECK:           %[[LAST:.*]] = affine.apply {{.*}}(%[[I]])
// CHECK:           vmcu.segment_store %{{.*}}, %[[Y]][%{{.*}}, %c0]
// CHECK:         vmcu.segment_load %[[X]][%c-1, %c0] if(%false, %true) else -128
// CHECK:         vmcu.segment_store %{{.*}}, %[[Y]][%c0, %c0]
func.func @border() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<6x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<6x4xi8>
  vmcu.placed_kernel @forward pool ins(%x : !vmcu.sequence<6x4xi8>) outs(%y : !vmcu.sequence<6x4xi8>) {
  ^bb0(%in: tensor<1x1x6x4xi8>):
    %lowest = arith.constant -128 : i8
    %padded = tensor.pad %in low[0, 0, 1, 0] high[0, 0, 0, 0] {
    ^bb0(%a: index, %b: index, %c: index, %d: index):
      tensor.yield %lowest : i8
    } : tensor<1x1x6x4xi8> to tensor<1x1x7x4xi8>
    %empty = tensor.empty() : tensor<1x1x6x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x1x6x4xi8>) -> tensor<1x1x6x4xi8>
    %window = tensor.empty() : tensor<1x2xi8>
    %0 = linalg.pooling_nhwc_max ins(%padded, %window : tensor<1x1x7x4xi8>, tensor<1x2xi8>)
        outs(%start : tensor<1x1x6x4xi8>) -> tensor<1x1x6x4xi8>
    vmcu.yield %0 : tensor<1x1x6x4xi8>
  }
  vmcu.placed_kernel @backward pool traversal backward ins(%y : !vmcu.sequence<6x4xi8>) outs(%x : !vmcu.sequence<6x4xi8>) {
  ^bb0(%in: tensor<1x1x6x4xi8>):
    %lowest = arith.constant -128 : i8
    %padded = tensor.pad %in low[0, 0, 1, 0] high[0, 0, 0, 0] {
    ^bb0(%a: index, %b: index, %c: index, %d: index):
      tensor.yield %lowest : i8
    } : tensor<1x1x6x4xi8> to tensor<1x1x7x4xi8>
    %empty = tensor.empty() : tensor<1x1x6x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x1x6x4xi8>) -> tensor<1x1x6x4xi8>
    %window = tensor.empty() : tensor<1x2xi8>
    %0 = linalg.pooling_nhwc_max ins(%padded, %window : tensor<1x1x7x4xi8>, tensor<1x2xi8>)
        outs(%start : tensor<1x1x6x4xi8>) -> tensor<1x1x6x4xi8>
    vmcu.yield %0 : tensor<1x1x6x4xi8>
  }
  return
}
