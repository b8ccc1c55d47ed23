// What no conversion takes is refused at the op, and so is a function that these passes cannot read.
// RUN: vmcu-opt %s --vmcu-refuse-tosa-leftovers --vmcu-keep-layers-apart --verify-diagnostics --split-input-file

func.func @left(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{tosa.custom has no lowering to linalg; `vmcu ops` lists the supported operators}}
  %0 = tosa.custom %x {domain_name = "d", implementation_attrs = "", operator_name = "magic"} : (tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// -----

// expected-error@+1 {{has 2 blocks; supported is a function of one block}}
func.func @blocks(%x: tensor<4xi8>) -> tensor<4xi8> {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xi8>
}
