#ifndef VMCU_DIALECT_TD
#define VMCU_DIALECT_TD

include "mlir/IR/OpBase.td"

def Vmcu_Dialect : Dialect {
  let name = "vmcu";
  let cppNamespace = "::vmcu";
  let summary = "Int8 networks in one pool of segments";
  let description = [{
    The RAM of a microcontroller is one *pool* of bytes. A tensor lives in it as a *segment sequence*: segment `i` (some
    pixels with all their channels) lives at `base + (i mod ring) * bytes`. A kernel loads segments, computes, stores
    segments and frees the ones nobody reads again, so the tensor it makes may grow over the bytes of the one it eats.

    The dialect spans three levels, each legal IR of its own:

    1. `vmcu.kernel` says *which* computations exist; its body is linalg on tensors.
    2. `vmcu.placed_kernel` says *when* they run and *where* their tensors live: in sequences, which `vmcu.place` puts into a
       `vmcu.pool`.
    3. `vmcu.tiled_kernel` says *how* they run, by segment ops: `segment_load`, `flash_load`, `broadcast`, `dot`,
       `channel_dot`, `requantize`, `segment_store`, `segment_free`.

    A constant tensor is flash: it costs no RAM and is read by `flash_load`.

    What else the compiler knows of a network stands in attributes of the dialect on ops that are not its own, or are
    shared by all levels:

    | attribute | stands on | holds |
    | --- | --- | --- |
    | `vmcu.name`, `vmcu.scale`, `vmcu.zero_point` | an argument or a result of a function | string, float, integer |
    | `vmcu.initial` | an argument that keeps its value from run to run | its value before the first run |
    | `vmcu.updates` | a result | the number of the argument that has its value in the next run |
    | `vmcu.inputs`, `vmcu.outputs` | a planned function | for each port that it had, a dictionary: `type`, a static tensor, and the three above |
    | `vmcu.states` | a planned function | the same for each argument that keeps its value, with `vmcu.initial` |
    | `vmcu.results` | a function | how many of its results are its own: others are kept apart (`vmcu-keep-layers-apart`) |
    | `vmcu.lower_bound`, `vmcu.lower_bound_kernel` | a pool | bytes that no plan goes below, the kernel that needs them |
    | `vmcu.reads` | a tiled kernel | first and end byte of its inputs that it reads, if it does not read all; a pair for each input where they differ |

    - (attribute_c1) no other attribute begins with `vmcu.`.
    - (attribute_c2) each of them stands where the table says.
    - (attribute_c3) each of them holds what the table says: scales are positive f32, zero points i32, counts i64.
    - (attribute_c4) `vmcu.results` is at most the number of results.
    - (attribute_c5) an argument with `vmcu.initial` has the type of that value, and one result updates it.
    - (attribute_c6) a result with `vmcu.updates` has the type of an argument with `vmcu.initial`.
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"]; // Folders make its constants.
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif
