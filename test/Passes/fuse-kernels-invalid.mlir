// RUN: vmcu-opt %s --vmcu-fuse-kernels="chains=a+b+c" --verify-diagnostics --split-input-file

// expected-error@+1 {{there is no kernel 'b' to fuse}}
func.func @missing(%x: tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  %a = vmcu.kernel @a conv2d ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  return %a : tensor<1x6x6x4xi8>
}

// -----

// Something else reads what the first kernel makes.
func.func @shared(%x: tensor<1x6x6x4xi8>) -> (tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>) {
  // expected-error@+1 {{a+b+c cannot be fused; supported are a convolution, a depthwise convolution and a pointwise one}}
  %a = vmcu.kernel @a conv2d ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  %b = vmcu.kernel @b conv2d ins(%a : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  %c = vmcu.kernel @c conv2d ins(%b : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  return %c, %a : tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>
}

// -----

// They do not read one another.
func.func @apart(%x: tensor<1x6x6x4xi8>) -> (tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>) {
  // expected-error@+1 {{a+b+c cannot be fused}}
  %a = vmcu.kernel @a conv2d ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  %b = vmcu.kernel @b conv2d ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  %c = vmcu.kernel @c conv2d ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    vmcu.yield %in : tensor<1x6x6x4xi8>
  }
  return %a, %b, %c : tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>, tensor<1x6x6x4xi8>
}

// -----

// A chain, but not of these layers: the second is a pooling.
func.func @pooling(%x: tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  // expected-error@+1 {{a+b+c cannot be fused}}
  %a = vmcu.kernel @a pool ins(%x : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    %low = arith.constant -128 : i8
    %empty = tensor.empty() : tensor<1x6x6x4xi8>
    %start = linalg.fill ins(%low : i8) outs(%empty : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    %window = tensor.empty() : tensor<1x1xi8>
    %y = linalg.pooling_nhwc_max {strides = dense<1> : vector<2xi64>} ins(%in, %window : tensor<1x6x6x4xi8>, tensor<1x1xi8>)
        outs(%start : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    vmcu.yield %y : tensor<1x6x6x4xi8>
  }
  %b = vmcu.kernel @b pool ins(%a : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    %low = arith.constant -128 : i8
    %empty = tensor.empty() : tensor<1x6x6x4xi8>
    %start = linalg.fill ins(%low : i8) outs(%empty : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    %window = tensor.empty() : tensor<1x1xi8>
    %y = linalg.pooling_nhwc_max {strides = dense<1> : vector<2xi64>} ins(%in, %window : tensor<1x6x6x4xi8>, tensor<1x1xi8>)
        outs(%start : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    vmcu.yield %y : tensor<1x6x6x4xi8>
  }
  %c = vmcu.kernel @c pool ins(%b : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  ^bb0(%in: tensor<1x6x6x4xi8>):
    %low = arith.constant -128 : i8
    %empty = tensor.empty() : tensor<1x6x6x4xi8>
    %start = linalg.fill ins(%low : i8) outs(%empty : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    %window = tensor.empty() : tensor<1x1xi8>
    %y = linalg.pooling_nhwc_max {strides = dense<1> : vector<2xi64>} ins(%in, %window : tensor<1x6x6x4xi8>, tensor<1x1xi8>)
        outs(%start : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8>
    vmcu.yield %y : tensor<1x6x6x4xi8>
  }
  return %c : tensor<1x6x6x4xi8>
}
