// One place per tensor: other shapes are views of it, and so is each further role.
// RUN: vmcu-opt %s --vmcu-plan="streams=false" | FileCheck %s
// RUN: vmcu-opt %s --vmcu-plan="streams=false" --vmcu-tile-to-segments | FileCheck %s --check-prefix=FREES

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @returned_twice()
// CHECK-NEXT:  %[[POOL:.*]] = vmcu.pool {{.*}}: !vmcu.pool<96>
// CHECK-NEXT:  %[[X:.*]] = vmcu.place "input_0" %[[POOL]][{{[0-9]+}}] as input 0 : {{.*}} -> !vmcu.sequence<8x4xi8>
// CHECK-NEXT:  %[[Y:.*]] = vmcu.place "twice" %[[POOL]][{{[0-9]+}}] as output 0 : {{.*}} -> !vmcu.sequence<8x4xi8>
// CHECK-NEXT:  %[[XB:.*]] = vmcu.view %[[X]] : !vmcu.sequence<8x4xi8> -> !vmcu.sequence<32x1xi8>
// CHECK-NEXT:  %[[Z:.*]] = vmcu.place "copy" %[[POOL]][{{[0-9]+}}] as output 3 : {{.*}} -> !vmcu.sequence<32x1xi8>
// CHECK-NEXT:  vmcu.view %[[Y]] as output 1 : !vmcu.sequence<8x4xi8> -> !vmcu.sequence<8x4xi8>
// CHECK-NEXT:  vmcu.view %[[X]] as output 2 : !vmcu.sequence<8x4xi8> -> !vmcu.sequence<8x4xi8>
// CHECK-NEXT:  vmcu.placed_kernel @twice elementwise ins(%[[X]] : {{.*}}) outs(%[[Y]] : {{.*}})
// CHECK:       vmcu.placed_kernel @copy buffer ins(%[[XB]] : {{.*}}) outs(%[[Z]] : {{.*}})

// The caller reads the input: no kernel frees it.
// FREES-LABEL: func.func @returned_twice()
// FREES-NOT:   vmcu.segment_free
// FREES:       return
func.func @returned_twice(%x: tensor<32xi8>) -> (tensor<32xi8>, tensor<32xi8>, tensor<32xi8>, tensor<32xi8>) {
  %y = vmcu.kernel @twice elementwise ins(%x : tensor<32xi8>) -> tensor<32xi8> {
  ^bb0(%in: tensor<32xi8>):
    %empty = tensor.empty() : tensor<32xi8>
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%in : tensor<32xi8>) outs(%empty : tensor<32xi8>) {
    ^bb0(%a: i8, %o: i8):
      %1 = arith.addi %a, %a : i8
      linalg.yield %1 : i8
    } -> tensor<32xi8>
    vmcu.yield %0 : tensor<32xi8>
  }
  %z = vmcu.kernel @copy buffer ins(%x : tensor<32xi8>) -> tensor<32xi8> {
  ^bb0(%in: tensor<32xi8>):
    vmcu.yield %in : tensor<32xi8>
  }
  return %y, %y, %x, %z : tensor<32xi8>, tensor<32xi8>, tensor<32xi8>, tensor<32xi8>
}

// The elements of a tensor are those of its sequences.
// CHECK-LABEL: func.func @words()
// CHECK:       vmcu.place "input_0" {{.*}} as input 0 : {{.*}} -> !vmcu.sequence<6x1xi8>
// CHECK-NEXT:  vmcu.place "widen" {{.*}} as output 0 : {{.*}} -> !vmcu.sequence<6x1xi32>
// CHECK-NEXT:  vmcu.place "input_1" {{.*}} as input 1 : {{.*}} -> !vmcu.sequence<3x1xi16>
func.func @words(%x: tensor<6xi8>, %unused: tensor<3xi16>) -> tensor<6xi32> {
  %y = vmcu.kernel @widen buffer ins(%x : tensor<6xi8>) -> tensor<6xi32> {
  ^bb0(%in: tensor<6xi8>):
    %empty = tensor.empty() : tensor<6xi32>
    %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%in : tensor<6xi8>) outs(%empty : tensor<6xi32>) {
    ^bb0(%a: i8, %o: i32):
      %1 = arith.extsi %a : i8 to i32
      linalg.yield %1 : i32
    } -> tensor<6xi32>
    vmcu.yield %0 : tensor<6xi32>
  }
  return %y : tensor<6xi32>
}
