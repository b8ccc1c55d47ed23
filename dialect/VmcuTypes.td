#ifndef VMCU_TYPES_TD
#define VMCU_TYPES_TD

include "VmcuDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Vmcu_Type<string name, string typeMnemonic> : TypeDef<Vmcu_Dialect, name> {
  let mnemonic = typeMnemonic;
  let genVerifyDecl = 1;
}

def Vmcu_Pool : Vmcu_Type<"Pool", "pool"> {
  let summary = "The RAM of the network, in bytes";
  let description = [{
    All tensors and scratch bytes of a network lie in one pool.
    - (pool_c1) a pool has at least one byte, and less than 4 GiB: its addresses have 32 bits.

    Example: `!vmcu.pool<36912>`
  }];
  let parameters = (ins "int64_t":$bytes);
  let assemblyFormat = "`<` $bytes `>`";
}

def Vmcu_Sequence : Vmcu_Type<"Sequence", "sequence"> {
  let summary = "A virtual array of segments, `length x elements x type`";
  let description = [{
    `length` segments of `elements` elements each. At run time at most `ring` of them exist: segment `i` lives at
    `base + (i mod ring) * bytes`, where `bytes` is the size of a segment. Without `ring` the sequence is wholly resident.
    The elements are those of the tensor that lies there. Scratch memory is bytes, `i8`.
    - (sequence_c1) length and elements are positive.
    - (sequence_c2) the ring holds at least one segment and at most all of them.
    - (sequence_c3) all its segments together have less than 4 GiB.
    - (sequence_c4) elements are signless integers of 1, 8, 16, 32 or 64 bits or floats of 16, 32 or 64 bits. One of 1 bit
      takes a byte.

    Examples: `!vmcu.sequence<2304x8xi8>`, `!vmcu.sequence<96x288xi8, ring = 3>`
  }];
  let parameters = (ins "int64_t":$length, "int64_t":$elements, "::mlir::Type":$elementType,
                        DefaultValuedParameter<"int64_t", "0">:$ring);
  let assemblyFormat = "`<` custom<Segments>($length, $elements, $elementType, $ring) `>`";
  let extraClassDeclaration = [{
    /// Bytes of an element in the pool.
    int64_t getElementBytes() const { return (getElementType().getIntOrFloatBitWidth() + 7) / 8; }
    /// Bytes of a segment.
    int64_t getBytes() const { return getElements() * getElementBytes(); }
    /// Segments that exist at one time.
    int64_t getCapacity() const { return getRing() ? getRing() : getLength(); }
    /// True if every segment has an address of its own.
    bool isResident() const { return getCapacity() == getLength(); }
    /// Bytes of the pool that the sequence occupies.
    int64_t getPoolBytes() const { return getCapacity() * getBytes(); }
  }];
}

def Vmcu_ByteSequence : ConfinedType<Vmcu_Sequence, [
    CPred<"::llvm::cast<::vmcu::SequenceType>($_self).getElementType().isSignlessInteger(8)">],
    "sequence of i8", "::vmcu::SequenceType">;

class Vmcu_Enum<string name, string text, list<I32EnumAttrCase> cases> : I32EnumAttr<name, text, cases> {
  let cppNamespace = "::vmcu";
  let genSpecializedAttr = 0;
}

def Vmcu_KernelKind : Vmcu_Enum<"KernelKind", "what a kernel computes", [
  I32EnumAttrCase<"conv2d", 0>, I32EnumAttrCase<"depthwise", 1>, I32EnumAttrCase<"pool", 2>,
  I32EnumAttrCase<"elementwise", 3>, I32EnumAttrCase<"buffer", 4>, I32EnumAttrCase<"fused", 5>,
  I32EnumAttrCase<"custom", 6>, I32EnumAttrCase<"transpose_conv", 7>, I32EnumAttrCase<"resize", 8>,
  I32EnumAttrCase<"rearrange", 9>]>;
def Vmcu_KernelKindAttr : EnumAttr<Vmcu_Dialect, Vmcu_KernelKind, "kind">;

def Vmcu_Traversal : Vmcu_Enum<"Traversal", "the order in which a kernel makes its output", [
  I32EnumAttrCase<"forward", 0>, I32EnumAttrCase<"backward", 1>]>;
def Vmcu_TraversalAttr : EnumAttr<Vmcu_Dialect, Vmcu_Traversal, "traversal">;

def Vmcu_Rounding : Vmcu_Enum<"Rounding", "how often a requantisation rounds", [
  I32EnumAttrCase<"single_round", 0, "single">, I32EnumAttrCase<"double_round", 1, "double">]>;
def Vmcu_RoundingAttr : EnumAttr<Vmcu_Dialect, Vmcu_Rounding, "rounding">;

def Vmcu_Side : Vmcu_Enum<"Side", "which end of a sequence is freed", [
  I32EnumAttrCase<"before", 0>, I32EnumAttrCase<"from", 1>]>;
def Vmcu_SideAttr : EnumAttr<Vmcu_Dialect, Vmcu_Side, "side">;

class Vmcu_Attr<string name, string attrMnemonic> : AttrDef<Vmcu_Dialect, name> {
  let mnemonic = attrMnemonic;
  let genVerifyDecl = 1;
}

def Vmcu_PhaseAttr : Vmcu_Attr<"Phase", "phase"> {
  let summary = "The ticks of a stream at which the rows of a tensor are made";
  let description = [{
    Row `r` of `rows` is made at the tick `scale * (r + 1) - shift`.
    - (phase_c1) scale and rows are positive.

    Example: `#vmcu.phase<scale = 2, shift = -1, rows = 8>`
  }];
  let parameters = (ins "int64_t":$scale, "int64_t":$shift, "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Vmcu_VariantAttr : Vmcu_Attr<"Variant", "variant"> {
  let summary = "One of the ways to compute a kernel";
  let description = [{
    The family of loops, by name, and what is tuned about it: options, each a number. One that is missing has a default.
    - (variant_c1) the name is not empty and has no `,`, `=` or `;`, which divide variants at the command line.
    - (variant_c2) options are positive integers of 64 bits.

    Examples: `#vmcu.variant<"row">`, `#vmcu.variant<"matmul", pixels = 1, unroll = 32>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::DictionaryAttr":$options);
  let assemblyFormat = "`<` custom<Variant>($name, $options) `>`";
}

def Vmcu_Role : Vmcu_Enum<"Role", "why a sequence outlives a run, or is there before it", [
  I32EnumAttrCase<"input", 0>, I32EnumAttrCase<"output", 1>, I32EnumAttrCase<"state", 2>]>;
def Vmcu_RoleAttr : EnumAttr<Vmcu_Dialect, Vmcu_Role, "role">;

#endif
