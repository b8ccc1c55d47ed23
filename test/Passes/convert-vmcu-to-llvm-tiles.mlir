// Tile ops become loads and SXTB16 (`widen`) or one block of assembly that names its registers.
// RUN: vmcu-opt %s --convert-vmcu-to-llvm=name=net --canonicalize --cse | FileCheck %s
// RUN: not vmcu-opt %s --convert-vmcu-to-llvm=fpu=false 2>&1 | FileCheck %s --check-prefix=WITHOUT
// WITHOUT: error: needs a core with the DSP extension and an FPU
// WITHOUT-NOT: vmov

// CHECK-DAG:   llvm.mlir.global internal constant @net_halo_f9(dense<-7> : {{.*}}alignment = 4
// CHECK-LABEL: func.func private @net_conv(
// CHECK-SAME:    %[[IN:.*]]: !llvm.ptr, %[[OUT:.*]]: !llvm.ptr, %[[RECORD:.*]]: !llvm.ptr)
// CHECK:         %[[LANES:.*]] = llvm.alloca %{{.*}} x i16 {alignment = 4 : i64}
// CHECK:         scf.for

// Of seven bytes from lane 3 on, the first fills up a group of four lanes; a word follows, then two bytes.
// CHECK:           %[[FROM:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : !llvm.ptr
// CHECK-COUNT-3:   llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK-NOT:       llvm.load %{{.*}} -> i8
// CHECK:           llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> i32
// CHECK-COUNT-2:   "llvm.arm.sxtb16"
// CHECK-NOT:       sxtb16

// Two pieces: a loop that reads the source on and on, and stores lanes a step apart.
// CHECK:           scf.for %[[PIECE:.*]] = %c0 to %c2 step %c1
// CHECK-DAG:         arith.muli %[[PIECE]], %c4
// CHECK-DAG:         arith.muli %[[PIECE]], %c16
// CHECK:             llvm.load
// CHECK-COUNT-2:     llvm.store

// Many words are widened four at a time.
// CHECK:           scf.for %{{.*}} = %c0 to %c8 step %c4
// CHECK-COUNT-8:     "llvm.arm.sxtb16"
// CHECK-NOT:         sxtb16

// Every register of the core and of the FPU that the text names is a result or a clobber, and so is memory.
// CHECK:           llvm.inline_asm has_side_effects
// CHECK-SAME:        smlad {{r[0-9]+|lr}}
// CHECK-SAME:        smmlar
// CHECK-SAME:        strb
// CHECK-SAME:        "=&{r0},=&{r1},=&{r2},{{.*}}=&{lr},0,1,2,~{s0},{{.*}}~{memory},~{cc}"
// CHECK-NOT:     vmcu.
// CHECK:         return
func.func @main() {
  %pool = vmcu.pool : !vmcu.pool<256>
  %x = vmcu.place %pool[0] as input 0 : !vmcu.pool<256> -> !vmcu.sequence<8x16xi8>
  %y = vmcu.place %pool[128] as output 0 : !vmcu.pool<256> -> !vmcu.sequence<8x4xi8>
  vmcu.tiled_kernel @conv conv2d ins(%x : !vmcu.sequence<8x16xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%in: !vmcu.sequence<8x16xi8>, %out: !vmcu.sequence<8x4xi8>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %record = arith.constant dense<1> : tensor<28xi32>
    %lanes = memref.alloca() : memref<64xi16>
    scf.for %i = %c0 to %c8 step %c1 {
      %guard = arith.cmpi ult, %i, %c1 : index
      vmcu.widen %in[%i, %c1] to %lanes[3] bytes 7 if %guard else -7 : !vmcu.sequence<8x16xi8> to memref<64xi16>
      vmcu.widen %in[%i, %c0] to %lanes[0] bytes 4 pieces 2 step 8 : !vmcu.sequence<8x16xi8> to memref<64xi16>
      vmcu.widen %in[%c0 + %i, %c0] to %lanes[0] bytes 32 : !vmcu.sequence<8x16xi8> to memref<64xi16>
      vmcu.matmul %lanes times %record into %out[%i] pixels 2 pitch 16 depth 16 round double zero_point 5 clamp -128 to 127
        : memref<64xi16>, tensor<28xi32> into !vmcu.sequence<8x4xi8>
    }
  }
  vmcu.tiled_kernel @row depthwise ins(%x : !vmcu.sequence<8x16xi8>) outs(%x : !vmcu.sequence<8x16xi8>) {
  ^bb0(%in: !vmcu.sequence<8x16xi8>, %out: !vmcu.sequence<8x16xi8>):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %record = arith.constant dense<1> : tensor<80xi32>
    scf.for %i = %c0 to %c2 step %c1 {
      %guard = arith.cmpi ult, %i, %c1 : index
      vmcu.depthwise %in[%i] if(%guard) with %record into %out[%i] window 3 stride 1 pad 1 columns 8 to 8 halo -7 round single
        zero_point 0 clamp 0 to 127 : !vmcu.sequence<8x16xi8>, tensor<80xi32> into !vmcu.sequence<8x16xi8>
    }
  }
  return
}

// A row that is not there is read from the halo. The address is that of the window's first column, one before the row.
// CHECK-LABEL: func.func private @net_row(
// CHECK:         %[[ROW:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : !llvm.ptr
// CHECK:         %[[AT:.*]] = llvm.ptrtoint %[[ROW]] : !llvm.ptr to i32
// CHECK:         %[[FIRST:.*]] = arith.subi %[[AT]], %c16_i32
// CHECK:         llvm.inline_asm has_side_effects
// CHECK-SAME:      ldrsb
// CHECK-SAME:      smlad
// CHECK-SAME:      %[[FIRST]]
// CHECK-NOT:     vmcu.
