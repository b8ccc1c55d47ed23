// A variant that a kernel does not have is refused by whoever describes it.
// RUN: vmcu-opt %s --vmcu-tile-to-segments -split-input-file -verify-diagnostics

func.func @of_another_kind(%x: !vmcu.sequence<6x4xi8>, %y: !vmcu.sequence<5x4xi8>) {
  // expected-error@+1 {{kernel p has no variant 'row'; supported for it is 'words'}}
  vmcu.placed_kernel @p pool variant<"row"> ins(%x : !vmcu.sequence<6x4xi8>) outs(%y : !vmcu.sequence<5x4xi8>) {
  ^bb0(%in: tensor<1x1x6x4xi8>):
    %lowest = arith.constant -128 : i8
    %empty = tensor.empty() : tensor<1x1x5x4xi8>
    %start = linalg.fill ins(%lowest : i8) outs(%empty : tensor<1x1x5x4xi8>) -> tensor<1x1x5x4xi8>
    %window = tensor.empty() : tensor<1x2xi8>
    %0 = linalg.pooling_nhwc_max ins(%in, %window : tensor<1x1x6x4xi8>, tensor<1x2xi8>)
        outs(%start : tensor<1x1x5x4xi8>) -> tensor<1x1x5x4xi8>
    vmcu.yield %0 : tensor<1x1x5x4xi8>
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @unknown(%x: !vmcu.sequence<4x4xi8>, %y: !vmcu.sequence<4x2xi8>) {
  // expected-error@+1 {{kernel k has no variant 'winograd'; supported for it is 'matmul'}}
  vmcu.placed_kernel @k conv2d variant<"winograd"> ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x2xi8>) {
  ^bb0(%in: tensor<4x4xi8>):
    %zero = arith.constant 0 : i32
    %multiplier = arith.constant 1355802031 : i32
    %shift = arith.constant 40 : i8
    %weights = arith.constant dense<1> : tensor<4x2xi8>
    %words = tensor.empty() : tensor<4x2xi32>
    %start = linalg.fill ins(%zero : i32) outs(%words : tensor<4x2xi32>) -> tensor<4x2xi32>
    %acc = linalg.matmul ins(%in, %weights : tensor<4x4xi8>, tensor<4x2xi8>) outs(%start : tensor<4x2xi32>) -> tensor<4x2xi32>
    %bytes = tensor.empty() : tensor<4x2xi8>
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%acc : tensor<4x2xi32>) outs(%bytes : tensor<4x2xi8>) {
    ^bb0(%a: i32, %o: i8):
      %1 = tosa.apply_scale %a, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
      %2 = arith.maxsi %1, %low : i32
      %3 = arith.minsi %2, %high : i32
      %4 = arith.trunci %3 : i32 to i8
      linalg.yield %4 : i8
    } -> tensor<4x2xi8>
    vmcu.yield %0 : tensor<4x2xi8>
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @unknown_option(%x: !vmcu.sequence<4x4xi8>, %y: !vmcu.sequence<4x2xi8>) {
  // expected-error@+1 {{kernel k has no variant 'matmul,colour=3'; supported for it is 'matmul'}}
  vmcu.placed_kernel @k conv2d variant<"matmul", colour = 3> ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x2xi8>) {
  ^bb0(%in: tensor<4x4xi8>):
    %zero = arith.constant 0 : i32
    %multiplier = arith.constant 1355802031 : i32
    %shift = arith.constant 40 : i8
    %weights = arith.constant dense<1> : tensor<4x2xi8>
    %words = tensor.empty() : tensor<4x2xi32>
    %start = linalg.fill ins(%zero : i32) outs(%words : tensor<4x2xi32>) -> tensor<4x2xi32>
    %acc = linalg.matmul ins(%in, %weights : tensor<4x4xi8>, tensor<4x2xi8>) outs(%start : tensor<4x2xi32>) -> tensor<4x2xi32>
    %bytes = tensor.empty() : tensor<4x2xi8>
    %low = arith.constant -128 : i32
    %high = arith.constant 127 : i32
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%acc : tensor<4x2xi32>) outs(%bytes : tensor<4x2xi8>) {
    ^bb0(%a: i32, %o: i8):
      %1 = tosa.apply_scale %a, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
      %2 = arith.maxsi %1, %low : i32
      %3 = arith.minsi %2, %high : i32
      %4 = arith.trunci %3 : i32 to i8
      linalg.yield %4 : i8
    } -> tensor<4x2xi8>
    vmcu.yield %0 : tensor<4x2xi8>
  }
  return
}
