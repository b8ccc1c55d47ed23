// The constants of a tile op become one record, with the scale as its instructions take it; equal ones share it.
// RUN: vmcu-opt %s --vmcu-pack-weights --split-input-file --verify-diagnostics | FileCheck %s

// Two channels to a lane, 256 * B + A, of each four lanes 0 and 2, then 1 and 3. Weights (1 2 3 4), (5 6 7 8) are the lanes
// 1281, 1538, 1795, 2052. In front of each pair 256 * bias[B] + bias[A] and bias[A]; in the end, for each channel,
// 2 * multiplier - 2^32 and -2^(63 - shift). The third channel shares its lanes with zeros.
// CHECK-LABEL: func.func @matmul(
// CHECK:       %[[RECORD:.*]] = arith.constant dense<[5130, 10, -1, -1, 117638401, 262143, 134481410, -2, -2147483648, -2147483648, -2147483646, -1073741824, -2, -536870912, 0, 0]> : tensor<16xi32>
// CHECK:       vmcu.matmul %{{.*}} times %[[RECORD]] into %{{.*}}[%{{.*}} + %{{.*}}] pixels 2 pitch 4 depth 4 round double zero_point 1 clamp -2 to 3 : memref<8xi16>, tensor<16xi32> into !vmcu.sequence<4x3xi8>
// CHECK:       vmcu.matmul %{{.*}} times %[[RECORD]] into %{{.*}}[%{{.*}}] pixels 1
func.func @matmul(%lanes: memref<8xi16>, %y: !vmcu.sequence<4x3xi8>, %i: index, %j: index) {
  %w = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [-1, -2, 3, -1]]> : tensor<3x4xi8>
  %b = arith.constant dense<[10, 20, -1]> : tensor<3xi32>
  %m = arith.constant dense<[1073741824, 1073741825, 2147483647]> : tensor<3xi32>
  %s = arith.constant dense<[32, 33, 34]> : tensor<3xi8>
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i + %j] pixels 2 pitch 4 depth 4 round double zero_point 1 clamp -2 to 3
    : memref<8xi16>, tensor<3x4xi8>, tensor<3xi32>, tensor<3xi32>, tensor<3xi8> into !vmcu.sequence<4x3xi8>
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round double zero_point 1 clamp -2 to 3
    : memref<8xi16>, tensor<3x4xi8>, tensor<3xi32>, tensor<3xi32>, tensor<3xi8> into !vmcu.sequence<4x3xi8>
  return
}

// A record has groups of four channels for pixels in lanes, of eight for one in bytes: here all three pairs are together.
// CHECK-LABEL: func.func @groups(
// CHECK-DAG:   %[[FOUR:.*]] = arith.constant dense<[513, 1, 1027, 3, 0, 0, 0, 0, 7, -4, 7, -4, 7, -4, 7, -4, 5, 5, 0, 0, 7, -4, 0, 0]>
// CHECK-DAG:   %[[EIGHT:.*]] = arith.constant dense<[513, 1, 1027, 3, 5, 5, 0, 0, 0, 0, 0, 0, 7, -4, 7, -4, 7, -4, 7, -4, 7, -4, 0, 0]>
// CHECK:       vmcu.matmul %arg0 times %[[FOUR]] into
// CHECK:       vmcu.matmul %arg1[%{{.*}}] times %[[EIGHT]] into
func.func @groups(%lanes: memref<4xi16>, %x: !vmcu.sequence<1x4xi8>, %y: !vmcu.sequence<4x5xi8>, %i: index) {
  %w = arith.constant dense<0> : tensor<5x4xi8>
  %b = arith.constant dense<[1, 2, 3, 4, 5]> : tensor<5xi32>
  %m = arith.constant dense<7> : tensor<1xi32>
  %s = arith.constant dense<62> : tensor<1xi8>
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round single zero_point 0 clamp -128 to 127
    : memref<4xi16>, tensor<5x4xi8>, tensor<5xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x5xi8>
  vmcu.matmul %x[%i] times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round single zero_point 0 clamp -128 to 127
    : !vmcu.sequence<1x4xi8>, tensor<5x4xi8>, tensor<5xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x5xi8>
  return
}

