// RUN: vmcu-opt %s --convert-vmcu-to-llvm --verify-diagnostics --split-input-file

func.func @not_tiled() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x1xi8>
  // expected-error@+1 {{is not tiled; run vmcu-tile-to-segments first}}
  vmcu.placed_kernel @k buffer ins(%x : !vmcu.sequence<4x1xi8>) outs(%y : !vmcu.sequence<4x1xi8>) {
  ^bb0(%in: tensor<4xi8>):
    vmcu.yield %in : tensor<4xi8>
  }
  return
}

// -----

func.func @one_pool() {
  %pool = vmcu.pool : !vmcu.pool<64>
  return
}
// expected-error@+1 {{a second function with a pool; supported is one per module}}
func.func @another_pool() {
  %pool = vmcu.pool : !vmcu.pool<64>
  return
}

// -----

func.func @weights_not_packed() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k depthwise ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %zeros = arith.constant dense<0> : vector<4xi32>
    %weights = arith.constant dense<1> : tensor<1x4xi8>
    %a = vmcu.segment_load %in[%c0, %c0] : !vmcu.sequence<4x4xi8> -> vector<1x4xi8>
    %w = vmcu.flash_load %weights[%c0, %c0] : tensor<1x4xi8> -> vector<1x4xi8>
    // expected-error@+1 {{needs packed weights; run vmcu-pack-weights}}
    %acc = vmcu.channel_dot %a, %w, %zeros : vector<1x4xi8>, vector<1x4xi8>, vector<4xi32>
  }
  return
}

// -----

func.func @bytes_made_by_arithmetic() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k elementwise ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %a = vmcu.segment_load %in[%c0, %c0] : !vmcu.sequence<4x4xi8> -> vector<1x4xi8>
    // expected-error@+1 {{makes vector<1x4xi8> by arithmetic on bytes; supported is arithmetic on words}}
    %b = arith.addi %a, %a : vector<1x4xi8>
    vmcu.segment_store %b, %out[%c0, %c0] : vector<1x4xi8>, !vmcu.sequence<4x4xi8>
  }
  return
}

// -----

func.func @matmul_not_packed() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x2xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x2xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x2xi8>):
    %c0 = arith.constant 0 : index
    %w = arith.constant dense<1> : tensor<2x4xi8>
    %b = arith.constant dense<0> : tensor<2xi32>
    %m = arith.constant dense<1073741824> : tensor<1xi32>
    %s = arith.constant dense<40> : tensor<1xi8>
    // expected-error@+1 {{needs packed constants; run vmcu-pack-weights first}}
    vmcu.matmul %in[%c0] times %w, %b, %m, %s into %out[%c0] pixels 1 pitch 4 depth 4 round double zero_point 0 clamp -128 to 127
      : !vmcu.sequence<4x4xi8>, tensor<2x4xi8>, tensor<2xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x2xi8>
  }
  return
}

// -----

func.func @depthwise_not_packed() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k depthwise ins(%x : !vmcu.sequence<4x4xi8>) outs(%y : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %w = arith.constant dense<1> : tensor<1x1x4xi8>
    %b = arith.constant dense<0> : tensor<4xi32>
    %m = arith.constant dense<1073741824> : tensor<1xi32>
    %s = arith.constant dense<40> : tensor<1xi8>
    // expected-error@+1 {{needs packed constants; run vmcu-pack-weights first}}
    vmcu.depthwise %in[%c0] with %w, %b, %m, %s into %out[%c0] window 1 stride 1 pad 0 columns 4 to 4 halo 0 round double
      zero_point 0 clamp -128 to 127
      : !vmcu.sequence<4x4xi8>, tensor<1x1x4xi8>, tensor<4xi32>, tensor<1xi32>, tensor<1xi8> into !vmcu.sequence<4x4xi8>
  }
  return
}

// -----

func.func @pieces_in_another_order() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x6xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<64> -> !vmcu.sequence<4x2xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x6xi8>) outs(%y : !vmcu.sequence<4x2xi8>) {
  ^bb0(%in: !vmcu.sequence<4x6xi8>, %out: !vmcu.sequence<4x2xi8>):
    %c0 = arith.constant 0 : index
    %lanes = memref.alloca() : memref<12xi16>
    // expected-error@+1 {{has pieces 6 lanes apart; supported are multiples of 4}}
    vmcu.widen %in[%c0, %c0] to %lanes[0] bytes 6 pieces 2 step 6 : !vmcu.sequence<4x6xi8> to memref<12xi16>
  }
  return
}

// -----

func.func @flash_of_no_constant() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k depthwise ins(%x : !vmcu.sequence<4x4xi8>) outs(%x : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %weights = tensor.empty() : tensor<4xi32>
    // expected-error@+1 {{reads a tensor that is no constant; flash holds constants only}}
    %w = vmcu.flash_load %weights[%c0] : tensor<4xi32> -> vector<4xi32>
  }
  return
}

// -----

func.func @record_of_no_constant() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x4xi8>) outs(%x : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %record = tensor.empty() : tensor<16xi32>
    // expected-error@+1 {{reads a tensor that is no constant; flash holds constants only}}
    vmcu.matmul %in[%c0] times %record into %out[%c0] pixels 1 pitch 4 depth 4 round single zero_point 0
      clamp -128 to 127 : !vmcu.sequence<4x4xi8>, tensor<16xi32> into !vmcu.sequence<4x4xi8>
  }
  return
}

// -----

func.func @lanes_on_the_heap() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x4xi8>) outs(%x : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %lanes = memref.alloc() : memref<4xi16>
    // expected-error@+1 {{has lanes that are not on the stack; supported is a memref.alloca in its kernel}}
    vmcu.widen %in[%c0, %c0] to %lanes[0] bytes 4 : !vmcu.sequence<4x4xi8> to memref<4xi16>
  }
  return
}

// -----

func.func @multiplied_lanes_on_the_heap() {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x4xi8>
  vmcu.tiled_kernel @k conv2d ins(%x : !vmcu.sequence<4x4xi8>) outs(%x : !vmcu.sequence<4x4xi8>) {
  ^bb0(%in: !vmcu.sequence<4x4xi8>, %out: !vmcu.sequence<4x4xi8>):
    %c0 = arith.constant 0 : index
    %record = arith.constant dense<1> : tensor<16xi32>
    %lanes = memref.alloc() : memref<4xi16>
    // expected-error@+1 {{has lanes that are not on the stack}}
    vmcu.matmul %lanes times %record into %out[%c0] pixels 1 pitch 4 depth 4 round single zero_point 0
      clamp -128 to 127 : memref<4xi16>, tensor<16xi32> into !vmcu.sequence<4x4xi8>
  }
  return
}

// -----

func.func @on_tensors(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{is in no function with a vmcu.pool; run vmcu-plan and vmcu-tile-to-segments first}}
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%in: tensor<4xi8>):
    vmcu.yield %in : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}

// -----

func.func @view_of_a_row_that_has_not_settled(%i: index) {
  %pool = vmcu.pool : !vmcu.pool<64>
  %landing = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8, ring = 1>
  %ring = vmcu.place %pool[16] : !vmcu.pool<64> -> !vmcu.sequence<4x8xi8, ring = 2>
  %x = vmcu.landing %landing, %ring[%i] : !vmcu.sequence<4x8xi8, ring = 1>, !vmcu.sequence<4x8xi8, ring = 2>
  // expected-error@+1 {{views a row that has not settled; supported are views of the landing and of the ring}}
  %v = vmcu.view %x : !vmcu.sequence<4x8xi8, ring = 2> -> !vmcu.sequence<8x4xi8, ring = 4>
  return
}
