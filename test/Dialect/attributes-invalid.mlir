// Attributes of the dialect that are unknown, misplaced or of another type; a function is named as the rule it breaks.
// RUN: vmcu-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{'vmcu.input' is no attribute of vmcu; known are vmcu.inputs, vmcu.outputs, vmcu.states, vmcu.results, vmcu.lower_bound, }}
func.func private @attribute_c1() attributes {vmcu.input = []}

// -----

// expected-error@+1 {{'vmcu.offset' is no attribute of vmcu; known are }}
func.func private @attribute_c1_argument(tensor<4xi8> {vmcu.offset = 3 : i32})

// -----

func.func @attribute_c2_inputs() {
  // expected-error@+1 {{'vmcu.inputs' stands on a function, found it on 'vmcu.pool'}}
  %0 = vmcu.pool {vmcu.inputs = []} : !vmcu.pool<64>
  return
}

// -----

// expected-error@+1 {{'vmcu.lower_bound' stands on a pool, found it on 'func.func'}}
func.func private @attribute_c2_lower_bound() attributes {vmcu.lower_bound = 3 : i64}

// -----

// expected-error@+1 {{'vmcu.lower_bound_kernel' stands on a pool, found it on 'func.func'}}
func.func private @attribute_c2_lower_bound_kernel() attributes {vmcu.lower_bound_kernel = "k"}

// -----

// expected-error@+1 {{'vmcu.reads' stands on a tiled kernel, found it on 'func.func'}}
func.func private @attribute_c2_reads() attributes {vmcu.reads = array<i64: 0, 1>}

// -----

// expected-error@+1 {{'vmcu.scale' stands on an argument or a result of a function, found it on 'func.func'}}
func.func private @attribute_c2_scale() attributes {vmcu.scale = 1.0 : f32}

// -----

// expected-error@+1 {{'vmcu.outputs' stands on a function, found it on a port of 'func.func'}}
func.func private @attribute_c2_outputs() -> (tensor<4xi8> {vmcu.outputs = []})

// -----

// expected-error@+1 {{'vmcu.unsigned' stands on an argument or a result of a function, found it on 'func.func'}}
func.func private @attribute_c2_unsigned() attributes {vmcu.unsigned}

// -----

func.func @attribute_c2_unsigned_pool() {
  // expected-error@+1 {{'vmcu.unsigned' stands on an argument or a result of a function, found it on 'vmcu.pool'}}
  %0 = vmcu.pool {vmcu.unsigned} : !vmcu.pool<64>
  return
}

// -----

// expected-error@+1 {{'vmcu.unsigned' holds a unit, found true}}
func.func private @attribute_c3_unsigned(tensor<4xi8> {vmcu.unsigned = true})

// -----

// expected-error@+1 {{'vmcu.inputs' holds an array of ports, found [{type = tensor<4xi8>, vmcu.unsigned = false}]}}
func.func private @attribute_c3_unsigned_port() attributes {vmcu.inputs = [{type = tensor<4xi8>, vmcu.unsigned = false}]}

// -----

// expected-error@+1 {{'vmcu.inputs' holds an array of ports, found "nonsense"}}
func.func private @attribute_c3_inputs() attributes {vmcu.inputs = "nonsense"}

// -----

// expected-error@+1 {{'vmcu.outputs' holds an array of ports, found [{type = tensor<?xi8>}]}}
func.func private @attribute_c3_outputs() attributes {vmcu.outputs = [{type = tensor<?xi8>}]}

// -----

func.func @attribute_c3_lower_bound() {
  // expected-error@+1 {{'vmcu.lower_bound' holds bytes as an i64, found -1 : i64}}
  %0 = vmcu.pool {vmcu.lower_bound = -1 : i64} : !vmcu.pool<64>
  return
}

// -----

func.func @attribute_c3_lower_bound_kernel() {
  // expected-error@+1 {{'vmcu.lower_bound_kernel' holds a string, found 3 : i64}}
  %0 = vmcu.pool {vmcu.lower_bound_kernel = 3} : !vmcu.pool<64>
  return
}

// -----

func.func @attribute_c3_reads(%x: !vmcu.sequence<4x8xi8>) {
  // expected-error@+1 {{'vmcu.reads' holds first and end byte as an array of i64, found array<i64: 8, 4>}}
  vmcu.tiled_kernel @k elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%x : !vmcu.sequence<4x8xi8>)
      attributes {vmcu.reads = array<i64: 8, 4>} {
  ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>):
  }
  return
}

