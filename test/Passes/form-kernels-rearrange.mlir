// Moves of bytes in a row are one kernel of kind `rearrange`, whatever ops they are made of. A convolution takes a halo of
// pixels in, and leaves a slice of channels to a kernel of its own.

// RUN: vmcu-opt %s --vmcu-form-kernels | FileCheck %s

// CHECK-LABEL: func.func @shuffle_of_two_parts
// CHECK:       vmcu.kernel @rearrange_0 rearrange ins(%arg0, %arg1 : tensor<1x5x5x4xi8>, tensor<1x5x5x4xi8>) -> tensor<1x5x5x8xi8>
// CHECK-NOT:   vmcu.kernel
// CHECK:       return
func.func @shuffle_of_two_parts(%a: tensor<1x5x5x4xi8>, %b: tensor<1x5x5x4xi8>) -> tensor<1x5x5x8xi8> {
  %0 = tensor.concat dim(3) %a, %b : (tensor<1x5x5x4xi8>, tensor<1x5x5x4xi8>) -> tensor<1x5x5x8xi8>
  %1 = tensor.expand_shape %0 [[0], [1], [2], [3, 4]] output_shape [1, 5, 5, 2, 4]
      : tensor<1x5x5x8xi8> into tensor<1x5x5x2x4xi8>
  %2 = tensor.empty() : tensor<1x5x5x4x2xi8>
  %3 = linalg.transpose ins(%1 : tensor<1x5x5x2x4xi8>) outs(%2 : tensor<1x5x5x4x2xi8>) permutation = [0, 1, 2, 4, 3]
  %4 = tensor.collapse_shape %3 [[0], [1], [2], [3, 4]] : tensor<1x5x5x4x2xi8> into tensor<1x5x5x8xi8>
  return %4 : tensor<1x5x5x8xi8>
}

// An image whose rows a reshape divides is read as it is, so that the kernel may take it row by row.

// CHECK-LABEL: func.func @space_to_depth
// CHECK:       vmcu.kernel @rearrange_0 rearrange ins(%arg0 : tensor<1x6x6x2xi8>) -> tensor<1x3x3x8xi8>
func.func @space_to_depth(%x: tensor<1x6x6x2xi8>) -> tensor<1x3x3x8xi8> {
  %0 = tensor.expand_shape %x [[0], [1, 2], [3, 4], [5]] output_shape [1, 3, 2, 3, 2, 2]
      : tensor<1x6x6x2xi8> into tensor<1x3x2x3x2x2xi8>
  %1 = tensor.empty() : tensor<1x3x3x2x2x2xi8>
  %2 = linalg.transpose ins(%0 : tensor<1x3x2x3x2x2xi8>) outs(%1 : tensor<1x3x3x2x2x2xi8>) permutation = [0, 1, 3, 2, 4, 5]
  %3 = tensor.collapse_shape %2 [[0], [1], [2], [3, 4, 5]] : tensor<1x3x3x2x2x2xi8> into tensor<1x3x3x8xi8>
  return %3 : tensor<1x3x3x8xi8>
}

// CHECK-LABEL: func.func @pool_of_some_channels
// CHECK:       %[[SOME:.*]] = vmcu.kernel @rearrange_0 rearrange ins(%arg0 : tensor<1x4x4x8xi8>) -> tensor<1x4x4x4xi8>
// CHECK:       vmcu.kernel @pool_0 pool ins(%[[SOME]] : tensor<1x4x4x4xi8>)
// CHECK:         tensor.pad
func.func @pool_of_some_channels(%x: tensor<1x4x4x8xi8>) -> tensor<1x3x3x4xi8> {
  %low = arith.constant -128 : i8
  %0 = tensor.extract_slice %x[0, 0, 0, 4] [1, 4, 4, 4] [1, 1, 1, 1] : tensor<1x4x4x8xi8> to tensor<1x4x4x4xi8>
  %1 = tensor.pad %0 low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %low : i8
  } : tensor<1x4x4x4xi8> to tensor<1x6x6x4xi8>
  %window = tensor.empty() : tensor<2x2xi8>
  %empty = tensor.empty() : tensor<1x3x3x4xi8>
  %start = linalg.fill ins(%low : i8) outs(%empty : tensor<1x3x3x4xi8>) -> tensor<1x3x3x4xi8>
  %2 = linalg.pooling_nhwc_max {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
      ins(%1, %window : tensor<1x6x6x4xi8>, tensor<2x2xi8>) outs(%start : tensor<1x3x3x4xi8>) -> tensor<1x3x3x4xi8>
  return %2 : tensor<1x3x3x4xi8>
}

// A body of scalar index arithmetic says where each byte comes from.

// CHECK-LABEL: func.func @reverse_and_gather
// CHECK:       vmcu.kernel @rearrange_0 rearrange
// CHECK-NOT:   vmcu.kernel
func.func @reverse_and_gather(%x: tensor<5x3xi8>) -> tensor<2x3xi8> {
  %rows = arith.constant dense<[3, 0]> : tensor<2xi32>
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %0 = tensor.empty() : tensor<5x3xi8>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%0 : tensor<5x3xi8>) {
  ^bb0(%o: i8):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.subi %c4, %i : index
    %v = tensor.extract %x[%k, %j] : tensor<5x3xi8>
    linalg.yield %v : i8
  } -> tensor<5x3xi8>
  %2 = tensor.empty() : tensor<2x3xi8>
  %3 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%rows : tensor<2xi32>) outs(%2 : tensor<2x3xi8>) {
  ^bb0(%r: i32, %o: i8):
    %i = arith.index_cast %r : i32 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %1[%i, %j] : tensor<5x3xi8>
    linalg.yield %v : i8
  } -> tensor<2x3xi8>
  return %3 : tensor<2x3xi8>
}

// What depends on the bytes themselves is no move.

// CHECK-LABEL: func.func @look_up
// CHECK:       vmcu.kernel @buffer_0 buffer
func.func @look_up(%x: tensor<4x4xi8>, %y: tensor<256xi8>) -> tensor<4x4xi8> {
  %c128 = arith.constant 128 : index
  %0 = tensor.empty() : tensor<4x4xi8>
  %1 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x4xi8>) outs(%0 : tensor<4x4xi8>) {
  ^bb0(%a: i8, %o: i8):
    %i = arith.index_cast %a : i8 to index
    %k = arith.addi %i, %c128 : index
    %v = tensor.extract %y[%k] : tensor<256xi8>
    linalg.yield %v : i8
  } -> tensor<4x4xi8>
  return %1 : tensor<4x4xi8>
}
