// The pool becomes an array, a kernel a function on addresses, segment ops loads, SMLADs and stores.
// RUN: vmcu-opt %s --convert-vmcu-to-llvm=name=net --canonicalize --cse | FileCheck %s

// CHECK-DAG:   llvm.mlir.global internal constant @[[WEIGHTS:.*]](dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi8>) {{.*}}alignment = 4
// CHECK-DAG:   llvm.mlir.global internal constant @net_halo_fd(dense<-3>
// CHECK-DAG:   llvm.mlir.global external @net_pool() {{.*}}: !llvm.array<96 x i8>
// CHECK-LABEL: func.func @net_run() {
// CHECK-DAG:     %[[X:.*]] = llvm.mlir.addressof @net_pool
// CHECK-DAG:     %[[Y:.*]] = llvm.getelementptr %[[X]][32]
// CHECK-DAG:     %[[W:.*]] = llvm.mlir.addressof @[[WEIGHTS]]
// CHECK:         call @net_k(%[[X]], %[[Y]], %[[W]]) : (!llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
// CHECK-LABEL: func.func private @net_k(
// CHECK-SAME:    %[[IN:.*]]: !llvm.ptr, %[[OUT:.*]]: !llvm.ptr, %[[TABLE:.*]]: !llvm.ptr)
// CHECK:         %[[HALO:.*]] = llvm.mlir.addressof @net_halo_fd
// CHECK:         %[[INSIDE:.*]] = llvm.getelementptr %[[IN]]
// CHECK:         %[[ROW:.*]] = arith.select %{{.*}}, %[[INSIDE]], %[[HALO]] : !llvm.ptr
// CHECK:         llvm.load %[[ROW]] {alignment = 1 : i64} : !llvm.ptr -> i32
// CHECK-DAG:     "llvm.arm.sxtb16"
// CHECK-COUNT-4: "llvm.arm.smlad"
// CHECK-NOT:     smlad
// CHECK:         "llvm.arm.ssat"
// CHECK:         llvm.store {{.*}} : i8, !llvm.ptr
// CHECK-NOT:     vmcu.
func.func @main() {
  %pool = vmcu.pool : !vmcu.pool<96>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<96> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[32] as output 0 : !vmcu.pool<96> -> !vmcu.sequence<8x8xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x8xi8>) {
  ^bb0(%in: !vmcu.sequence<8x4xi8>, %out: !vmcu.sequence<8x8xi8>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %zeros = arith.constant dense<0> : vector<1x2xi32>
    %weights = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
    %multiplier = arith.constant dense<1073741824> : vector<1xi32>
    %shift = arith.constant dense<32> : vector<1xi8>
    scf.for %i = %c0 to %c8 step %c1 {
      %before = arith.subi %i, %c1 : index
      %guard = arith.cmpi ult, %before, %c8 : index
      %a = vmcu.segment_load %in[%before, %c0] if(%guard) else -3 : !vmcu.sequence<8x4xi8> -> vector<1x4xi8>
      %w = vmcu.flash_load %weights[%c0, %c0] : tensor<2x4xi8> -> vector<2x4xi8>
      %acc = vmcu.dot %a, %w, %zeros : vector<1x4xi8>, vector<2x4xi8>, vector<1x2xi32>
      %q = vmcu.requantize %acc by %multiplier, %shift round double zero_point 5 clamp -128 to 127
        : vector<1x2xi32>, vector<1xi32>, vector<1xi8> -> vector<1x2xi8>
      vmcu.segment_free %in before %before : !vmcu.sequence<8x4xi8>
      vmcu.segment_store %q, %out[%i, %c0] : vector<1x2xi8>, !vmcu.sequence<8x8xi8>
    }
  }
  return
}
