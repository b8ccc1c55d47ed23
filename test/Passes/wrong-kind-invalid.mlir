// The kind that is written on a kernel says who reads its body. A body that is not of that kind is refused at the kernel.

// RUN: vmcu-opt %s --vmcu-choose-variants --verify-diagnostics --split-input-file

#pixel = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @elementwise_as_conv2d(%x: tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a conv2d kernel; found kind elementwise; supported for any body is kind buffer}}
  %0 = vmcu.kernel @k conv2d ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %empty = tensor.empty() : tensor<1x4x4x8xi8>
    %max = linalg.generic {indexing_maps = [#pixel, #pixel],
        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%in : tensor<1x4x4x8xi8>) outs(%empty : tensor<1x4x4x8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %zero = arith.constant 0 : i8
      %b = arith.maxsi %a, %zero : i8
      linalg.yield %b : i8
    } -> tensor<1x4x4x8xi8>
    vmcu.yield %max : tensor<1x4x4x8xi8>
  }
  return %0 : tensor<1x4x4x8xi8>
}

// -----

func.func @pool_as_elementwise(%x: tensor<1x4x4x8xi8>) -> tensor<1x2x2x8xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a elementwise kernel; found kind pool}}
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x2x2x8xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %low = arith.constant -128 : i8
    %window = tensor.empty() : tensor<2x2xi8>
    %empty = tensor.empty() : tensor<1x2x2x8xi8>
    %start = linalg.fill ins(%low : i8) outs(%empty : tensor<1x2x2x8xi8>) -> tensor<1x2x2x8xi8>
    %max = linalg.pooling_nhwc_max {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
        ins(%in, %window : tensor<1x4x4x8xi8>, tensor<2x2xi8>) outs(%start : tensor<1x2x2x8xi8>) -> tensor<1x2x2x8xi8>
    vmcu.yield %max : tensor<1x2x2x8xi8>
  }
  return %0 : tensor<1x2x2x8xi8>
}

// -----

// Ones over the whole image are a mean, whose sums are made row by row, and no depthwise convolution.
#row = affine_map<(a, b, c, d) -> (d)>
#image = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @mean_as_depthwise(%x: tensor<1x4x4x8xi8>) -> tensor<1x1x1x8xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a depthwise kernel; found kind pool}}
  %0 = vmcu.kernel @k depthwise ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x1x1x8xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %zero = arith.constant 0 : i32
    %ones = arith.constant dense<1> : tensor<4x4x8xi8>
    %multiplier = arith.constant dense<1073741824> : tensor<8xi32>
    %shift = arith.constant dense<34> : tensor<8xi8>
    %acc = tensor.empty() : tensor<1x1x1x8xi32>
    %start = linalg.fill ins(%zero : i32) outs(%acc : tensor<1x1x1x8xi32>) -> tensor<1x1x1x8xi32>
    %sum = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
        ins(%in, %ones : tensor<1x4x4x8xi8>, tensor<4x4x8xi8>) outs(%start : tensor<1x1x1x8xi32>) -> tensor<1x1x1x8xi32>
    %empty = tensor.empty() : tensor<1x1x1x8xi8>
    %mean = linalg.generic {indexing_maps = [#image, #row, #row, #image],
        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%sum, %multiplier, %shift : tensor<1x1x1x8xi32>, tensor<8xi32>, tensor<8xi8>) outs(%empty : tensor<1x1x1x8xi8>) {
    ^bb0(%a: i32, %m: i32, %s: i8, %o: i8):
      %low = arith.constant -128 : i32
      %high = arith.constant 127 : i32
      %scaled = tosa.apply_scale %a, %m, %s {rounding_mode = SINGLE_ROUND} : (i32, i32, i8) -> i32
      %above = arith.maxsi %scaled, %low : i32
      %inside = arith.minsi %above, %high : i32
      %byte = arith.trunci %inside : i32 to i8
      linalg.yield %byte : i8
    } -> tensor<1x1x1x8xi8>
    vmcu.yield %mean : tensor<1x1x1x8xi8>
  }
  return %0 : tensor<1x1x1x8xi8>
}

// -----

// A reader of fused kernels wants three layers.
func.func @nothing_as_fused(%x: tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a fused kernel; found no kind that is known}}
  %0 = vmcu.kernel @k fused ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    vmcu.yield %in : tensor<1x4x4x8xi8>
  }
  return %0 : tensor<1x4x4x8xi8>
}

// -----

#pixel = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @elementwise_as_rearrange(%x: tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a rearrange kernel; found kind elementwise}}
  %0 = vmcu.kernel @k rearrange ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x4x4x8xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %empty = tensor.empty() : tensor<1x4x4x8xi8>
    %max = linalg.generic {indexing_maps = [#pixel, #pixel],
        iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%in : tensor<1x4x4x8xi8>) outs(%empty : tensor<1x4x4x8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %zero = arith.constant 0 : i8
      %b = arith.maxsi %a, %zero : i8
      linalg.yield %b : i8
    } -> tensor<1x4x4x8xi8>
    vmcu.yield %max : tensor<1x4x4x8xi8>
  }
  return %0 : tensor<1x4x4x8xi8>
}

// -----

func.func @rearrange_as_elementwise(%x: tensor<1x4x4x8xi8>) -> tensor<1x4x4x4xi8> {
  // expected-error@+1 {{the body of kernel k is not that of a elementwise kernel; found kind rearrange}}
  %0 = vmcu.kernel @k elementwise ins(%x : tensor<1x4x4x8xi8>) -> tensor<1x4x4x4xi8> {
  ^bb0(%in: tensor<1x4x4x8xi8>):
    %some = tensor.extract_slice %in[0, 0, 0, 4] [1, 4, 4, 4] [1, 1, 1, 1] : tensor<1x4x4x8xi8> to tensor<1x4x4x4xi8>
    vmcu.yield %some : tensor<1x4x4x4xi8>
  }
  return %0 : tensor<1x4x4x4xi8>
}
