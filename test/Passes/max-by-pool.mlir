// RUN: vmcu-opt %s --vmcu-max-by-pool | FileCheck %s
// RUN: vmcu-opt %s --vmcu-max-by-pool --vmcu-max-by-pool | FileCheck %s
// RUN: vmcu-opt %s --vmcu-tosa-to-linalg --vmcu-to-kernels | FileCheck %s --check-prefix=KERNELS

// Rows of an image stay rows.
// CHECK-LABEL: func.func @rows
// CHECK: tosa.max_pool2d %{{.*}} {kernel = array<i64: 5, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x5x3x4xi8>) -> tensor<1x1x3x4xi8>
// KERNELS-LABEL: func.func @rows
// KERNELS: vmcu.kernel @pool_0 pool
// KERNELS-NOT: buffer
func.func @rows(%x: tensor<1x5x3x4xi8>) -> tensor<1x1x3x4xi8> {
  %0 = tosa.reduce_max %x {axis = 1 : i32} : (tensor<1x5x3x4xi8>) -> tensor<1x1x3x4xi8>
  return %0 : tensor<1x1x3x4xi8>
}

// Axes before the reduced one are rows as well.
// KERNELS-LABEL: func.func @middle
// CHECK-LABEL: func.func @middle
// CHECK: tosa.reshape %{{.*}} : (tensor<2x3x5xi8>, !tosa.shape<4>) -> tensor<1x6x1x5xi8>
// CHECK: tosa.max_pool2d %{{.*}} {kernel = array<i64: 3, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 3, 1>} : (tensor<1x6x1x5xi8>) -> tensor<1x2x1x5xi8>
// CHECK: tosa.reshape %{{.*}} : (tensor<1x2x1x5xi8>, !tosa.shape<3>) -> tensor<2x1x5xi8>
func.func @middle(%x: tensor<2x3x5xi8>) -> tensor<2x1x5xi8> {
  %0 = tosa.reduce_max %x {axis = 1 : i32} : (tensor<2x3x5xi8>) -> tensor<2x1x5xi8>
  return %0 : tensor<2x1x5xi8>
}

// CHECK-LABEL: func.func @smallest
// CHECK: tosa.bitwise_not
// CHECK: tosa.max_pool2d
// CHECK: tosa.bitwise_not
func.func @smallest(%x: tensor<1x5x3x4xi8>) -> tensor<1x5x1x4xi8> {
  %0 = tosa.reduce_min %x {axis = 2 : i32} : (tensor<1x5x3x4xi8>) -> tensor<1x5x1x4xi8>
  return %0 : tensor<1x5x1x4xi8>
}

// There are no channels beside the last axis; other types are not bytes.
// CHECK-LABEL: func.func @others
// CHECK: tosa.reduce_max
// CHECK: tosa.reduce_max
func.func @others(%x: tensor<2x3xi8>, %y: tensor<2x3xi32>) -> (tensor<2x1xi8>, tensor<1x3xi32>) {
  %0 = tosa.reduce_max %x {axis = 1 : i32} : (tensor<2x3xi8>) -> tensor<2x1xi8>
  %1 = tosa.reduce_max %y {axis = 0 : i32} : (tensor<2x3xi32>) -> tensor<1x3xi32>
  return %0, %1 : tensor<2x1xi8>, tensor<1x3xi32>
}
