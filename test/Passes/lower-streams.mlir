// A stream becomes a loop over ticks with one condition per kernel; a kernel gets the row that it makes.
// RUN: vmcu-opt %s --vmcu-lower-streams --canonicalize --split-input-file | FileCheck %s

// Row r of 2 is made at tick 2 * (r + 1) - 1: at ticks 1 and 3.
// CHECK: #[[FIRST:.*]] = affine_map<(d0) -> (d0 - 1)>
// CHECK: #[[LAST:.*]] = affine_map<(d0) -> (-d0 + 3)>
// CHECK: #[[WHOLE:.*]] = affine_map<(d0) -> (d0 - ((d0 + 1) floordiv 2) * 2 + 1)>
// CHECK: #[[ROW:.*]] = affine_map<(d0) -> ((d0 + 1) floordiv 2 - 1)>
// CHECK-LABEL: func.func @strided
// CHECK: scf.for %[[TICK:.*]] = %c0{{.*}} to %c4
// CHECK: affine.apply #[[FIRST]](%[[TICK]])
// CHECK: affine.apply #[[LAST]](%[[TICK]])
// CHECK: affine.apply #[[WHOLE]](%[[TICK]])
// CHECK: arith.cmpi eq
// CHECK: scf.if
// CHECK: %[[R:.*]] = affine.apply #[[ROW]](%[[TICK]])
// CHECK: vmcu.placed_kernel @k elementwise row(%[[R]])
// CHECK-NOT: vmcu.stream
func.func @strided(%x: !vmcu.sequence<2x8xi8>, %y: !vmcu.sequence<2x8xi8>) {
  vmcu.stream from 0 to 3 {
    vmcu.placed_kernel @k elementwise phase<scale = 2, shift = 1, rows = 2> ins(%x : !vmcu.sequence<2x8xi8>) outs(%y : !vmcu.sequence<2x8xi8>) {
    ^bb0(%in: tensor<1x2x1x8xi8>):
      vmcu.yield %in : tensor<1x2x1x8xi8>
    }
  }
  return
}

// -----

// Backward, the first row made is the last one.
// CHECK: #[[ROW:.*]] = affine_map<(d0) -> (-d0 + 3)>
// CHECK-LABEL: func.func @backward
// CHECK: affine.apply #[[ROW]]
// CHECK: vmcu.placed_kernel @k elementwise traversal backward row
func.func @backward(%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>) {
  vmcu.stream backward from 0 to 3 {
    vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
  }
  return
}

// -----

// A fed stream turns the function into one call per row: everything behind it runs with the last row.
// CHECK-LABEL: func.func @fed
// CHECK-SAME: (%[[STATE:.*]]: memref<1xi32>, %[[ROW:.*]]: memref<8xi8>) -> i32
// CHECK: memref.load %[[STATE]]
// CHECK: vmcu.feed %[[ROW]]
// CHECK: scf.for
// CHECK: memref.store {{.*}}, %[[STATE]]
// CHECK: scf.if
// CHECK: vmcu.placed_kernel @after
// CHECK: return %{{.*}} : i32
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @fed() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8, ring = 1>
  %y = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8>
  vmcu.stream fed(%x : !vmcu.sequence<4x8xi8, ring = 1>) from 0 to 3 {
    vmcu.placed_kernel @k elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8, ring = 1>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      %empty = tensor.empty() : tensor<1x4x1x8xi8>
      %low = arith.constant -100 : i8
      %out = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%in : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
      ^bb0(%a: i8, %o: i8):
        %m = arith.maxsi %a, %low : i8
        linalg.yield %m : i8
      } -> tensor<1x4x1x8xi8>
      vmcu.yield %out : tensor<1x4x1x8xi8>
    }
  }
  vmcu.placed_kernel @after elementwise ins(%y : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
  ^bb0(%in: tensor<4x8xi8>):
    vmcu.yield %in : tensor<4x8xi8>
  }
  return
}

// -----

// A row that comes allows as many ticks as the pace says: row n is there from tick 2 n on.
// CHECK: #[[TWICE:.*]] = affine_map<()[s0] -> (s0 * 2)>
// CHECK: #[[STOPS:.*]] = affine_map<()[s0] -> (s0 * 2 + 2)>
// CHECK-LABEL: func.func @fed_at_a_pace
// CHECK: %[[COMING:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK: %[[NOW:.*]] = affine.apply #[[TWICE]]()[%[[COMING]]]
// CHECK: vmcu.feed %{{.*}}, %{{.*}}[%[[COMING]]]
// CHECK: arith.cmpi eq, %[[COMING]], %c0
// CHECK: arith.cmpi eq, %[[COMING]], %c3
// CHECK: %[[NEXT:.*]] = affine.apply #{{.*}}()[%[[COMING]]]
// CHECK: %[[STOP:.*]] = affine.apply #[[STOPS]]()[%[[COMING]]]
// CHECK: %[[START:.*]] = arith.select %{{.*}}, %c0{{.*}}, %[[NOW]]
// CHECK: %[[END:.*]] = arith.select %{{.*}}, %c9, %[[STOP]]
// CHECK: scf.for %{{.*}} = %[[START]] to %[[END]]
// CHECK: arith.select %{{.*}}, %c0{{.*}}, %[[NEXT]]
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @fed_at_a_pace() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8, ring = 1>
  %y = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8>
  vmcu.stream fed(%x : !vmcu.sequence<4x8xi8, ring = 1>) from 0 to 8 pace 2 {
    vmcu.placed_kernel @k elementwise phase<scale = 2, shift = 2, rows = 4> ins(%x : !vmcu.sequence<4x8xi8, ring = 1>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      %empty = tensor.empty() : tensor<1x4x1x8xi8>
      %low = arith.constant -100 : i8
      %out = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%in : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
      ^bb0(%a: i8, %o: i8):
        %m = arith.maxsi %a, %low : i8
        linalg.yield %m : i8
      } -> tensor<1x4x1x8xi8>
      vmcu.yield %out : tensor<1x4x1x8xi8>
    }
  }
  return
}

// -----

// The halo comes before the first row, whose place in the pool it may still use: the row is fed in its own tick.
// CHECK-LABEL: func.func @fed_behind_a_halo
// CHECK: %[[NOW:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK-NOT: vmcu.feed
// CHECK: %[[START:.*]] = arith.select %{{.*}}, %c-1, %[[NOW]]
// CHECK: scf.for %[[TICK:.*]] = %[[START]] to
// CHECK: %[[COMES:.*]] = arith.cmpi eq, %[[TICK]], %[[NOW]]
// CHECK-NEXT: scf.if %[[COMES]] {
// CHECK-NEXT: vmcu.feed
// CHECK: vmcu.placed_kernel @k
func.func @fed_behind_a_halo() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8, ring = 1>
  %y = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<5x8xi8>
  vmcu.stream fed(%x : !vmcu.sequence<4x8xi8, ring = 1>) from -1 to 3 {
    vmcu.placed_kernel @k pool phase<scale = 1, shift = 2, rows = 5> ins(%x : !vmcu.sequence<4x8xi8, ring = 1>) outs(%y : !vmcu.sequence<5x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      %lowest = arith.constant -128 : i8
      %padded = tensor.pad %in low[0, 1, 0, 0] high[0, 0, 0, 0] {
      ^bb0(%a: index, %b: index, %c: index, %d: index):
        tensor.yield %lowest : i8
      } : tensor<1x4x1x8xi8> to tensor<1x5x1x8xi8>
      %empty = tensor.empty() : tensor<1x5x1x8xi8>
      %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x5x1x8xi8>) -> tensor<1x5x1x8xi8>
      %window = tensor.empty() : tensor<1x1xi8>
      %0 = linalg.pooling_nhwc_max ins(%padded, %window : tensor<1x5x1x8xi8>, tensor<1x1xi8>)
          outs(%start : tensor<1x5x1x8xi8>) -> tensor<1x5x1x8xi8>
      vmcu.yield %0 : tensor<1x5x1x8xi8>
    }
  }
  return
}