// Pairs of taps of each window row: (0, 1) and (1, 2) if outputs begin at columns of both kinds, else (0, 1) and 2 alone.
// CHECK-LABEL: func.func @depthwise(
// CHECK-DAG:   %[[TWO:.*]] = arith.constant dense<[-9, 1073741824, -2147483648, 131073, 3, 327684, 6]> : tensor<7xi32>
// CHECK-DAG:   %[[ONE:.*]] = arith.constant dense<[-9, 1073741824, -2147483648, 131073, 196610, 327684, 393221]> : tensor<7xi32>
// CHECK:       vmcu.depthwise %{{.*}} with %[[ONE]] into %{{.*}} window 3 stride 1 pad 1 columns 6 to 6 halo 5 round single zero_point 0 clamp -128 to 127 : !vmcu.sequence<36x1xi8>, tensor<7xi32> into
// CHECK:       vmcu.depthwise %{{.*}}[%{{.*}}, %{{.*}}] if(%{{.*}}, %{{.*}}) with %[[TWO]] into
func.func @depthwise(%x: !vmcu.sequence<36x1xi8>, %y: !vmcu.sequence<36x1xi8>, %i: index, %g: i1) {
  %w = arith.constant dense<[[[1], [2], [3]], [[4], [5], [6]]]> : tensor<2x3x1xi8>
  %b = arith.constant dense<-9> : tensor<1xi32>
  %m = arith.constant dense<1073741824> : tensor<1xi32>
  %s = arith.constant dense<33> : tensor<1xi8>
  vmcu.depthwise %x[%i, %i] with %w, %b, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 5 round single
    zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x1xi8>, tensor<2x3x1xi8>, tensor<1xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<36x1xi8>
  vmcu.depthwise %x[%i, %i] if(%g, %g) with %w, %b, %m, %s into %y[%i] window 3 stride 2 pad 1 columns 6 to 3 halo 5
    round single zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x1xi8>, tensor<2x3x1xi8>, tensor<1xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<36x1xi8>
  return
}

// -----

// CHECK-NOT: func.func @lane_too_large
func.func @lane_too_large(%lanes: memref<4xi16>, %y: !vmcu.sequence<4x2xi8>, %i: index) {
  %w = arith.constant dense<[[-1, 0, 0, 0], [-128, 0, 0, 0]]> : tensor<2x4xi8>
  %b = arith.constant dense<0> : tensor<2xi32>
  %m = arith.constant dense<1073741824> : tensor<1xi32>
  %s = arith.constant dense<40> : tensor<1xi8>
  // expected-error@+1 {{has weights too large to be packed in pairs of channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round double zero_point 0 clamp -128 to 127
    : memref<4xi16>, tensor<2x4xi8>, tensor<2xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x2xi8>
  return
}

// -----

// CHECK-NOT: func.func @sum_too_large
func.func @sum_too_large(%lanes: memref<4xi16>, %y: !vmcu.sequence<4x2xi8>, %i: index) {
  %w = arith.constant dense<1> : tensor<2x4xi8>
  %b = arith.constant dense<[8388096, 0]> : tensor<2xi32>  // + 4 * 128 = 2^23
  %m = arith.constant dense<1073741824> : tensor<1xi32>
  %s = arith.constant dense<40> : tensor<1xi8>
  // expected-error@+1 {{has weights too large to be packed in pairs of channels}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round double zero_point 0 clamp -128 to 127
    : memref<4xi16>, tensor<2x4xi8>, tensor<2xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x2xi8>
  return
}

// -----

// CHECK-NOT: func.func @scale
func.func @scale(%lanes: memref<4xi16>, %y: !vmcu.sequence<4x2xi8>, %i: index) {
  %w = arith.constant dense<1> : tensor<2x4xi8>
  %b = arith.constant dense<0> : tensor<2xi32>
  %m = arith.constant dense<1073741824> : tensor<1xi32>
  %s = arith.constant dense<31> : tensor<1xi8>
  // expected-error@+1 {{has a scale whose rounding takes more than two multiplications}}
  vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i] pixels 1 pitch 4 depth 4 round double zero_point 0 clamp -128 to 127
    : memref<4xi16>, tensor<2x4xi8>, tensor<2xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x2xi8>
  return
}

// -----

// CHECK-NOT: func.func @not_constant
func.func @not_constant(%x: !vmcu.sequence<36x8xi8>, %y: !vmcu.sequence<36x8xi8>, %b: tensor<8xi32>, %i: index) {
  %w = arith.constant dense<1> : tensor<1x1x8xi8>
  %m = arith.constant dense<1073741824> : tensor<1xi32>
  %s = arith.constant dense<40> : tensor<1xi8>
  // expected-error@+1 {{packs weights, bias and scale that are constants}}
  vmcu.depthwise %x[%i] with %w, %b, %m, %s into %y[%i] window 1 stride 1 pad 0 columns 6 to 6 halo 0 round double
    zero_point 0 clamp -128 to 127
    : !vmcu.sequence<36x8xi8>, tensor<1x1x8xi8>, tensor<8xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<36x8xi8>
  return
}
