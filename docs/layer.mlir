// One layer: a pointwise convolution of an image of 6x6 pixels, 8 channels in, 12 out, and its requantisation to int8.
// docs/architecture.md follows it through the compiler.
func.func @main(%image: tensor<1x6x6x8xi8>) -> tensor<1x6x6x12xi8> {
  %weights = "tosa.const"() <{values = dense<"0x26CED9E0D9242D0AC8CFECF80FFDE4D7171CC7D1FAF32F02F6F8140BD81D1F3723E6EA1212182DE735C4CD3936E8D4E9C92F140AE1FDDB21FDC7E21902F1E2CE0D13023434DD0D10E1E8FE1DE71B13DEF2282913C416DF2732F7371FEB2EF2D0"> : tensor<12x1x1x8xi8>}>
      : () -> tensor<12x1x1x8xi8>
  %bias = "tosa.const"() <{values = dense<[168, 629, 281, -191, 723, -37, -206, -637, -518, 357, 538, -375]> : tensor<12xi32>}> : () -> tensor<12xi32>
  %image_zero = "tosa.const"() <{values = dense<-128> : tensor<1xi8>}> : () -> tensor<1xi8>
  %weights_zero = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %acc = tosa.conv2d %image, %weights, %bias, %image_zero, %weights_zero
      {acc_type = i32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>}
      : (tensor<1x6x6x8xi8>, tensor<12x1x1x8xi8>, tensor<12xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x6x6x12xi32>
  %multiplier = "tosa.const"() <{values = dense<1500000000> : tensor<1xi32>}> : () -> tensor<1xi32>
  %shift = "tosa.const"() <{values = dense<38> : tensor<1xi8>}> : () -> tensor<1xi8>
  %acc_zero = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %result_zero = "tosa.const"() <{values = dense<-3> : tensor<1xi8>}> : () -> tensor<1xi8>
  %result = tosa.rescale %acc, %multiplier, %shift, %acc_zero, %result_zero
      {input_unsigned = false, output_unsigned = false, per_channel = false, rounding_mode = DOUBLE_ROUND, scale32 = true}
      : (tensor<1x6x6x12xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x6x6x12xi8>
  return %result : tensor<1x6x6x12xi8>
}