// -----

// expected-error@+1 {{'vmcu.name' holds a string, found 3 : i64}}
func.func private @attribute_c3_name(tensor<4xi8> {vmcu.name = 3})

// -----

// expected-error@+1 {{'vmcu.scale' holds a positive f32, found 3 : i64}}
func.func private @attribute_c3_scale() -> (tensor<4xi8> {vmcu.scale = 3})

// -----

// expected-error@+1 {{'vmcu.zero_point' holds an i32, found 3.000000e+00 : f32}}
func.func private @attribute_c3_zero_point(tensor<4xi8> {vmcu.zero_point = 3.0 : f32})

// -----

// expected-error@+1 {{'vmcu.inputs' holds an array of ports, found }}
func.func private @attribute_c3_inputs_scale() attributes {vmcu.inputs = [{type = tensor<4xi8>, vmcu.scale = 0.0 : f32}]}

// -----

// expected-error@+1 {{'vmcu.inputs' holds an array of ports, found }}
func.func private @attribute_c3_inputs_unknown() attributes {vmcu.inputs = [{type = tensor<4xi8>, vmcu.nome = "x"}]}

// -----

// expected-error@+1 {{'vmcu.results' holds the number of its own results as an i64, found -1 : i64}}
func.func private @attribute_c3_results() attributes {vmcu.results = -1 : i64}

// -----

// expected-error@+1 {{'vmcu.results' is at most the number of results, found 2 : i64}}
func.func private @attribute_c4() -> tensor<4xi8> attributes {vmcu.results = 2 : i64}

// -----

// expected-error@+1 {{argument 0 is 'tensor<4xi8>', its initial value 'tensor<2xi8>'}}
func.func private @attribute_c5(tensor<4xi8> {vmcu.initial = dense<0> : tensor<2xi8>}) -> (tensor<4xi8> {vmcu.updates = 0 : i32})

// -----

// expected-error@+1 {{argument 0 keeps its value from run to run, and 0 results update it, expected 1}}
func.func private @attribute_c5_never(tensor<4xi8> {vmcu.initial = dense<0> : tensor<4xi8>}) -> tensor<4xi8>

// -----

// expected-error@+1 {{argument 0 keeps its value from run to run, and 2 results update it, expected 1}}
func.func private @attribute_c5_twice(tensor<4xi8> {vmcu.initial = dense<0> : tensor<4xi8>})
    -> (tensor<4xi8> {vmcu.updates = 0 : i32}, tensor<4xi8> {vmcu.updates = 0 : i32})

// -----

// expected-error@+1 {{'vmcu.initial' stands on an argument, found it on result 0}}
func.func private @attribute_c5_result() -> (tensor<4xi8> {vmcu.initial = dense<0> : tensor<4xi8>})

// -----

// expected-error@+1 {{result 0 updates argument 1, which has no initial value}}
func.func private @attribute_c6(tensor<4xi8>, tensor<4xi8>) -> (tensor<4xi8> {vmcu.updates = 1 : i32})

// -----

// expected-error@+1 {{result 1 updates argument 7, which has no initial value}}
func.func private @attribute_c6_nowhere(tensor<4xi8>) -> (tensor<4xi8>, tensor<4xi8> {vmcu.updates = 7 : i32})

// -----

// expected-error@+1 {{result 0 is 'tensor<2xi8>', the argument that it updates 'tensor<4xi8>'}}
func.func private @attribute_c6_type(tensor<4xi8> {vmcu.initial = dense<0> : tensor<4xi8>}) -> (tensor<2xi8> {vmcu.updates = 0 : i32})

// -----

// expected-error@+1 {{'vmcu.updates' stands on a result, found it on argument 0}}
func.func private @attribute_c6_argument(tensor<4xi8> {vmcu.updates = 0 : i32})

// -----

// expected-error@+1 {{'vmcu.states' holds an array of ports with initial values of their types, found }}
func.func private @attribute_c3_states() attributes {vmcu.states = [{type = tensor<4xi8>}]}

// -----

// expected-error@+1 {{'vmcu.initial' holds the elements of a tensor, found 3 : i64}}
func.func private @attribute_c3_initial(tensor<4xi8> {vmcu.initial = 3})

// -----

// expected-error@+1 {{'vmcu.updates' holds an i32, found 3 : i64}}
func.func private @attribute_c3_updates() -> (tensor<4xi8> {vmcu.updates = 3})
