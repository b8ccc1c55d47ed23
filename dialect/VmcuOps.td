#ifndef VMCU_OPS_TD
#define VMCU_OPS_TD

include "VmcuTypes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"

/// Printed IR explains itself: the op suggests names for its results, for the arguments of its block, or for
/// both.
def Vmcu_Named : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;
def Vmcu_NamedBlock : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>;
def Vmcu_NamedRegion : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames", "getAsmBlockArgumentNames"]>;

class Vmcu_Op<string mnemonic, list<Trait> traits = []> : Op<Vmcu_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Vmcu_Bytes : AnyTypeOf<[FixedVectorOfRankAndType<[2], [I8]>], "vector of rank 2 of i8">;
def Vmcu_Words : AnyTypeOf<[FixedVectorOfRankAndType<[1, 2], [I32]>], "vector of rank 1 or 2 of i32">;

//===----------------------------------------------------------------------===//
// Kernels: which computations exist
//===----------------------------------------------------------------------===//

/// What the three kinds of kernels have in common.
def Vmcu_KernelLike : OpInterface<"KernelLike"> {
  let cppNamespace = "::vmcu";
  let description = [{
    The unit that is planned, tiled and compiled. It is isolated: its constants (flash) are inside. One op for each level:
    `vmcu.kernel`, then `vmcu.placed_kernel`, then `vmcu.tiled_kernel`.
  }];
  let methods = [
    InterfaceMethod<"The kernel's name, which no other kernel of its function has.", "::llvm::StringRef", "getName">,
    InterfaceMethod<"The kernel's body, of one block.", "::mlir::Region &", "getBody">,
  ];
  let verifyWithRegions = 1;
  let verify = "return ::vmcu::verifyKernel(::mlir::cast<::vmcu::KernelLike>($_op));";
}

class Vmcu_KernelBase<string mnemonic, list<Trait> traits = []>
    : Op<Vmcu_Dialect, mnemonic, !listconcat([IsolatedFromAbove, SingleBlock, DeclareOpInterfaceMethods<Vmcu_KernelLike>], traits)> {
  let regions = (region SizedRegion<1>:$body);
  let hasRegionVerifier = 1;
}

def Vmcu_KernelOp : Vmcu_KernelBase<"kernel", [NoMemoryEffect, Vmcu_NamedRegion]> {
  let summary = "One anchor computation with its padding and its requantisation, on tensors";
  let description = [{
    Says which computation exists, and neither when it runs nor where its tensors live. Its body computes in linalg and
    yields. `kind` is what the computation is (`vmcu-form-kernels`), `variant` one of the ways to compute it
    (`vmcu-choose-variants`). `vmcu-plan` makes a `vmcu.placed_kernel` of it.

    - (kernel_c1) the body's arguments are of the inputs' types, what it yields is of the results' types.
    - (kernel_c2) its body holds no kernel, stream, pool, place or view.
    - (kernel_c3) its name becomes a part of C identifiers: letters, digits and `_`, at least one.
    - (kernel_c4) no other kernel of its function, streams included, has its name.

    Example:
    ```mlir
    %1 = vmcu.kernel @clamp elementwise ins(%0 : tensor<4x8xi8>) -> tensor<4x8xi8> {
    ^bb0(%in: tensor<4x8xi8>):
      vmcu.yield %in : tensor<4x8xi8>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$name, Vmcu_KernelKindAttr:$kind, Variadic<AnyRankedTensor>:$inputs,
    OptionalAttr<Vmcu_VariantAttr>:$variant);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $name `` $kind (`variant` `` $variant^)? (`ins` `(` $inputs^ `:` qualified(type($inputs)) `)`)?
    (`->` type($results)^)? attr-dict-with-keyword $body
  }];
}

def Vmcu_PlacedKernelOp : Vmcu_KernelBase<"placed_kernel", [AttrSizedOperandSegments, Vmcu_NamedBlock]> {
  let summary = "A kernel whose tensors have their places in the pool";
  let description = [{
    Says when the computation runs and where its tensors live. The body is that of the `vmcu.kernel` which it was, on
    tensors. `traversal` is the order in which the output's segments are made; the planner chooses it.

    In a `vmcu.stream` a kernel works row by row, and its `phase` says at which ticks. Once the stream is a loop
    (`vmcu-lower-streams`), the operand `row` is the row to make. `vmcu-tile-to-segments` makes a `vmcu.tiled_kernel` of it.

    - (placed_kernel_c1) the body's arguments are static tensors of the same elements as the input sequences, and as many of
      them. So is each yielded tensor and its output sequence.
    - (placed_kernel_c2) a kernel in a stream has a `phase`, no other kernel has.
    - (placed_kernel_c3) a `row` excludes a `phase`.
    - (placed_kernel_c4) it stores to at least one sequence.
    - (placed_kernel_c5) its body and its name are as in `kernel_c2` to `kernel_c4`.

    Example:
    ```mlir
    vmcu.placed_kernel @clamp elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: tensor<1x4x1x8xi8>):
      vmcu.yield %in : tensor<1x4x1x8xi8>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$name, Vmcu_KernelKindAttr:$kind,
    Arg<Variadic<Vmcu_Sequence>, "", [MemRead]>:$inputs, Arg<Variadic<Vmcu_Sequence>, "", [MemWrite]>:$outputs,
    Arg<Variadic<Vmcu_Sequence>, "", [MemRead, MemWrite]>:$workspace, Optional<Index>:$row,
    DefaultValuedAttr<Vmcu_TraversalAttr, "::vmcu::Traversal::forward">:$traversal,
    OptionalAttr<Vmcu_PhaseAttr>:$phase, OptionalAttr<Vmcu_VariantAttr>:$variant);
  let assemblyFormat = [{
    $name `` $kind (`variant` `` $variant^)? (`traversal` `` $traversal^)? (`phase` `` $phase^)? (`row` `(` $row^ `)`)? (`ins` `(` $inputs^ `:` qualified(type($inputs)) `)`)?
    (`outs` `(` $outputs^ `:` qualified(type($outputs)) `)`)?
    (`workspace` `(` $workspace^ `:` qualified(type($workspace)) `)`)?
    attr-dict-with-keyword $body
  }];
}

def Vmcu_TiledKernelOp : Vmcu_KernelBase<"tiled_kernel", [AttrSizedOperandSegments, NoTerminator, Vmcu_NamedBlock]> {
  let summary = "A kernel as loops of segment ops";
  let description = [{
    Says how the computation runs. The body's arguments are the sequences themselves, its ops are loops of segment ops. It
    ends with the last of them: what it makes is stored. `convert-vmcu-to-llvm` makes a function of it.

    - (tiled_kernel_c1) the body's arguments are the sequences of `ins`, `outs` and `workspace`, in this order, then the
      `row` if there is one.
    - (tiled_kernel_c2) it stores to at least one sequence.
    - (tiled_kernel_c3) its body and its name are as in `kernel_c2` to `kernel_c4`.

    Example:
    ```mlir
    vmcu.tiled_kernel @copy elementwise ins(%x : !vmcu.sequence<4x8xi8>) outs(%y : !vmcu.sequence<4x8xi8>) {
    ^bb0(%in: !vmcu.sequence<4x8xi8>, %out: !vmcu.sequence<4x8xi8>):
      %c0 = arith.constant 0 : index
      %0 = vmcu.segment_load %in[%c0, %c0] : !vmcu.sequence<4x8xi8> -> vector<4x8xi8>
      vmcu.segment_store %0, %out[%c0, %c0] : vector<4x8xi8>, !vmcu.sequence<4x8xi8>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$name, Vmcu_KernelKindAttr:$kind,
    Arg<Variadic<Vmcu_Sequence>, "", [MemRead]>:$inputs, Arg<Variadic<Vmcu_Sequence>, "", [MemWrite]>:$outputs,
    Arg<Variadic<Vmcu_Sequence>, "", [MemRead, MemWrite]>:$workspace, Optional<Index>:$row,
    DefaultValuedAttr<Vmcu_TraversalAttr, "::vmcu::Traversal::forward">:$traversal,
    OptionalAttr<Vmcu_VariantAttr>:$variant);
  let assemblyFormat = [{
    $name `` $kind (`variant` `` $variant^)? (`traversal` `` $traversal^)? (`row` `(` $row^ `)`)? (`ins` `(` $inputs^ `:` qualified(type($inputs)) `)`)?
    (`outs` `(` $outputs^ `:` qualified(type($outputs)) `)`)?
    (`workspace` `(` $workspace^ `:` qualified(type($workspace)) `)`)?
    attr-dict-with-keyword $body
  }];
}

def Vmcu_StreamOp : Vmcu_Op<"stream", [NoTerminator, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Kernels that run together, row by row, through rings of rows";
  let description = [{
    At each tick from `first` to `last` every kernel, in order, makes the row that its `phase` names, if it has one. The
    rows of the sequence that drives the stream set the pace: its row `i` is there from tick `pace * i` on. A `pace` above
    1 leaves ticks for kernels that make more rows than they read. Nothing is computed twice, and nothing is decided at run
    time: a stream is a loop over ticks with one affine condition per kernel.

    In a `backward` stream all rows count from the last one. A `fed` stream takes the rows of that sequence from the
    caller, one for each call.

    - (stream_c1) `first <= last`.
    - (stream_c2) its body holds placed kernels, landings and settlings only.
    - (stream_c3) a fed stream is not backward.
    - (stream_c4) the pace is positive.

    Example:
    ```mlir
    vmcu.stream from 0 to 5 {
      vmcu.placed_kernel @clamp elementwise phase<scale = 1, shift = 1, rows = 4> ins(%x : !vmcu.sequence<4x8xi8>)
          outs(%y : !vmcu.sequence<4x8xi8, ring = 2>) {
      ^bb0(%in: tensor<1x4x1x8xi8>):
        vmcu.yield %in : tensor<1x4x1x8xi8>
      }
    }
    ```
  }];
  let arguments = (ins I64Attr:$first, I64Attr:$last, DefaultValuedAttr<I64Attr, "1">:$pace, UnitAttr:$backward,
    Optional<Vmcu_Sequence>:$fed);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`backward` $backward^)? (`fed` `(` $fed^ `:` qualified(type($fed)) `)`)? `from` $first `to` $last (`pace` $pace^)?
    attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let hasVerifier = 0;
}

def Vmcu_LandingOp : Vmcu_Op<"landing", [Pure, Vmcu_Named, AllTypesMatch<["ring", "result"]>]> {
  let summary = "A ring whose newest row is still where it was made";
  let description = [{
    A ring of `k` rows is full only while a window of `k` rows runs. Rows that are made in a *landing*, a place for one row
    which others may use in between, leave a ring of `k - 1` rows. The result is the ring, but its newest row is read from the
    landing: the row whose first segment is `newest`. If `newest` is below minus the length, all rows are read from the ring.
    In a stream the newest row is the one that `phase` names at this tick, if any.
    - (landing_c1) the landing holds one row: the ring is a whole number of them, of segments of the same elements.
    - (landing_c2) in a stream it has a `phase`, elsewhere a `newest`.

    Example: `%v = vmcu.landing %l, %x[%i] : !vmcu.sequence<125x64xi8, ring = 5>, !vmcu.sequence<125x64xi8, ring = 10>`
  }];
  let arguments = (ins Vmcu_Sequence:$landing, Vmcu_Sequence:$ring, Optional<Index>:$newest,
                       OptionalAttr<Vmcu_PhaseAttr>:$phase);
  let results = (outs Vmcu_Sequence:$result);
  let assemblyFormat = [{
    $landing `,` $ring (`[` $newest^ `]`)? (`phase` `` $phase^)? attr-dict
    `:` qualified(type($landing)) `,` qualified(type($ring))
  }];
}

def Vmcu_SettleOp : Vmcu_Op<"settle"> {
  let summary = "Copy the newest row from its landing to its ring";
  let description = [{
    Frees the landing for others. It comes after the last kernel that reads the row in the tick in which it was made.
    - (settle_c1) as `landing_c1`.
    - (settle_c2) as `landing_c2`.

    Example: `vmcu.settle %l, %x[%i] : !vmcu.sequence<125x64xi8, ring = 5>, !vmcu.sequence<125x64xi8, ring = 10>`
  }];
  let arguments = (ins Arg<Vmcu_Sequence, "", [MemRead]>:$landing, Arg<Vmcu_Sequence, "", [MemWrite]>:$ring,
                       Optional<Index>:$newest, OptionalAttr<Vmcu_PhaseAttr>:$phase);
  let assemblyFormat = [{
    $landing `,` $ring (`[` $newest^ `]`)? (`phase` `` $phase^)? attr-dict
    `:` qualified(type($landing)) `,` qualified(type($ring))
  }];
}

def Vmcu_FeedOp : Vmcu_Op<"feed"> {
  let summary = "Put a row from the caller into its ring";
  let description = [{
    Copies the bytes of `row` to segment `index` on.
    - (feed_c1) the row is a whole number of segments, and the ring a whole number of rows.

    Example: `vmcu.feed %row, %x[%i] : memref<288xi8>, !vmcu.sequence<9216x3xi8, ring = 288>`
  }];
  let arguments = (ins Arg<MemRefRankOf<[I8], [1]>, "", [MemRead]>:$row,
                       Arg<Vmcu_ByteSequence, "", [MemWrite]>:$dest, Index:$index);
  let assemblyFormat = "$row `,` $dest `[` $index `]` attr-dict `:` type($row) `,` qualified(type($dest))";
}

def Vmcu_YieldOp : Vmcu_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["KernelOp", "PlacedKernelOp"]>]> {
  let summary = "The tensors that a kernel makes";
  let description = [{
    Ends a body that computes on tensors. The kernel's own verifier compares the types.

    Example: `vmcu.yield %q : tensor<1x48x48x8xi8>`
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 0;
}

//===----------------------------------------------------------------------===//
// The pool: where tensors live
//===----------------------------------------------------------------------===//

def Vmcu_PoolOp : Vmcu_Op<"pool", [Vmcu_Named]> {
  let summary = "The one piece of RAM of this network";
  let description = [{
    Becomes a zero-initialised array in `.bss`.
    - (pool_c2) it is the only pool of its block.

    Example: `%pool = vmcu.pool : !vmcu.pool<4096>`
  }];
  let results = (outs Res<Vmcu_Pool, "", [MemAlloc]>:$pool);
  let assemblyFormat = "attr-dict `:` qualified(type($pool))";
}

def Vmcu_PlaceOp : Vmcu_Op<"place", [
    AlwaysSpeculatable, Vmcu_Named, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Place a segment sequence at a byte offset of the pool";
  let description = [{
    Sequences may overlap: that is the point of the pool. Whether their *live* segments do not is what the plan proves.
    `as input n` and `as output n` mark the sequences that the caller fills and reads; such an op stays although nothing
    in the function may use its result. `as state n` marks a sequence that keeps its value from run to run: what a run leaves
    there the next one finds. `label` tells a reader what lies there; nothing else depends on it.

    One op places one tensor: passes know a tensor by its place. Kernels that see it in another shape take a `vmcu.view`.
    - (place_c1) the sequence lies inside the pool: `offset + ring * bytes <= pool bytes`, `offset >= 0`.
    - (place_c2) a number is not negative and belongs to a role.

    Example: `%x = vmcu.place "image" %pool[512] as input 0 : !vmcu.pool<4096> -> !vmcu.sequence<64x16xi8>`
  }];
  let arguments = (ins Vmcu_Pool:$pool, I64Attr:$offset, OptionalAttr<Vmcu_RoleAttr>:$role,
                       DefaultValuedAttr<I64Attr, "0">:$number, OptionalAttr<StrAttr>:$label);
  let results = (outs Vmcu_Sequence:$sequence);
  let assemblyFormat = [{
    ($label^)? $pool `[` $offset `]` (`as` `` $role^ $number)? attr-dict `:` qualified(type($pool)) `->` qualified(type($sequence))
  }];
}

def Vmcu_ViewOp : Vmcu_Op<"view", [
    AlwaysSpeculatable, Vmcu_Named, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "The same tensor as segments of another size";
  let description = [{
    Byte `i` of the result is byte `i` of the source, at the same address of the pool. So a tensor has one `vmcu.place`,
    and a view for each other shape in which kernels see it.

    A place has one role. Where a tensor has several, as an input that is returned, or a tensor that is returned twice,
    each further one is a view's: `as output 1`. Such a view stays although nothing in the function may use its result;
    all other views have no effect.
    - (view_c1) both sequences have the same elements, and as many of them in total.
    - (view_c2) both occupy the same number of bytes of the pool.
    - (view_c3) a number is not negative and belongs to a role.

    Example: `%v = vmcu.view %x : !vmcu.sequence<64x16xi8, ring = 16> -> !vmcu.sequence<256x4xi8, ring = 64>`
  }];
  let arguments = (ins Vmcu_Sequence:$source, OptionalAttr<Vmcu_RoleAttr>:$role,
                       DefaultValuedAttr<I64Attr, "0">:$number);
  let results = (outs Vmcu_Sequence:$sequence);
  let assemblyFormat = [{
    $source (`as` `` $role^ $number)? attr-dict `:` qualified(type($source)) `->` qualified(type($sequence))
  }];
}

//===----------------------------------------------------------------------===//
// Segment ops: how a kernel runs
//===----------------------------------------------------------------------===//

def Vmcu_SegmentLoadOp : Vmcu_Op<"segment_load", [Vmcu_Named, AttrSizedOperandSegments]> {
  let summary = "Load bytes of some segments into registers (the paper's RAMLoad)";
  let description = [{
    Row `p` of the result holds the bytes from byte `byte` on of segment `index + p * stride`. A row may run on into the
    following segments of a resident sequence. Where `valid` is given, only that many bytes of a row are read and the
    rest of it is zero: memory past the last byte is never touched.

    The segment may be given as a sum: `%first + %i` says that `%i` more segments follow `%first` without a ring's end in
    between, so that the place of `%first` can be found once for a whole row.

    `if (...) else pad`: row `p` is read only if its guard holds; otherwise all its valid bytes are `pad`, the zero point
    of a halo, and the pool is not touched.

    `flipped`: the bytes in memory are uint8, and the highest bit of each is flipped on the way, which makes them int8 that
    are less by 128; `pad` is what the result holds.
    - (segment_load_c1) a row is a whole number of 4-byte words.
    - (segment_load_c2) `0 < valid <= bytes of a row`.
    - (segment_load_c3) one guard per row, or none; guards come with a pad value.
    - (segment_load_c4) with constant index and byte and no guard, all bytes lie in the sequence.
    - (segment_load_c5) a constant byte is not negative, and a row of a ring is not longer than the ring; whoever emits it
      sees that it ends before the ring's end, where the next segment is not the next bytes.
    - (segment_load_c6) the stride is positive.
    - (segment_load_c7) rows of a ring without guards are segments that exist at one time: `(rows - 1) * stride < ring`.
    - (segment_load_c8) the element types of result and sequence agree.

    Example: `%a = vmcu.segment_load %x[%i, %k] stride 2 valid 3 : !vmcu.sequence<2304x8xi8> -> vector<2x4xi8>`
  }];
  let arguments = (ins Arg<Vmcu_Sequence, "", [MemRead]>:$source, Index:$index,
    Optional<Index>:$within, Index:$byte, Variadic<I1>:$guards,
    DefaultValuedAttr<I64Attr, "1">:$stride, OptionalAttr<I64Attr>:$valid, OptionalAttr<I8Attr>:$pad, UnitAttr:$flipped);
  let results = (outs Vmcu_Bytes:$result);
  let assemblyFormat = [{
    (`flipped` $flipped^)? $source `[` $index (`+` $within^)? `,` $byte `]` (`stride` $stride^)? (`valid` $valid^)? (`if` `(` $guards^ `)` `else` $pad)?
    attr-dict `:` qualified(type($source)) `->` type($result)
  }];
  let hasCanonicalizeMethod = 1;
  let extraClassDeclaration = [{
    int64_t getRows() { return llvm::cast<mlir::VectorType>(getResult().getType()).getDimSize(0); }
    int64_t getRowBytes() { return llvm::cast<mlir::VectorType>(getResult().getType()).getDimSize(1); }
    int64_t getValidBytes() { return getValid().value_or(getRowBytes()); }
  }];
}

def Vmcu_SegmentStoreOp : Vmcu_Op<"segment_store"> {
  let summary = "Store bytes of some segments (the paper's RAMStore)";
  let description = [{
    Row `p` of the value goes to the bytes from `byte` on of segment `index + p`. Where `valid` is given, only that many
    bytes of a row are stored. The segment may be a sum as in `vmcu.segment_load`.
    - (segment_store_c1) the stored bytes of a row are not more than a segment holds, and not more than the row.
    - (segment_store_c2) with constant index and byte, all bytes lie in the sequence.
    - (segment_store_c3) a row stays in its segment when the byte is constant.
    - (segment_store_c4) the element types of value and sequence agree.

    Example: `vmcu.segment_store %q, %y[%i, %c] : vector<2x4xi8>, !vmcu.sequence<2304x16xi8>`
  }];
  let arguments = (ins Vmcu_Bytes:$value, Arg<Vmcu_Sequence, "", [MemWrite]>:$dest, Index:$index,
    Optional<Index>:$within, Index:$byte,
                       OptionalAttr<I64Attr>:$valid);
  let assemblyFormat = [{
    $value `,` $dest `[` $index (`+` $within^)? `,` $byte `]` (`valid` $valid^)? attr-dict `:` type($value) `,` qualified(type($dest))
  }];
  let extraClassDeclaration = [{
    int64_t getRowBytes() { return llvm::cast<mlir::VectorType>(getValue().getType()).getDimSize(1); }
    int64_t getValidBytes() { return getValid().value_or(getRowBytes()); }
  }];
}

def Vmcu_SegmentFreeOp : Vmcu_Op<"segment_free"> {
  let summary = "Say that a prefix (or suffix) of a sequence is not read again (the paper's RAMFree)";
  let description = [{
    `before %n` frees the segments `[0, n)`, `from %n` the segments `[n, length)`. It speaks for its kernel: a segment is
    free once all kernels that read its tensor have freed it or have ended. Freeing what is free already does nothing.
    The op costs no instruction: it states the promise on which the plan, and every check of it, rests.
    - (segment_free_c1) a constant `n` lies in `[0, length]`.

    Example: `vmcu.segment_free %x before %n : !vmcu.sequence<2304x8xi8>`
  }];
  let arguments = (ins Arg<Vmcu_Sequence, "", [MemFree]>:$sequence, Vmcu_SideAttr:$side, Index:$index);
  let assemblyFormat = "$sequence `` $side $index attr-dict `:` qualified(type($sequence))";
  let hasCanonicalizeMethod = 1;
}

def Vmcu_BufferOp : Vmcu_Op<"buffer", [Pure, Vmcu_Named]> {
  let summary = "See a resident sequence as an ordinary buffer";
  let description = [{
    For kernels without segment code: their body works on memrefs that lie inside the pool.
    - (buffer_c1) the sequence is wholly resident.
    - (buffer_c2) the buffer has a static shape and identity layout and lies inside the sequence.
    - (buffer_c3) its element type is that of the sequence; bytes, i8, may be seen as elements of any type.

    Example: `%m = vmcu.buffer %ws[16] : !vmcu.sequence<1x64xi8> -> memref<1x12xi32>`
  }];
  let arguments = (ins Vmcu_Sequence:$sequence, I64Attr:$offset);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = "$sequence `[` $offset `]` attr-dict `:` qualified(type($sequence)) `->` type($buffer)";
}

def Vmcu_FlashLoadOp : Vmcu_Op<"flash_load", [Pure, Vmcu_Named]> {
  let summary = "Load a tile of a constant (the paper's FlashLoad)";
  let description = [{
    Reads the tile that starts at `indices` and extends over the trailing dimensions of `source`. The tensor is a
    constant, so it lies in flash and may be laid out as the kernel likes (`vmcu-pack-weights`).
    - (flash_load_c1) one index per dimension of the tensor.
    - (flash_load_c2) the element types agree.
    - (flash_load_c3) the tile fits the trailing dimensions; with constant indices it lies in the tensor.

    Example: `%w = vmcu.flash_load %weights[%oc, %k] : tensor<16x72xi8> -> vector<2x8xi8>`
  }];
  let arguments = (ins AnyStaticShapeTensor:$source, Variadic<Index>:$indices);
  let results = (outs AnyFixedVectorOfNonZeroRank:$result);
  let assemblyFormat = "$source `[` $indices `]` attr-dict `:` type($source) `->` type($result)";
}

def Vmcu_LookUpOp : Vmcu_Op<"look_up", [Pure, Vmcu_Named, AllTypesMatch<["bytes", "result"]>]> {
  let summary = "Replace each byte by the entry of a table in flash: any function of int8, at one load a byte";
  let description = [{
    `result[r, k] = table[bytes[r, k]]`, where the byte, as a number without sign, is the entry's place: entries 0 to 127 are
    of the numbers 0 to 127, and those after them of -128 to -1.
    - (look_up_c1) the table has 256 entries of i8.

    Example: `%y = vmcu.look_up %x in %table : vector<4x4xi8>, tensor<256xi8>`
  }];
  let arguments = (ins Vmcu_Bytes:$bytes, 1DTensorOf<[I8]>:$table);
  let results = (outs Vmcu_Bytes:$result);
  let assemblyFormat = "$bytes `in` $table attr-dict `:` type($bytes) `,` type($table)";
}

def Vmcu_MaximumOp : Vmcu_Op<"maximum", [Pure, Vmcu_Named, AllTypesMatch<["acc", "result"]>]> {
  let summary = "Largest bytes of the rows of a tile, four to a word";
  let description = [{
    Each byte of word `w` of the result is the largest, as a number with sign, of that byte of `acc[w]` and of the bytes at its
    place in all rows of the tile. Becomes SSUB8 and SEL, four comparisons at a time.
    - (maximum_c1) the accumulator has a word for every four bytes of a row.

    Example: `%m = vmcu.maximum %taps, %acc : vector<4x8xi8>, vector<2xi32>`
  }];
  let arguments = (ins Vmcu_Bytes:$taps, FixedVectorOfRankAndType<[1], [I32]>:$acc);
  let results = (outs FixedVectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$taps `,` $acc attr-dict `:` type($taps) `,` type($acc)";
}

def Vmcu_BroadcastOp : Vmcu_Op<"broadcast", [Pure, Vmcu_Named]> {
  let summary = "Repeat a row of words for each pixel of a tile (the paper's Broadcast)";
  let description = [{
    Starts the accumulators of a tile with the bias.
    - (broadcast_c1) the trailing dimension of the result is that of the operand.

    Example: `%acc = vmcu.broadcast %bias : vector<2xi32> -> vector<4x2xi32>`
  }];
  let arguments = (ins FixedVectorOfRankAndType<[1], [I32]>:$value);
  let results = (outs FixedVectorOfRankAndType<[2], [I32]>:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasFolder = 1;
}

def Vmcu_DotOp : Vmcu_Op<"dot", [Pure, Vmcu_Named, AllTypesMatch<["acc", "result"]>]> {
  let summary = "Dot products of a tile of pixels with a tile of channels (the paper's Dot)";
  let description = [{
    `result[p, t] = acc[p, t] + sum over k of pixels[p, k] * weights[t, k]`, in 32 bits, wrapping. Becomes SMLAD
    instructions, two products each.
    - (dot_c1) pixels and weights have the same depth, a whole number of 4-byte words.
    - (dot_c2) the accumulator is `pixels x channels`.

    Example: `%r = vmcu.dot %a, %w, %acc : vector<2x8xi8>, vector<4x8xi8>, vector<2x4xi32>`
  }];
  let arguments = (ins Vmcu_Bytes:$pixels, Vmcu_Bytes:$weights, FixedVectorOfRankAndType<[2], [I32]>:$acc);
  let results = (outs FixedVectorOfRankAndType<[2], [I32]>:$result);
  let assemblyFormat = "$pixels `,` $weights `,` $acc attr-dict `:` type($pixels) `,` type($weights) `,` type($acc)";
  let hasFolder = 1;
}

def Vmcu_ChannelDotOp : Vmcu_Op<"channel_dot", [Pure, Vmcu_Named, AllTypesMatch<["acc", "result"]>]> {
  let summary = "Dot product over the taps of a window, each channel by itself (depthwise)";
  let description = [{
    `result[c] = acc[c] + sum over taps k of taps[k, c] * weights[k, c]`, in 32 bits, wrapping. Becomes SMLAD
    instructions on pairs of taps. Packed weights are `[tap pair][channel pair][tap][channel]`, so that one SXTB16 gives
    the pair of a channel; an odd last tap is paired with a zero.
    - (channel_dot_c1) weights are `taps x channels`, or packed `ceil(taps / 2) x channels / 2 x 2 x 2`.
    - (channel_dot_c2) the accumulator has one word per channel; channels are a multiple of 4.

    Example: `%r = vmcu.channel_dot %a, %w, %acc : vector<3x4xi8>, vector<2x2x2x2xi8>, vector<4xi32>`
  }];
  let arguments = (ins Vmcu_Bytes:$taps, FixedVectorOfRankAndType<[2, 4], [I8]>:$weights,
                       FixedVectorOfRankAndType<[1], [I32]>:$acc);
  let results = (outs FixedVectorOfRankAndType<[1], [I32]>:$result);
  let assemblyFormat = "$taps `,` $weights `,` $acc attr-dict `:` type($taps) `,` type($weights) `,` type($acc)";
  let hasFolder = 1;
}

def Vmcu_RequantizeOp : Vmcu_Op<"requantize", [Pure, Vmcu_Named]> {
  let summary = "Scale accumulators back to the output's quantisation";
  let description = [{
    Per channel `t`, exactly as `tosa.apply_scale` (and TFLite's reference kernels) define it:
    `clamp(zero_point + round(value[.., t] * multiplier[t] * 2^-shift[t]), min, max)`. `round double` rounds first to 31
    and then to the remaining bits, as convolutions do; `round single` rounds once, as fully connected layers do.
    Multiplier and shift have one element per channel, or one for all.
    - (requantize_c1) the result has the shape of the value.
    - (requantize_c2) multiplier and shift have one element, or one per channel.
    - (requantize_c3) `min <= max`, and both fit the result's element type, be it signed or not.
    - (requantize_c4) constant shifts lie in `[2, 62]`.

    Example:
    ```mlir
    %q = vmcu.requantize %acc by %m, %s round double zero_point -128 clamp -128 to 127
         : vector<2x4xi32>, vector<4xi32>, vector<4xi8> -> vector<2x4xi8>
    ```
  }];
  let arguments = (ins Vmcu_Words:$value, FixedVectorOfRankAndType<[1], [I32]>:$multiplier,
    FixedVectorOfRankAndType<[1], [I8]>:$shift, Vmcu_RoundingAttr:$rounding, I32Attr:$zero_point,
    I32Attr:$min, I32Attr:$max);
  let results = (outs FixedVectorOfRankAndType<[1, 2], [I8, I32]>:$result);
  let assemblyFormat = [{
    $value `by` $multiplier `,` $shift `round` `` $rounding `zero_point` $zero_point `clamp` $min `to` $max
    attr-dict `:` type($value) `,` type($multiplier) `,` type($shift) `->` type($result)
  }];
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Tiles: the inner loops of fast kernels, each one op
//===----------------------------------------------------------------------===//

def Vmcu_WidenOp : Vmcu_Op<"widen", [AttrSizedOperandSegments]> {
  let summary = "Widen bytes of segments to 16-bit lanes, once for all channels that multiply them";
  let description = [{
    `lanes[at + p * step + i] = byte p * bytes + i` for `i` in `[0, bytes)` and `p` in `[0, pieces)`, where the lanes of each
    four are stored in the order 0, 2, 1, 3: that in which SXTB16 takes bytes out of a word. The source bytes begin at byte
    `byte` of a segment and run on into the following ones. The segment may be a sum as in `vmcu.segment_load`.
    `if ... else pad`: where the guard does not hold all bytes are `pad`, and the pool is not touched. `unsigned` bytes, and
    `pad`, are extended with zeros.
    - (widen_c1) `bytes`, `pieces` and `step` are positive, and a guard comes with a pad value.
    - (widen_c2) the lanes are static, whole fours, and hold all that is stored.

    Example: `vmcu.widen %x[%i + %w, %b] to %lanes[0] bytes 32 pieces 2 step 96 : !vmcu.sequence<64x32xi8> to memref<128xi16>`
  }];
  let arguments = (ins Arg<Vmcu_ByteSequence, "", [MemRead]>:$source, Index:$index, Optional<Index>:$within, Index:$byte,
    Arg<MemRefRankOf<[I16], [1]>, "", [MemWrite]>:$lanes, I64Attr:$at, I64Attr:$bytes,
    DefaultValuedAttr<I64Attr, "1">:$pieces, DefaultValuedAttr<I64Attr, "1">:$step, Optional<I1>:$guard,
    OptionalAttr<I8Attr>:$pad, UnitAttr:$is_unsigned);
  let assemblyFormat = [{
    (`unsigned` $is_unsigned^)? $source `[` $index (`+` $within^)? `,` $byte `]` `to` $lanes `[` $at `]` `bytes` $bytes (`pieces` $pieces^)?
    (`step` $step^)? (`if` $guard^ `else` $pad)? attr-dict `:` qualified(type($source)) `to` type($lanes)
  }];
}

def Vmcu_MatmulOp : Vmcu_Op<"matmul", [AttrSizedOperandSegments]> {
  let summary = "Some pixels times all channels' weights, requantised and stored";
  let description = [{
    `dest[index + p, t] = requantize(bias[t] + sum over k of source[p * pitch + k] * weights[t, k])` for `pixels` pixels
    and all `t` of a segment of `dest`: what `vmcu.dot`, `vmcu.requantize` and `vmcu.segment_store` do one tile at a time,
    as one inner loop that holds its accumulators, weights and constants in registers. Source are the lanes of a
    `vmcu.widen`, or the bytes of one pixel from segment `first` of a sequence on; `unsigned` bytes are extended with zeros.

    `unroll` is how many lanes of depth the inner loop's body takes; by default the lowering decides.

    Constants are `weights` (i8, `channels x depth`), `bias` (i32), `multiplier` (i32) and `shift` (i8), the latter three
    with one element per channel or, scales, one for all. `vmcu-pack-weights` makes one record of them (`packed`).
    - (matmul_c1) a source of lanes has no `first` and is not `unsigned`; a sequence has `first`, and one pixel.
    - (matmul_c2) there are four constants of i8, i32, i32 and i8, or one record.
    - (matmul_c3) weights are `channels x depth`, where a segment of `dest` has `channels` bytes; the depth is a multiple of 4.
    - (matmul_c4) the lanes hold all pixels: `(pixels - 1) * pitch + depth` of them.
    - (matmul_c5) `min <= max`, both in int8 or both in uint8.
    - (matmul_c6) `unroll` is a positive multiple of 4.
    - (matmul_c7) a record is a tensor of i32 of rank 1 that holds, for each two channels, their starts (2 words), their
      weights (a word for two lanes of depth) and their scales (4 words).

    Example:
    ```mlir
    vmcu.matmul %lanes times %w, %b, %m, %s into %y[%i + %j] pixels 2 pitch 8 depth 8 round double zero_point -128
        clamp -128 to 127 : memref<16xi16>, tensor<4x8xi8>, tensor<4xi32>, tensor<4xi32>, tensor<4xi8> into !vmcu.sequence<64x4xi8>
    ```
  }];
  let arguments = (ins Arg<AnyTypeOf<[MemRefRankOf<[I16], [1]>, Vmcu_ByteSequence]>, "", [MemRead]>:$source,
    Optional<Index>:$first, Variadic<AnyStaticShapeTensor>:$constants, Arg<Vmcu_ByteSequence, "", [MemWrite]>:$dest,
    Index:$index, Optional<Index>:$within, I64Attr:$pixels, I64Attr:$pitch, I64Attr:$depth,
    Vmcu_RoundingAttr:$rounding, I32Attr:$zero_point, I32Attr:$min, I32Attr:$max, OptionalAttr<I64Attr>:$unroll,
    UnitAttr:$is_unsigned);
  let assemblyFormat = [{
    (`unsigned` $is_unsigned^)? $source (`[` $first^ `]`)? `times` $constants `into` $dest `[` $index (`+` $within^)? `]`
    `pixels` $pixels `pitch` $pitch `depth` $depth `round` `` $rounding `zero_point` $zero_point `clamp` $min `to` $max
    (`unroll` $unroll^)? attr-dict `:` qualified(type($source)) `,` type($constants) `into` qualified(type($dest))
  }];
}

def Vmcu_DepthwiseOp : Vmcu_Op<"depthwise", [AttrSizedOperandSegments]> {
  let summary = "A row of a depthwise convolution, requantised and stored";
  let description = [{
    `dest[index + x, c] = requantize(bias[c] + sum over i, j of in[i, x * stride - pad + j, c] * weights[i, j, c])` for all
    columns `x` and channels `c`, as one inner loop that holds accumulators, weights and constants in registers. `in[i]`
    is the row of `columns` segments from segment `rows[i]` of the source on, or all `halo` where its guard does not
    hold. Columns outside of it are `halo` as well. `unsigned` bytes, and the halo, are extended with zeros. `tile` output columns are made together; by default the lowering
    decides how many.

    Constants as in `vmcu.matmul`; weights are `rows x columns x channels`.
    - (depthwise_c1) there is one guard per row, or none.
    - (depthwise_c2) there are four constants of i8, i32, i32 and i8, or one record.
    - (depthwise_c3) weights are `rows x window columns x channels`, where a segment of source and dest has `channels` bytes.
    - (depthwise_c4) there are rows; window, stride, columns, out_columns and tile are positive.
    - (depthwise_c5) `min <= max`, both in int8 or both in uint8.
    - (depthwise_c6) a record is a tensor of i32 of rank 1 that holds, for each channel, bias and scale (3 words) and a word
      for each pair of taps of each row: with an odd stride those that begin at every tap, else at every second.

    Example:
    ```mlir
    vmcu.depthwise %x[%a, %b, %c] with %w, %bias, %m, %s into %y[%i] window 3 stride 1 pad 1 columns 6 to 6 halo 0
        round double zero_point -128 clamp -128 to 127
        : !vmcu.sequence<36x8xi8>, tensor<3x3x8xi8>, tensor<8xi32>, tensor<8xi32>, tensor<8xi8> into !vmcu.sequence<36x8xi8>
    ```
  }];
  let arguments = (ins Arg<Vmcu_ByteSequence, "", [MemRead]>:$source, Variadic<Index>:$rows, Variadic<I1>:$guards,
    Variadic<AnyStaticShapeTensor>:$constants, Arg<Vmcu_ByteSequence, "", [MemWrite]>:$dest, Index:$index,
    I64Attr:$window, I64Attr:$stride, I64Attr:$pad, I64Attr:$columns, I64Attr:$out_columns, I8Attr:$halo,
    Vmcu_RoundingAttr:$rounding, I32Attr:$zero_point, I32Attr:$min, I32Attr:$max, OptionalAttr<I64Attr>:$tile,
    UnitAttr:$is_unsigned);
  let assemblyFormat = [{
    (`unsigned` $is_unsigned^)? $source `[` $rows `]` (`if` `(` $guards^ `)`)? `with` $constants `into` $dest `[` $index `]` `window` $window `stride` $stride
    `pad` $pad `columns` $columns `to` $out_columns `halo` $halo `round` `` $rounding `zero_point` $zero_point
    `clamp` $min `to` $max (`tile` $tile^)? attr-dict
    `:` qualified(type($source)) `,` type($constants) `into` qualified(type($dest))
  }];
}

#endif
