// Plans that lose a byte are refused at the kernel that reads it; the message names both tensors.
// RUN: vmcu-opt %s --vmcu-verify-plan --verify-diagnostics --split-input-file

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @wrong_traversal() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[8] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  // expected-error@+1 {{kernel k step 2 reads input_0 [8, 12) but bytes [8, 12) were overwritten by k.0 row 0}}
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

// -----

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @offset_moved() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %x = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[4] : !vmcu.pool<64> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[4] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  // expected-error@+1 {{kernel k step 1 reads input_0 [4, 8) but bytes [4, 8) were overwritten by k.0 row 0}}
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

// -----

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @ring_too_small() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<128>
  %x = vmcu.place %pool[0] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8>
  %y = vmcu.place %pool[32] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8, ring = 2>
  %z = vmcu.place %pool[64] : !vmcu.pool<128> -> !vmcu.sequence<8x4xi8>
  %in = vmcu.place %pool[0] as input 0 : !vmcu.pool<128> -> !vmcu.sequence<32x1xi8>
  %out = vmcu.place %pool[64] as output 0 : !vmcu.pool<128> -> !vmcu.sequence<32x1xi8>
  vmcu.stream from -1 to 4 {
    vmcu.placed_kernel @a elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<8x4xi8>) outs(%y : !vmcu.sequence<8x4xi8, ring = 2>) {
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
    // expected-error@+1 {{kernel b at tick 1, which makes row 0, reads row 0 of a.0 [32, 40) but bytes [32, 40) were overwritten by a.0 row 1}}
    vmcu.placed_kernel @b elementwise phase<scale = 1, shift = 0, rows = 4> ins(%y : !vmcu.sequence<8x4xi8, ring = 2>) outs(%z : !vmcu.sequence<8x4xi8>) {
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

// -----

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @wrong_phase() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
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
    // expected-error@+1 {{kernel b at tick -1, which makes row 0, reads row 0 of a.0 [32, 40) but bytes [32, 40) were never written}}
    vmcu.placed_kernel @b elementwise phase<scale = 1, shift = 2, rows = 4> ins(%y : !vmcu.sequence<8x4xi8, ring = 4>) outs(%z : !vmcu.sequence<8x4xi8>) {
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

// -----

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @phase_of_other_rows() attributes {vmcu.inputs = [{type = tensor<1x4x1x8xi8>}], vmcu.outputs = [{type = tensor<1x4x1x8xi8>}]} {
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
    // expected-error@+1 {{has a phase for its own rows of [3], expected [4]}}
    vmcu.placed_kernel @b elementwise phase<scale = 1, shift = 0, rows = 3> ins(%y : !vmcu.sequence<8x4xi8, ring = 4>) outs(%z : !vmcu.sequence<8x4xi8>) {
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

// -----

#line = affine_map<(a) -> (a)>
func.func @workspace_over_input() attributes {vmcu.inputs = [{type = tensor<8xi8>}], vmcu.outputs = [{type = tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %w = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<32x1xi8>
  %y = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %x = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %in = vmcu.place %pool[8] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %out = vmcu.place %pool[0] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  // expected-error@+1 {{kernel b reads input_0 [8, 16) but bytes [8, 16) were overwritten by the workspace of b}}
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

// -----

#line = affine_map<(a) -> (a)>
func.func @workspace_too_small() attributes {vmcu.inputs = [{type = tensor<8xi8>}], vmcu.outputs = [{type = tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<64>
  %w = vmcu.place %pool[16] : !vmcu.pool<64> -> !vmcu.sequence<16x1xi8>
  %y = vmcu.place %pool[0] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %x = vmcu.place %pool[8] : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %in = vmcu.place %pool[8] as input 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  %out = vmcu.place %pool[0] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<8x1xi8>
  // expected-error@+1 {{has a workspace of 16 bytes and needs 32}}
  vmcu.placed_kernel @b buffer ins(%x : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) workspace(%w : !vmcu.sequence<16x1xi8>) {
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

// -----

func.func @on_tensors(%x: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{is on tensors; run vmcu-plan first}}
  %0 = vmcu.kernel @k buffer ins(%x : tensor<4xi8>) -> tensor<4xi8> {
  ^bb0(%t: tensor<4xi8>):
    vmcu.yield %t : tensor<4xi8>
  }
  return %0 : tensor<4xi8>
}

// -----

func.func @tiled(%x: !vmcu.sequence<4x1xi8>, %y: !vmcu.sequence<4x1xi8>) {
  // expected-error@+1 {{is past its plan; vmcu-verify-plan comes before vmcu-lower-streams}}
  vmcu.tiled_kernel @k buffer ins(%x : !vmcu.sequence<4x1xi8>) outs(%y : !vmcu.sequence<4x1xi8>) {
  ^bb0(%s: !vmcu.sequence<4x1xi8>, %t: !vmcu.sequence<4x1xi8>):
  }
  return
}

// -----

// The first run is right; what it makes lies where the second one looks for the state.
func.func @state_lost_between_runs() attributes {vmcu.inputs = [], vmcu.outputs = [{type = tensor<8xi8>}], vmcu.states = [{type = tensor<8xi8>, vmcu.initial = dense<0> : tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<16>
  %s = vmcu.place %pool[0] as state 0 : !vmcu.pool<16> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[8] : !vmcu.pool<16> -> !vmcu.sequence<8x1xi8>
  %z = vmcu.place %pool[4] as output 0 : !vmcu.pool<16> -> !vmcu.sequence<8x1xi8>
  vmcu.placed_kernel @y buffer ins(%s : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  // expected-error@+1 {{kernel z reads y.0 [8, 16) but bytes [8, 12) were overwritten by z.0}}
  vmcu.placed_kernel @z buffer ins(%y : !vmcu.sequence<8x1xi8>) outs(%z : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return
}

// -----

// expected-error@+1 {{the next run reads state_0 [0, 8) but bytes [4, 8) were overwritten by z.0}}
func.func @state_overwritten() attributes {vmcu.inputs = [], vmcu.outputs = [{type = tensor<8xi8>}], vmcu.states = [{type = tensor<8xi8>, vmcu.initial = dense<0> : tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<24>
  %s = vmcu.place %pool[0] as state 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[12] : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %z = vmcu.place %pool[4] as output 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  vmcu.placed_kernel @y buffer ins(%s : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  vmcu.placed_kernel @z buffer ins(%y : !vmcu.sequence<8x1xi8>) outs(%z : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return
}

// -----

func.func @state_without_value() attributes {vmcu.inputs = [], vmcu.outputs = [{type = tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<16>
  // expected-error@+1 {{is state 0, whose initial value is not in 'vmcu.states'}}
  %s = vmcu.place %pool[0] as state 0 : !vmcu.pool<16> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[8] as output 0 : !vmcu.pool<16> -> !vmcu.sequence<8x1xi8>
  vmcu.placed_kernel @y buffer ins(%s : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return
}

// -----

// Nothing is wrong within a run; the caller's input lies over what the run before has left.
func.func @input_over_state() attributes {vmcu.inputs = [{type = tensor<8xi8>}], vmcu.outputs = [{type = tensor<8xi8>}], vmcu.states = [{type = tensor<8xi8>, vmcu.initial = dense<0> : tensor<8xi8>}]} {
  %pool = vmcu.pool : !vmcu.pool<24>
  %x = vmcu.place %pool[4] as input 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %s = vmcu.place %pool[0] as state 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  %y = vmcu.place %pool[12] as output 0 : !vmcu.pool<24> -> !vmcu.sequence<8x1xi8>
  // expected-error@+1 {{kernel y reads state_0 [0, 8) but bytes [4, 8) were overwritten by input_0}}
  vmcu.placed_kernel @y buffer ins(%s : !vmcu.sequence<8x1xi8>) outs(%y : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  vmcu.placed_kernel @s buffer ins(%x : !vmcu.sequence<8x1xi8>) outs(%s : !vmcu.sequence<8x1xi8>) {
  ^bb0(%in: tensor<8xi8>):
    vmcu.yield %in : tensor<8xi8>
  }
  return
}
