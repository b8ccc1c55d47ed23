// Three layers become one kernel: the tensors between them exist in its body only, and a workspace takes their place.
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-fuse-kernels="chains=conv2d_0+depthwise_0+conv2d_1" | FileCheck %s
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false" | FileCheck %s --check-prefix=PLAIN
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false recompute=2.5" | FileCheck %s --check-prefix=PLAN
// RUN: vmcu-opt %s --vmcu-form-kernels --vmcu-plan="streams=false recompute=2.5" --vmcu-tile-to-segments | FileCheck %s --check-prefix=TILED

#pixel = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#requantise = {indexing_maps = [#pixel, #pixel], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}

// CHECK-LABEL: func.func @bottleneck(
// CHECK-SAME:    %[[X:.*]]: tensor<1x6x6x4xi8>)
// CHECK-NEXT:  %[[Y:.*]] = vmcu.kernel @fused_0 fused ins(%[[X]] : tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
// CHECK:         linalg.conv_2d_nhwc_fhwc
// CHECK:         %[[EXPANDED:.*]] = linalg.generic
// CHECK:         tensor.pad %[[EXPANDED]]
// CHECK:         linalg.depthwise_conv_2d_nhwc_hwc
// CHECK:         linalg.conv_2d_nhwc_fhwc
// CHECK:         vmcu.yield
// CHECK-NOT:   vmcu.kernel
// CHECK:       return %[[Y]]

// Nothing is computed twice unless that is allowed.
// PLAIN-LABEL: func.func @bottleneck()
// PLAIN:       vmcu.pool {{.*}}: !vmcu.pool<348>
// PLAIN:       vmcu.placed_kernel @conv2d_0 conv2d

// The workspace has four columns of three expanded pixels, and two depthwise pixels.
// PLAN-LABEL:  func.func @bottleneck()
// PLAN:        %[[POOL:.*]] = vmcu.pool {{.*}}: !vmcu.pool<284>
// PLAN-DAG:    %[[IN:.*]] = vmcu.place {{"[a-z0-9_. ]+"}} %[[POOL]]{{.*}} -> !vmcu.sequence<36x4xi8>
// PLAN-DAG:    %[[RING:.*]] = vmcu.place {{"[a-z0-9_. ]+"}} %[[POOL]]{{.*}} -> !vmcu.sequence<12x8xi8>
// PLAN-DAG:    %[[PIXELS:.*]] = vmcu.place {{"[a-z0-9_. ]+"}} %[[POOL]]{{.*}} -> !vmcu.sequence<2x8xi8>
// PLAN:        vmcu.placed_kernel @fused_0 fused
// PLAN-SAME:     workspace(%[[RING]], %[[PIXELS]] : !vmcu.sequence<12x8xi8>, !vmcu.sequence<2x8xi8>)
// PLAN-NOT:    vmcu.placed_kernel

// Columns are expanded, two pixels at a time, before the pixels whose windows end with them are made.
// TILED-LABEL: func.func @bottleneck()
// TILED:       ^bb0(%[[X:.*]]: !vmcu.sequence<36x4xi8>, %[[Y:.*]]: !vmcu.sequence<36x4xi8>, %[[RING:.*]]: !vmcu.sequence<12x8xi8>, %[[PIXELS:.*]]: !vmcu.sequence<2x8xi8>):
// TILED:         vmcu.segment_load %[[X]]{{.*}} -> vector<2x4xi8>
// TILED:         vmcu.dot
// TILED:         vmcu.segment_store %{{.*}}, %[[RING]]
// TILED:         vmcu.segment_load %[[RING]]{{.*}} -> vector<3x4xi8>
// TILED:         vmcu.channel_dot
// TILED:         vmcu.segment_store %{{.*}}, %[[PIXELS]]
// TILED:         vmcu.segment_free %[[X]] before
// TILED:         vmcu.segment_load %[[PIXELS]]{{.*}} -> vector<2x8xi8>
// TILED:         vmcu.segment_store %{{.*}}, %[[Y]]
func.func @bottleneck(%x: tensor<1x6x6x4xi8>) -> tensor<1x6x6x4xi8> {
  %zero = arith.constant 0 : i32
  %multiplier = arith.constant 1073741824 : i32
  %shift = arith.constant 32 : i8
  %low = arith.constant -128 : i32
  %high = arith.constant 127 : i32
  %pad = arith.constant 0 : i8
  %aw = arith.constant dense<1> : tensor<8x1x1x4xi8>
  %bw = arith.constant dense<2> : tensor<3x3x8xi8>
  %cw = arith.constant dense<3> : tensor<4x1x1x8xi8>
  %ae = tensor.empty() : tensor<1x6x6x8xi32>
  %as = linalg.fill ins(%zero : i32) outs(%ae : tensor<1x6x6x8xi32>) -> tensor<1x6x6x8xi32>
  %aa = linalg.conv_2d_nhwc_fhwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
      ins(%x, %aw : tensor<1x6x6x4xi8>, tensor<8x1x1x4xi8>) outs(%as : tensor<1x6x6x8xi32>) -> tensor<1x6x6x8xi32>
  %ab = tensor.empty() : tensor<1x6x6x8xi8>
  %a = linalg.generic #requantise ins(%aa : tensor<1x6x6x8xi32>) outs(%ab : tensor<1x6x6x8xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x6x6x8xi8>
  %p = tensor.pad %a low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %pad : i8
  } : tensor<1x6x6x8xi8> to tensor<1x8x8x8xi8>
  %be = tensor.empty() : tensor<1x6x6x8xi32>
  %bs = linalg.fill ins(%zero : i32) outs(%be : tensor<1x6x6x8xi32>) -> tensor<1x6x6x8xi32>
  %ba = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
      ins(%p, %bw : tensor<1x8x8x8xi8>, tensor<3x3x8xi8>) outs(%bs : tensor<1x6x6x8xi32>) -> tensor<1x6x6x8xi32>
  %bb = tensor.empty() : tensor<1x6x6x8xi8>
  %b = linalg.generic #requantise ins(%ba : tensor<1x6x6x8xi32>) outs(%bb : tensor<1x6x6x8xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x6x6x8xi8>
  %ce = tensor.empty() : tensor<1x6x6x4xi32>
  %cs = linalg.fill ins(%zero : i32) outs(%ce : tensor<1x6x6x4xi32>) -> tensor<1x6x6x4xi32>
  %ca = linalg.conv_2d_nhwc_fhwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
      ins(%b, %cw : tensor<1x6x6x8xi8>, tensor<4x1x1x8xi8>) outs(%cs : tensor<1x6x6x4xi32>) -> tensor<1x6x6x4xi32>
  %cb = tensor.empty() : tensor<1x6x6x4xi8>
  %c = linalg.generic #requantise ins(%ca : tensor<1x6x6x4xi32>) outs(%cb : tensor<1x6x6x4xi8>) {
  ^bb0(%in: i32, %o: i8):
    %0 = tosa.apply_scale %in, %multiplier, %shift {rounding_mode = DOUBLE_ROUND} : (i32, i32, i8) -> i32
    %1 = arith.maxsi %0, %low : i32
    %2 = arith.minsi %1, %high : i32
    %3 = arith.trunci %2 : i32 to i8
    linalg.yield %3 : i8
  } -> tensor<1x6x6x4xi8>
  return %c : tensor<1x6x6x4xi8>
}
