// A kernel that makes one row says which bytes of its input it reads, if that is not every row.
// RUN: vmcu-opt %s --vmcu-tile-to-segments --split-input-file | FileCheck %s

// Windows of 2 rows at every second one of 7 rows of 8 bytes, the first row cropped: rows 1 to 4 are read, 0, 5 and 6
// are not.
// CHECK-LABEL: func.func @cropped
// CHECK:       vmcu.tiled_kernel @k pool row(%{{.*}}) ins(%{{.*}}) outs(%{{.*}}) attributes {vmcu.reads = array<i64: 8, 40>} {
func.func @cropped(%row: index) {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<14x4xi8, ring = 6>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.placed_kernel @k pool row(%row) ins(%x : !vmcu.sequence<14x4xi8, ring = 6>) outs(%y : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: tensor<1x7x2x4xi8>):
    %lowest = arith.constant -128 : i8
    %cropped = tensor.extract_slice %in[0, 1, 0, 0] [1, 4, 2, 4] [1, 1, 1, 1] : tensor<1x7x2x4xi8> to tensor<1x4x2x4xi8>
    %empty = tensor.empty() : tensor<1x2x2x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8>
    %window = tensor.empty() : tensor<2x1xi8>
    %0 = linalg.pooling_nhwc_max {strides = dense<[2, 1]> : vector<2xi64>}
        ins(%cropped, %window : tensor<1x4x2x4xi8>, tensor<2x1xi8>) outs(%start : tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8>
    vmcu.yield %0 : tensor<1x2x2x4xi8>
  }
  return
}

// -----

// All of 4 rows: nothing to say.
// CHECK-LABEL: func.func @whole
// CHECK:       vmcu.tiled_kernel @k pool row(%{{.*}}) ins(%{{.*}}) outs(%{{.*}}) {
func.func @whole(%row: index) {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8, ring = 4>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.placed_kernel @k pool row(%row) ins(%x : !vmcu.sequence<8x4xi8, ring = 4>) outs(%y : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: tensor<1x4x2x4xi8>):
    %lowest = arith.constant -128 : i8
    %empty = tensor.empty() : tensor<1x2x2x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8>
    %window = tensor.empty() : tensor<2x1xi8>
    %0 = linalg.pooling_nhwc_max {strides = dense<[2, 1]> : vector<2xi64>}
        ins(%in, %window : tensor<1x4x2x4xi8>, tensor<2x1xi8>) outs(%start : tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8>
    vmcu.yield %0 : tensor<1x2x2x4xi8>
  }
  return
}
