// Each level has a named pipeline. Its options are those of its passes, and `core` stands for what they are told of a core.
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg --vmcu-to-kernels --vmcu-to-plan="core=cortex-m0plus align=8 streams=false" \
// RUN:   --vmcu-to-segments=loops --vmcu-to-llvm="core=cortex-m0plus name=net" | FileCheck %s
// RUN: vmcu-opt %s --pass-pipeline="builtin.module(vmcu-tosa-to-linalg,vmcu-to-kernels,vmcu-to-plan{core=cortex-m0plus \
// RUN:   align=8 streams=false},vmcu-to-segments{loops},vmcu-to-llvm{core=cortex-m0plus name=net})" | FileCheck %s
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg --vmcu-to-kernels | FileCheck %s --check-prefix=KERNELS
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg --vmcu-to-kernels --vmcu-to-plan=dsp=false | FileCheck %s --check-prefix=PLAIN
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg --vmcu-to-kernels --vmcu-to-plan="core=cortex-m4 dsp=false" \
// RUN:   | FileCheck %s --check-prefix=PLAIN
// RUN: vmcu-opt --vmcu-set-target="triple=thumbv7m-none-eabi data-layout=e-p:32:32" %s | FileCheck %s --check-prefix=TARGET
// RUN: vmcu-opt --help | FileCheck %s --check-prefix=HELP
// RUN: not vmcu-opt %s --vmcu-to-kernels=ram=4 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not vmcu-opt %s --vmcu-to-plan=pool=4 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not vmcu-opt %s --vmcu-to-plan=core=z80 2>&1 | FileCheck %s --check-prefix=CORE

// CHECK: llvm.target_triple = "thumbv6m-none-eabi"
// CHECK: llvm.func @net_run
// KERNELS: vmcu.kernel @conv2d_0 conv2d ins(
// PLAIN: vmcu.placed_kernel @conv2d_0 conv2d ins(
// TARGET: llvm.data_layout = "e-p:32:32", llvm.target_triple = "thumbv7m-none-eabi"
// HELP: --vmcu-to-plan
// HELP-NEXT: core=<str>: what passes are told of a core: cortex-m4
// HELP-NEXT: dsp=<true|false>
// HELP: ram=<bytes>: most bytes that the pool may have
// NONE: error: <vmcu-to-kernels>: no option 'ram'; options are: none
// UNKNOWN: error: <vmcu-to-plan>: no option 'pool'; options are: core, dsp
// CORE: error: <vmcu-to-plan>: {{.*}}z80

func.func @main(%x: tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8> {
  %w = "tosa.const"() <{values = dense<1> : tensor<4x1x1x4xi8>}> : () -> tensor<4x1x1x4xi8>
  %b = "tosa.const"() <{values = dense<0> : tensor<4xi32>}> : () -> tensor<4xi32>
  %z = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %m = "tosa.const"() <{values = dense<1500000000> : tensor<1xi32>}> : () -> tensor<1xi32>
  %s = "tosa.const"() <{values = dense<38> : tensor<1xi8>}> : () -> tensor<1xi8>
  %n = "tosa.const"() <{values = dense<0> : tensor<1xi32>}> : () -> tensor<1xi32>
  %0 = tosa.conv2d %x, %w, %b, %z, %z {acc_type = i32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>,
    stride = array<i64: 1, 1>}
    : (tensor<1x2x2x4xi8>, tensor<4x1x1x4xi8>, tensor<4xi32>, tensor<1xi8>, tensor<1xi8>) -> tensor<1x2x2x4xi32>
  %1 = tosa.rescale %0, %m, %s, %n, %z {input_unsigned = false, output_unsigned = false, per_channel = false,
    rounding_mode = DOUBLE_ROUND, scale32 = true}
    : (tensor<1x2x2x4xi32>, tensor<1xi32>, tensor<1xi8>, tensor<1xi32>, tensor<1xi8>) -> tensor<1x2x2x4xi8>
  return %1 : tensor<1x2x2x4xi8>
}
