// A tensor that is read again later keeps its bytes; sums are made in place.
// RUN: vmcu-opt %s --vmcu-plan="streams=false" | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @residual()
// CHECK-NEXT:  %[[POOL:.*]] = vmcu.pool {{.*}}: !vmcu.pool<64>
// CHECK-DAG:   vmcu.place {{"[a-z0-9_. ]+"}} %[[POOL]][32] as input 0
// CHECK-DAG:   vmcu.place {{"[a-z0-9_. ]+"}} %[[POOL]][32] as output 0
// CHECK:       vmcu.placed_kernel @twice elementwise ins(%[[X:[a-z0-9_]+]] : !vmcu.sequence<8x4xi8>) outs(%[[Y:[a-z0-9_]+]] : !vmcu.sequence<8x4xi8>)
// CHECK:       vmcu.placed_kernel @sum elementwise ins(%[[X]], %[[Y]] : {{.*}})
// CHECK:       return
func.func @residual(%x: tensor<32xi8>) -> tensor<32xi8> {
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
  %z = vmcu.kernel @sum elementwise ins(%x, %y : tensor<32xi8>, tensor<32xi8>) -> tensor<32xi8> {
  ^bb0(%left: tensor<32xi8>, %right: tensor<32xi8>):
    %empty = tensor.empty() : tensor<32xi8>
    %0 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
        ins(%left, %right : tensor<32xi8>, tensor<32xi8>) outs(%empty : tensor<32xi8>) {
    ^bb0(%a: i8, %b: i8, %o: i8):
      %1 = arith.addi %a, %b : i8
      linalg.yield %1 : i8
    } -> tensor<32xi8>
    vmcu.yield %0 : tensor<32xi8>
  }
  return %z : tensor<32xi8>
}
