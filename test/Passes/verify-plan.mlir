// A plan in which every read finds what was written passes, be it as planned or changed by hand.
// RUN: vmcu-opt %s --vmcu-verify-plan --vmcu-verify-plan | FileCheck %s

// CHECK-LABEL: func.func @in_place
// CHECK-LABEL: func.func @backward
// CHECK-LABEL: func.func @ring_of_two
// CHECK-LABEL: func.func @workspace_apart
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#line = affine_map<(a) -> (a)>

func.func @in_place() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[0] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  vmcu.placed_kernel @k elementwise ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%t: tensor<1x4x1x8xi8>):
    %empty = tensor.empty() : tensor<1x4x1x8xi8>
    %low = arith.constant -100 : i8
    %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%t : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %m = arith.maxsi %a, %low : i8
      linalg.yield %m : i8
    } -> tensor<1x4x1x8xi8>
    vmcu.yield %q : tensor<1x4x1x8xi8>
  }
  return
}

// The output lies above the input, so that the last segment goes first.
func.func @backward() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[8] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  vmcu.placed_kernel @k elementwise traversal backward ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x4xi8>) {
  ^bb0(%t: tensor<1x4x1x8xi8>):
    %empty = tensor.empty() : tensor<1x4x1x8xi8>
    %low = arith.constant -100 : i8
    %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%t : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
    ^bb0(%a: i8, %o: i8):
      %m = arith.maxsi %a, %low : i8
      linalg.yield %m : i8
    } -> tensor<1x4x1x8xi8>
    vmcu.yield %q : tensor<1x4x1x8xi8>
  }
  return
}

// A row is read one tick after it is made, when the next one is there already.
func.func @ring_of_two() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<128>
  %x = vmcu.place %pool[0] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8, ring = 4>
  %z = vmcu.place %pool[64] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<128> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[64] as output 0 : !vmcu.pool<128> -> !vmcu.sequence<32x1xi8>
  vmcu.stream from -1 to 4 {
    vmcu.placed_kernel @a elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x4xi8, ring = 4>) {
    ^bb0(%t: tensor<1x4x1x8xi8>):
      %empty = tensor.empty() : tensor<1x4x1x8xi8>
      %low = arith.constant -100 : i8
      %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%t : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
      ^bb0(%a: i8, %o: i8):
        %m = arith.maxsi %a, %low : i8
        linalg.yield %m : i8
      } -> tensor<1x4x1x8xi8>
      vmcu.yield %q : tensor<1x4x1x8xi8>
    }
    vmcu.placed_kernel @b elementwise phase<scale = 1, shift = 0, rows = 4> ins(%y : !vmcu.sequence<8x4xi8, ring = 4>) outs(%z : !vmcu.sequence<8x4xi8>) {
    ^bb0(%t: tensor<1x4x1x8xi8>):
      %empty = tensor.empty() : tensor<1x4x1x8xi8>
      %low = arith.constant -100 : i8
      %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
          ins(%t : tensor<1x4x1x8xi8>) outs(%empty : tensor<1x4x1x8xi8>) {
      ^bb0(%a: i8, %o: i8):
        %m = arith.maxsi %a, %low : i8
        linalg.yield %m : i8
      } -> tensor<1x4x1x8xi8>
      vmcu.yield %q : tensor<1x4x1x8xi8>
    }
  }
  return
}

func.func @workspace_apart() attributes {vmcu.inputs = [{type = tensor<8xi8>}], vmcu.outputs = [{type = tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %w = vmcu.place %pool[16] : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %y = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %x = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %in = vmcu.place %pool[8] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %out = vmcu.place %pool[0] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  vmcu.placed_kernel @b buffer ins(%x : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) workspace(%w : !vmcu.sequence<32x1xi8>) {
  ^bb0(%t: tensor<8xi8>):
    %words = tensor.empty() : tensor<8xi32>
    %bytes = tensor.empty() : tensor<8xi8>
    %wide = linalg.generic {indexing_maps = [#line, #line], iterator_types = ["parallel"]}
        ins(%t : tensor<8xi8>) outs(%words : tensor<8xi32>) {
    ^bb0(%a: i8, %o: i32):
      %v = arith.extsi %a : i8 to i32
      linalg.yield %v : i32
    } -> tensor<8xi32>
    %narrow = linalg.generic {indexing_maps = [#line, #line], iterator_types = ["parallel"]}
        ins(%wide : tensor<8xi32>) outs(%bytes : tensor<8xi8>) {
    ^bb0(%a: i32, %o: i8):
      %v = arith.trunci %a : i32 to i8
      linalg.yield %v : i8
    } -> tensor<8xi8>
    vmcu.yield %narrow : tensor<8xi8>
  }
  return
}
