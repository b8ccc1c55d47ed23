// With `sanitize` every access to the pool is reported, behind its guard; without, nothing is.
// RUN: vmcu-opt %s --convert-vmcu-to-llvm="name=net sanitize=true" --canonicalize --cse | FileCheck %s
// RUN: vmcu-opt %s --convert-vmcu-to-llvm=name=net | FileCheck %s --check-prefix=PLAIN
// PLAIN-NOT: report

// Weak: no optimisation may look into what the emulator listens to.
// CHECK-DAG:   func.func @net_report_enter(%{{.*}}: i32) attributes {llvm.linkage = #llvm.linkage<weak>}
// CHECK-DAG:   func.func @net_report_load(%{{.*}}: i32, %{{.*}}: i32, %{{.*}}: !llvm.ptr, %{{.*}}: i32) attributes {llvm.linkage = #llvm.linkage<weak>}
// CHECK-DAG:   func.func @net_report_store(
// CHECK-DAG:   func.func @net_report_free(
// CHECK-LABEL: func.func @net_run() {
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : i32
// CHECK:         call @net_report_enter(%[[ZERO]])
// CHECK-NEXT:    call @net_first(
// CHECK:         call @net_report_enter(%[[ONE]])
// CHECK-NEXT:    call @net_second(

// Two rows, two reports: the tensor's byte that is meant, and the address that is used.
// CHECK-LABEL: func.func private @net_first(
// CHECK-SAME:    %[[IN:[^:]*]]: !llvm.ptr, %[[OUT:[^:]*]]: !llvm.ptr)
// CHECK-DAG:     %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK:         scf.if %[[GUARD:.*]] {
// CHECK-NEXT:      func.call @net_report_load(%{{.*}}, %{{.*}}, %[[AT:.*]], %[[FOUR]]) : (i32, i32, !llvm.ptr, i32) -> ()
// CHECK-NEXT:    }
// CHECK:         llvm.load %[[AT]]
// CHECK:         scf.if %[[GUARD]] {
// CHECK-NEXT:      func.call @net_report_load
// CHECK:         call @net_report_free(
// CHECK:         call @net_report_store(
// CHECK:         llvm.store {{.*}} : i32, !llvm.ptr
// CHECK:         call @net_report_store(

// Whoever makes a view of an input may read all of it.
// CHECK-LABEL: func.func private @net_second(
// CHECK-SAME:    %[[IN:[^:]*]]: !llvm.ptr, %[[OUT:[^:]*]]: !llvm.ptr)
// CHECK-DAG:     %[[ALL:.*]] = arith.constant 32 : i32
// CHECK:         call @net_report_load(%{{.*}}, %{{.*}}, %[[IN]], %[[ALL]])
// CHECK:         call @net_report_store(%{{.*}}, %{{.*}}, %[[OUT]], %[[ALL]])
func.func @main() {
  %pool = vmcu.pool : !vmcu.pool<96>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<96> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<96> -> !vmcu.sequence<8x4xi8>
  %z = vmcu.place %pool[64] as output 0 : !vmcu.pool<96> -> !vmcu.sequence<8x4xi8>
  vmcu.tiled_kernel @first elementwise ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%in: !vmcu.sequence<8x4xi8>, %out: !vmcu.sequence<8x4xi8>):
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %c8 = arith.constant 8 : index
    scf.for %i = %c0 to %c8 step %c2 {
      %guard = arith.cmpi ult, %i, %c8 : index
      %a = vmcu.segment_load %in[%i, %c0] if(%guard, %guard) else 0 : !vmcu.sequence<8x4xi8> -> vector<2x4xi8>
      %next = arith.addi %i, %c2 : index
      vmcu.segment_free %in before %next : !vmcu.sequence<8x4xi8>
      vmcu.segment_store %a, %out[%i, %c0] : vector<2x4xi8>, !vmcu.sequence<8x4xi8>
    }
  }
  vmcu.tiled_kernel @second buffer ins(%y : !vmcu.sequence<8x4xi8>) outs(%z : !vmcu.sequence<8x4xi8>) {
  ^bb0(%in: !vmcu.sequence<8x4xi8>, %out: !vmcu.sequence<8x4xi8>):
    %c0 = arith.constant 0 : index
    %from = vmcu.buffer %in[0] : !vmcu.sequence<8x4xi8> -> memref<32xi8>
    %to = vmcu.buffer %out[0] : !vmcu.sequence<8x4xi8> -> memref<32xi8>
    %a = memref.load %from[%c0] : memref<32xi8>
    memref.store %a, %to[%c0] : memref<32xi8>
  }
  return
}
