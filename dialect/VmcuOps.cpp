//===- VmcuOps.cpp - verifiers, folders and effects of the vmcu ops -------===//
//
// Each rule carries the label under which VmcuOps.td promises it.
//
//===----------------------------------------------------------------------===//
#include "Vmcu.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vmcu;

#include "VmcuInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "VmcuOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

static std::optional<int64_t> constantIndex(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  return std::nullopt;
}

/// Bytes of a tensor or buffer, saturating at 64 bits; nothing if its shape or its elements have no fixed size.
static std::optional<uint64_t> bytesOf(ShapedType type) {
  if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  uint64_t bytes = (type.getElementTypeBitWidth() + 7) / 8;
  for (int64_t extent : type.getShape())
    bytes = llvm::SaturatingMultiply<uint64_t>(bytes, extent);
  return bytes;
}

static VectorType vectorOf(Value value) { return cast<VectorType>(value.getType()); }

static SequenceType sequenceOf(Value value) { return cast<SequenceType>(value.getType()); }

static bool isZero(Attribute attr) {
  auto dense = dyn_cast_or_null<DenseIntElementsAttr>(attr);
  return dense && dense.isSplat() && dense.getSplatValue<APInt>().isZero();
}

//===----------------------------------------------------------------------===//
// Names of values in printed IR
//===----------------------------------------------------------------------===//

void KernelOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getNumResults())
    setName(getResult(0), getName());
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, "x");
}

template <typename Kernel> static void nameSequences(Kernel kernel, Region &region, OpAsmSetValueNameFn setName) {
  SmallVector<StringRef> names(kernel.getInputs().size(), "x");
  names.append(kernel.getOutputs().size(), "y");
  names.append(kernel.getWorkspace().size(), "scratch");
  names.push_back("row");
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, name);
}
void PlacedKernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameSequences(*this, region, setName);
}
void TiledKernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameSequences(*this, region, setName);
}

void PoolOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getPool(), "pool"); }
void PlaceOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (std::optional<StringRef> label = getLabel())
    setName(getSequence(), *label);
}
void ViewOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  Value source = getSource();
  while (auto view = source.getDefiningOp<ViewOp>())
    source = view.getSource();
  auto place = source.getDefiningOp<PlaceOp>();
  SequenceType type = getSequence().getType();
  std::string label = place && place.getLabel() ? place.getLabel()->str() : "view";
  setName(getSequence(), label + "_" + std::to_string(type.getLength()) + "x" + std::to_string(type.getElements()));
}
void LandingOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "landed"); }
void SegmentLoadOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "segment"); }
void BufferOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getBuffer(), "buffer"); }
void FlashLoadOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  // A row is a bias or a scale, all else are weights.
  setName(getResult(), vectorOf(getResult()).getRank() == 1 ? "constants" : "weights");
}
void LookUpOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "found"); }
void MaximumOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "largest"); }
void BroadcastOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "acc"); }
void DotOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "acc"); }
void ChannelDotOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "acc"); }
void RequantizeOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), "scaled"); }

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static LogicalResult verifyBytes(PlacedKernelOp kernel, StringRef what, TypeRange tensors, ValueRange sequences) {
  if (tensors.size() != sequences.size())
    return kernel.emitOpError() << "has " << sequences.size() << " " << what << " sequences for " << tensors.size()
                                << " tensors of its body";
  for (auto [number, tensor, sequence] : llvm::enumerate(tensors, sequences)) {
    auto type = dyn_cast<RankedTensorType>(tensor);
    std::optional<uint64_t> have = type ? bytesOf(type) : std::nullopt;
    if (!have)
      return kernel.emitOpError() << "needs static tensors of integers or floats in its body, found " << tensor;
    SequenceType kind = sequenceOf(sequence);
    if (type.getElementType() != kind.getElementType())
      return kernel.emitOpError() << what << " " << number << " is a sequence of " << kind.getElementType()
                                  << ", its tensor " << type << " has elements " << type.getElementType();
    uint64_t held = kind.getLength() * kind.getBytes();
    if (*have != held)
      return kernel.emitOpError() << what << " " << number << " is a sequence of " << held << " bytes, its tensor "
                                  << type << " has " << *have;
  }
  return success();
}

/// kernel_c2, at the op that must not be there.
static LogicalResult verifyOutsideKernels(Operation *op) {
  // kernel_c2
  // placed_kernel_c5
  // tiled_kernel_c3
  if (auto kernel = op->getParentOfType<KernelLike>())
    return op->emitOpError("is in the body of a kernel, which holds no kernel, stream, pool, place or view")
               .attachNote(kernel.getLoc())
           << "the kernel is here";
  return success();
}

LogicalResult vmcu::verifyKernel(KernelLike kernel) {
  if (failed(verifyOutsideKernels(kernel)))
    return failure();
  StringRef name = kernel.getName();
  // kernel_c3
  if (name.empty() || !llvm::all_of(name, [](char each) { return llvm::isAlnum(each) || each == '_'; }))
    return kernel->emitOpError() << "is named '" << name << "'; a name has letters, digits and '_', at least one";
  // kernel_c4
  KernelLike other;
  kernel->getParentWithTrait<OpTrait::IsIsolatedFromAbove>()->walk<WalkOrder::PreOrder>([&](KernelLike each) {
    if (each == kernel || each.getName() == name) {
      other = each == kernel ? KernelLike() : each;
      return WalkResult::interrupt();
    }
    return WalkResult::skip(); // Bodies are long, and hold no kernels.
  });
  if (other)
    return kernel->emitOpError("has the name of another kernel, '" + name + "'").attachNote(other.getLoc())
           << "the other one is here";
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  // kernel_c1
  if (getBody().getArgumentTypes() != getInputs().getTypes())
    return emitOpError() << "needs body arguments of its inputs' types";
  if (yield.getValues().getTypes() != getResultTypes())
    return yield.emitOpError() << "yields types that differ from the results of its kernel '" << getName() << "'";
  return success();
}

template <typename Kernel> static LogicalResult verifyStores(Kernel kernel) {
  // placed_kernel_c4
  // tiled_kernel_c2
  if (kernel.getOutputs().empty())
    return kernel.emitOpError() << "stores to at least one sequence of 'outs'";
  return success();
}

LogicalResult PlacedKernelOp::verifyRegions() {
  bool inStream = isa_and_nonnull<StreamOp>((*this)->getParentOp());
  bool hasPhase = getPhase().has_value();
  // placed_kernel_c2
  if (inStream != hasPhase)
    return emitOpError() << (inStream ? "in a stream needs a phase" : "has a phase outside of a stream");
  // placed_kernel_c3
  if (getRow() && hasPhase)
    return emitOpError() << "has a row and a phase; supported is one of them";
  if (failed(verifyStores(*this)))
    return failure();
  // placed_kernel_c1
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (failed(verifyBytes(*this, "input", getBody().getArgumentTypes(), getInputs())))
    return failure();
  return verifyBytes(*this, "output", yield.getValues().getTypes(), getOutputs());
}

LogicalResult TiledKernelOp::verifyRegions() {
  if (failed(verifyStores(*this)))
    return failure();
  SmallVector<Type> expected(getInputs().getTypes());
  llvm::append_range(expected, getOutputs().getTypes());
  llvm::append_range(expected, getWorkspace().getTypes());
  if (getRow())
    expected.push_back(getRow().getType());
  // tiled_kernel_c1
  if (!llvm::equal(expected, getBody().getArgumentTypes()))
    return emitOpError() << "needs body arguments of the types of 'ins', 'outs', 'workspace' and 'row'";
  return success();
}

//===----------------------------------------------------------------------===//
// PoolOp, PlaceOp, ViewOp
//===----------------------------------------------------------------------===//

LogicalResult PoolOp::verify() {
  if (failed(verifyOutsideKernels(*this)))
    return failure();
  // pool_c2
  for (Operation *op = getOperation()->getPrevNode(); op; op = op->getPrevNode())
    if (isa<PoolOp>(op))
      return emitOpError("is the second pool of its block").attachNote(op->getLoc()) << "the first one is here";
  return success();
}

LogicalResult StreamOp::verifyRegions() {
  if (failed(verifyOutsideKernels(*this)))
    return failure();
  // stream_c1
  int64_t first = getFirst(), last = getLast(); // the accessors are unsigned
  if (first > last)
    return emitOpError() << "runs from tick " << first << " to tick " << last;
  // stream_c2
  for (Operation &op : getBody().front()) {
    if (!isa<PlacedKernelOp, LandingOp, SettleOp>(op))
      return op.emitError() << "'" << op.getName()
                            << "' in a stream, which holds placed kernels, landings and settlings only";
  }
  // stream_c3
  if (getBackward() && getFed())
    return emitOpError() << "is fed and backward; rows arrive first to last";
  // stream_c4
  if (int64_t pace = getPace(); pace < 1)
    return emitOpError() << "has a pace of " << pace << " ticks, which is not positive";
  return success();
}

static LogicalResult verifyLanding(Operation *op, SequenceType landing, SequenceType ring, Value newest,
                                   bool hasPhase) {
  // landing_c1
  // settle_c1
  if (landing.getElements() != ring.getElements() || landing.getElementType() != ring.getElementType() ||
      ring.getCapacity() % landing.getCapacity() != 0)
    return op->emitOpError() << "joins a landing " << landing << " and a ring " << ring;
  // landing_c2
  // settle_c2
  bool inStream = isa_and_nonnull<StreamOp>(op->getParentOp());
  if (inStream != hasPhase || inStream == bool(newest))
    return op->emitOpError() << "needs " << (inStream ? "a phase" : "the newest row's segment");
  return success();
}

LogicalResult LandingOp::verify() {
  return verifyLanding(*this, getLanding().getType(), getRing().getType(), getNewest(), getPhase().has_value());
}

LogicalResult SettleOp::verify() {
  return verifyLanding(*this, getLanding().getType(), getRing().getType(), getNewest(), getPhase().has_value());
}

LogicalResult FeedOp::verify() {
  SequenceType type = getDest().getType();
  auto row = cast<MemRefType>(getRow().getType());
  // feed_c1
  if (!row.hasStaticShape() || row.getNumElements() % type.getBytes() != 0 ||
      type.getPoolBytes() % row.getNumElements() != 0)
    return emitOpError() << "copies " << row << " into a ring of " << type.getCapacity() << " segments of "
                         << type.getBytes() << " bytes";
  return success();
}

static LogicalResult verifyRole(Operation *op, std::optional<Role> role, int64_t number) {
  // place_c2
  // view_c3
  if (!role && number != 0)
    return op->emitOpError() << "has number " << number << " without a role";
  if (number < 0)
    return op->emitOpError() << "has number " << number << ", expected 0 or more";
  return success();
}

LogicalResult PlaceOp::verify() {
  if (failed(verifyOutsideKernels(*this)))
    return failure();
  int64_t pool = getPool().getType().getBytes(), bytes = getSequence().getType().getPoolBytes();
  // place_c1
  if (int64_t offset = getOffset(); offset < 0 || offset > pool - bytes)
    return emitOpError() << "puts " << bytes << " bytes at offset " << offset << " of a pool of " << pool;
  return verifyRole(*this, getRole(), getNumber());
}

void PlaceOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  // Who calls the network fills or reads the sequence: an effect that keeps the op alive without a use.
  if (getRole())
    effects.emplace_back(MemoryEffects::Write::get(), SideEffects::DefaultResource::get());
}

LogicalResult ViewOp::verify() {
  if (failed(verifyOutsideKernels(*this)))
    return failure();
  SequenceType source = getSource().getType(), sequence = getSequence().getType();
  // view_c1
  if (source.getElementType() != sequence.getElementType())
    return emitOpError() << "sees elements " << sequence.getElementType() << " in a tensor of "
                         << source.getElementType();
  if (int64_t have = source.getLength() * source.getBytes(), want = sequence.getLength() * sequence.getBytes();
      have != want)
    return emitOpError() << "sees " << want << " bytes in a tensor of " << have;
  // view_c2
  if (source.getPoolBytes() != sequence.getPoolBytes())
    return emitOpError() << "sees " << sequence.getPoolBytes() << " bytes of the pool in a sequence that occupies "
                         << source.getPoolBytes();
  return verifyRole(*this, getRole(), getNumber());
}

Value ViewOp::getViewSource() { return getSource(); }

void ViewOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  // As that of a place with a role.
  if (getRole())
    effects.emplace_back(MemoryEffects::Write::get(), SideEffects::DefaultResource::get());
}

//===----------------------------------------------------------------------===//
// SegmentLoadOp
//===----------------------------------------------------------------------===//

static LogicalResult verifyElements(Operation *op, StringRef verb, Value vector, SequenceType sequence) {
  // segment_load_c8
  // segment_store_c4
  if (Type elements = vectorOf(vector).getElementType(); elements != sequence.getElementType())
    return op->emitOpError() << verb << " elements " << elements << ", the sequence has " << sequence.getElementType();
  return success();
}

/// False if constants say that of the `bytes` bytes of each row some lie outside of the sequence.
static bool liesInside(SequenceType type, Value index, Value within, Value byte, uint64_t rows, uint64_t stride,
                       uint64_t bytes) {
  std::optional<int64_t> segment = constantIndex(index), offset = constantIndex(byte);
  if (!segment || !offset || within)
    return true;
  if (*segment < 0 || *offset < 0)
    return false;
  uint64_t last = llvm::SaturatingMultiplyAdd<uint64_t>(rows - 1, stride, *segment);
  uint64_t start = llvm::SaturatingMultiplyAdd<uint64_t>(last, type.getBytes(), *offset);
  return llvm::SaturatingAdd(start, bytes) <= uint64_t(type.getLength() * type.getBytes());
}

static LogicalResult emitOutside(Operation *op, SequenceType type, Value index, Value byte, int64_t rows,
                                 int64_t bytes) {
  return op->emitOpError() << "touches " << rows << " rows of " << bytes << " bytes, from byte " << *constantIndex(byte)
                           << " of segment " << *constantIndex(index) << " on; not all lie in a sequence of "
                           << type.getLength() << "x" << type.getBytes();
}

/// True unless a constant byte says that a row of `bytes` bytes leaves its segment.
static bool staysInSegment(SequenceType type, Value byte, int64_t bytes) {
  std::optional<int64_t> offset = constantIndex(byte);
  return !offset || (*offset >= 0 && *offset <= type.getBytes() - bytes);
}

/// Whether so many rows can be in a ring at one time.
static bool existTogether(SequenceType type, int64_t rows, int64_t stride) {
  return rows - 1 <= (type.getCapacity() - 1) / stride;
}

LogicalResult SegmentLoadOp::verify() {
  SequenceType type = getSource().getType();
  if (failed(verifyElements(*this, "loads", getResult(), type)))
    return failure();
  // segment_load_c1
  if (getRowBytes() % 4 != 0)
    return emitOpError() << "loads rows of " << getRowBytes() << " bytes, which is not a multiple of 4";
  // segment_load_c2
  if (getValidBytes() < 1 || getValidBytes() > getRowBytes())
    return emitOpError() << "has " << getValidBytes() << " valid bytes in rows of " << getRowBytes();
  // segment_load_c3
  if (!getGuards().empty() && int64_t(getGuards().size()) != getRows())
    return emitOpError() << "has " << getGuards().size() << " guards for " << getRows() << " rows";
  if (getGuards().empty() == getPad().has_value())
    return emitOpError() << "needs guards and a pad value together";
  // segment_load_c6
  int64_t stride = getStride();
  if (stride < 1)
    return emitOpError() << "has stride " << stride << ", expected 1 or more";
  // segment_load_c4
  if (getGuards().empty() && !liesInside(type, getIndex(), getWithin(), getByte(), getRows(), stride, getValidBytes()))
    return emitOutside(*this, type, getIndex(), getByte(), getRows(), getValidBytes());
  if (type.isResident())
    return success();
  // segment_load_c5
  if (std::optional<int64_t> byte = constantIndex(getByte()); byte && *byte < 0)
    return emitOpError() << "reads from byte " << *byte << " of a segment";
  if (!type.isResident() && getValidBytes() > type.getPoolBytes())
    return emitOpError() << "reads rows of " << getValidBytes() << " bytes in a ring of " << type.getPoolBytes();
  // segment_load_c7
  if (getGuards().empty() && !existTogether(type, getRows(), stride))
    return emitOpError() << "reads " << getRows() << " rows with stride " << stride << " of a ring of "
                         << type.getCapacity() << " segments";
  return success();
}

LogicalResult SegmentLoadOp::canonicalize(SegmentLoadOp op, PatternRewriter &rewriter) {
  // Guards that always hold guard nothing.
  auto holds = [](Value guard) { return matchPattern(guard, m_One()); };
  if (op.getGuards().empty() || !llvm::all_of(op.getGuards(), holds))
    return failure();
  // Code that never runs may hold nonsense; without its guards it would not verify.
  if (!liesInside(op.getSource().getType(), op.getIndex(), op.getWithin(), op.getByte(), op.getRows(), op.getStride(),
                  op.getValidBytes()) ||
      !existTogether(op.getSource().getType(), op.getRows(), op.getStride()))
    return failure();
  rewriter.modifyOpInPlace(op, [&] {
    op.getGuardsMutable().clear();
    op.removePadAttr();
  });
  return success();
}

//===----------------------------------------------------------------------===//
// SegmentStoreOp, SegmentFreeOp, BufferOp
//===----------------------------------------------------------------------===//

LogicalResult SegmentStoreOp::verify() {
  SequenceType type = getDest().getType();
  if (failed(verifyElements(*this, "stores", getValue(), type)))
    return failure();
  // segment_store_c1
  if (getValidBytes() < 1 || getValidBytes() > getRowBytes() || getValidBytes() > type.getBytes())
    return emitOpError() << "stores " << getValidBytes() << " bytes of rows of " << getRowBytes()
                         << " into segments of " << type.getBytes();
  // segment_store_c2
  int64_t rows = vectorOf(getValue()).getDimSize(0);
  if (!liesInside(type, getIndex(), getWithin(), getByte(), rows, 1, getValidBytes()))
    return emitOutside(*this, type, getIndex(), getByte(), rows, getValidBytes());
  // segment_store_c3
  if (!staysInSegment(type, getByte(), getValidBytes()))
    return emitOpError() << "stores " << getValidBytes() << " bytes from byte " << *constantIndex(getByte())
                         << " of segments of " << type.getBytes();
  return success();
}

LogicalResult SegmentFreeOp::verify() {
  int64_t length = getSequence().getType().getLength();
  std::optional<int64_t> index = constantIndex(getIndex());
  // segment_free_c1
  if (index && (*index < 0 || *index > length))
    return emitOpError() << "names segment " << *index << " of a sequence of " << length;
  return success();
}

LogicalResult SegmentFreeOp::canonicalize(SegmentFreeOp op, PatternRewriter &rewriter) {
  std::optional<int64_t> index = constantIndex(op.getIndex());
  int64_t nothing = op.getSide() == Side::before ? 0 : op.getSequence().getType().getLength();
  if (index != nothing)
    return failure();
  rewriter.eraseOp(op);
  return success();
}

LogicalResult BufferOp::verify() {
  SequenceType type = getSequence().getType();
  auto buffer = cast<MemRefType>(getBuffer().getType());
  // buffer_c1
  if (!type.isResident())
    return emitOpError() << "needs a resident sequence, found a ring of " << type.getCapacity() << " segments";
  // buffer_c2
  std::optional<uint64_t> bytes = bytesOf(buffer);
  if (!bytes || !buffer.getLayout().isIdentity())
    return emitOpError() << "needs integers or floats, a static shape and identity layout, found " << buffer;
  // buffer_c3
  if (!type.getElementType().isSignlessInteger(8) && type.getElementType() != buffer.getElementType())
    return emitOpError() << "sees elements " << buffer.getElementType() << " in a sequence of "
                         << type.getElementType();
  int64_t offset = getOffset();
  if (offset < 0 || llvm::SaturatingAdd(uint64_t(offset), *bytes) > uint64_t(type.getPoolBytes()))
    return emitOpError() << "puts " << *bytes << " bytes at offset " << offset << " of a sequence of "
                         << type.getPoolBytes();
  return success();
}

//===----------------------------------------------------------------------===//
// FlashLoadOp, LookUpOp, MaximumOp, BroadcastOp
//===----------------------------------------------------------------------===//

LogicalResult FlashLoadOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType());
  VectorType tile = vectorOf(getResult());
  // flash_load_c1
  if (int64_t(getIndices().size()) != source.getRank())
    return emitOpError() << "has " << getIndices().size() << " indices for a tensor of rank " << source.getRank();
  // flash_load_c2
  if (tile.getElementType() != source.getElementType())
    return emitOpError() << "loads " << tile.getElementType() << " from a tensor of " << source.getElementType();
  // flash_load_c3
  if (tile.getRank() > source.getRank())
    return emitOpError() << "loads a tile of rank " << tile.getRank() << " from a tensor of rank " << source.getRank();
  int64_t leading = source.getRank() - tile.getRank();
  for (int64_t dim = 0; dim < source.getRank(); ++dim) {
    int64_t extent = dim < leading ? 1 : tile.getDimSize(dim - leading);
    int64_t start = constantIndex(getIndices()[dim]).value_or(0);
    if (start < 0 || start > source.getDimSize(dim) - extent)
      return emitOpError() << "loads " << extent << " from " << start << " on of dimension " << dim << ", which has "
                           << source.getDimSize(dim) << " elements";
  }
  return success();
}

LogicalResult LookUpOp::verify() {
  // look_up_c1
  int64_t entries = cast<RankedTensorType>(getTable().getType()).getDimSize(0);
  if (entries != 256)
    return emitOpError() << "looks up bytes in a table of " << entries << " entries, which has to have 256";
  return success();
}

LogicalResult MaximumOp::verify() {
  // maximum_c1
  int64_t bytes = vectorOf(getTaps()).getDimSize(1), words = vectorOf(getAcc()).getDimSize(0);
  if (bytes != 4 * words)
    return emitOpError() << "compares rows of " << bytes << " bytes with " << words << " words of four";
  return success();
}

LogicalResult BroadcastOp::verify() {
  int64_t have = vectorOf(getValue()).getDimSize(0), want = vectorOf(getResult()).getDimSize(1);
  // broadcast_c1
  if (have != want)
    return emitOpError() << "repeats rows of " << have << " words in a result with rows of " << want;
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  auto dense = dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getValue());
  if (!dense || !dense.isSplat())
    return {};
  return DenseElementsAttr::get(vectorOf(getResult()), dense.getSplatValue<APInt>());
}

//===----------------------------------------------------------------------===//
// DotOp, ChannelDotOp
//===----------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  VectorType pixels = vectorOf(getPixels()), weights = vectorOf(getWeights()), acc = vectorOf(getAcc());
  // dot_c1
  if (pixels.getDimSize(1) != weights.getDimSize(1))
    return emitOpError() << "multiplies pixels of depth " << pixels.getDimSize(1) << " with weights of depth "
                         << weights.getDimSize(1);
  if (pixels.getDimSize(1) % 4 != 0)
    return emitOpError() << "has depth " << pixels.getDimSize(1) << ", which is not a multiple of 4";
  // dot_c2
  if (acc.getDimSize(0) != pixels.getDimSize(0) || acc.getDimSize(1) != weights.getDimSize(0))
    return emitOpError() << "accumulates into " << acc << ", expected " << pixels.getDimSize(0) << "x"
                         << weights.getDimSize(0);
  return success();
}

OpFoldResult DotOp::fold(FoldAdaptor adaptor) {
  return isZero(adaptor.getPixels()) || isZero(adaptor.getWeights()) ? OpFoldResult(getAcc()) : OpFoldResult();
}

LogicalResult ChannelDotOp::verify() {
  VectorType taps = vectorOf(getTaps()), weights = vectorOf(getWeights()), acc = vectorOf(getAcc());
  int64_t count = taps.getDimSize(0), channels = taps.getDimSize(1);
  // channel_dot_c1
  SmallVector<int64_t> packed = {(count + 1) / 2, channels / 2, 2, 2};
  if (weights.getShape() != taps.getShape() && weights.getShape() != ArrayRef<int64_t>(packed))
    return emitOpError() << "multiplies taps " << taps << " with weights " << weights << ", expected " << count << "x"
                         << channels << " or packed " << packed[0] << "x" << packed[1] << "x2x2";
  // channel_dot_c2
  if (channels % 4 != 0 || acc.getDimSize(0) != channels)
    return emitOpError() << "accumulates " << channels << " channels into " << acc << "; channels are a multiple of 4";
  return success();
}

OpFoldResult ChannelDotOp::fold(FoldAdaptor adaptor) {
  return isZero(adaptor.getTaps()) || isZero(adaptor.getWeights()) ? OpFoldResult(getAcc()) : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// RequantizeOp
//===----------------------------------------------------------------------===//

static bool isShift(int64_t shift) { return shift >= 2 && shift <= 62; }

LogicalResult RequantizeOp::verify() {
  VectorType value = vectorOf(getValue()), result = vectorOf(getResult());
  // requantize_c1
  if (value.getShape() != result.getShape())
    return emitOpError() << "makes " << result << " of " << value << ", shapes differ";
  // requantize_c2
  int64_t channels = value.getShape().back();
  for (auto [what, operand] : {std::pair("multipliers", getMultiplier()), std::pair("shifts", getShift())}) {
    int64_t have = vectorOf(operand).getDimSize(0);
    if (have != 1 && have != channels)
      return emitOpError() << "has " << have << " " << what << " for " << channels << " channels";
  }
  // requantize_c3
  unsigned width = result.getElementTypeBitWidth();
  int64_t lowest = APInt::getSignedMinValue(width).getSExtValue();
  int64_t highest = APInt::getSignedMaxValue(width).getSExtValue();
  int32_t min = getMin(), max = getMax();
  if (min >= 0 && width == 8)
    highest = 255; // the bytes are uint8
  if (min > max || min < lowest || max > highest)
    return emitOpError() << "clamps to [" << min << ", " << max << "], elements hold [" << lowest << ", " << highest
                         << "]";
  // requantize_c4
  DenseIntElementsAttr shifts;
  if (matchPattern(getShift(), m_Constant(&shifts)))
    for (const APInt &shift : shifts)
      if (!isShift(shift.getSExtValue()))
        return emitOpError() << "shifts by " << shift.getSExtValue() << ", expected 2 to 62";
  return success();
}

/// The arithmetic of `tosa.apply_scale` (TOSA 1.0, section "apply_scale_32").
static int32_t applyScale(int32_t value, int32_t multiplier, int shift, bool doubleRound) {
  int64_t round = int64_t(1) << (shift - 1);
  if (doubleRound && shift > 31)
    round += value >= 0 ? int64_t(1) << 30 : -(int64_t(1) << 30);
  return int32_t((int64_t(value) * multiplier + round) >> shift);
}

OpFoldResult RequantizeOp::fold(FoldAdaptor adaptor) {
  auto values = dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getValue());
  auto multipliers = dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getMultiplier());
  auto shifts = dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getShift());
  if (!values || !multipliers || !shifts)
    return {};
  // Shifts may have become constant since the op was verified.
  if (!llvm::all_of(shifts.getValues<APInt>(), [](const APInt &shift) { return isShift(shift.getSExtValue()); }))
    return {};
  VectorType type = vectorOf(getResult());
  int64_t channels = type.getShape().back();
  int32_t zero = getZeroPoint(), min = getMin(), max = getMax();
  SmallVector<APInt> folded;
  for (auto [number, value] : llvm::enumerate(values.getValues<APInt>())) {
    auto channel = [&](DenseIntElementsAttr attr) {
      return attr.getValues<APInt>()[attr.getNumElements() == 1 ? 0 : number % channels].getSExtValue();
    };
    int32_t scaled = applyScale(value.getSExtValue(), channel(multipliers), channel(shifts),
                                getRounding() == Rounding::double_round);
    // Unsigned, because the sum wraps as `arith.addi` does.
    int32_t moved = int32_t(uint32_t(scaled) + uint32_t(zero));
    folded.emplace_back(type.getElementTypeBitWidth(), std::clamp(moved, min, max), /*isSigned=*/true,
                        /*implicitTrunc=*/true);
  }
  return DenseElementsAttr::get(type, folded);
}

//===----------------------------------------------------------------------===//
// WidenOp, MatmulOp, DepthwiseOp
//===----------------------------------------------------------------------===//

LogicalResult WidenOp::verify() {
  int64_t bytes = getBytes(), pieces = getPieces(), step = getStep(), at = getAt();
  // widen_c1
  if (bytes < 1 || pieces < 1 || step < 1)
    return emitOpError() << "widens " << pieces << " pieces of " << bytes << " bytes, " << step << " lanes apart";
  if (bool(getGuard()) != getPad().has_value())
    return emitOpError() << "needs a guard and a pad value together";
  // widen_c2
  auto lanes = cast<MemRefType>(getLanes().getType());
  int64_t end = at + (pieces - 1) * step + bytes;
  if (!lanes.hasStaticShape() || lanes.getNumElements() % 4 || at < 0 || end > lanes.getNumElements())
    return emitOpError() << "stores lanes " << at << " to " << end << " of " << lanes
                         << ", expected static ones, a multiple of 4";
  return success();
}

static LogicalResult verifyRange(Operation *op, int32_t min, int32_t max) {
  if (min > max || min < -128 || max > (min < 0 ? 127 : 255))
    return op->emitOpError() << "clamps to " << min << " to " << max << ", which is no range of int8 or uint8";
  return success();
}

/// Four constants (weights of `shape`, bias, multiplier, shift) or one record of `words` words.
static LogicalResult verifyConstants(Operation *op, TypeRange constants, ArrayRef<int64_t> shape, int64_t channels,
                                     uint64_t words) {
  if (constants.size() == 1) {
    auto record = cast<ShapedType>(constants[0]);
    if (record.getElementType().isSignlessInteger(32) && record.getRank() == 1 &&
        uint64_t(record.getNumElements()) == words)
      return success();
    return op->emitOpError() << "has a record " << record << ", expected 'tensor<" << words << "xi32>'";
  }
  if (constants.size() != 4)
    return op->emitOpError() << "has " << constants.size() << " constants, expected weights, bias, multiplier, shift";
  const unsigned widths[] = {8, 32, 32, 8};
  for (auto [type, width] : llvm::zip(constants, widths))
    if (!cast<ShapedType>(type).getElementType().isSignlessInteger(width))
      return op->emitOpError() << "has constants " << type << ", expected elements 'i" << width << "'";
  if (cast<ShapedType>(constants[0]).getShape() != shape)
    return op->emitOpError() << "has weights " << constants[0] << " for " << channels << " channels";
  for (auto [number, type] : llvm::enumerate(constants.drop_front())) {
    int64_t have = cast<ShapedType>(type).getNumElements();
    if (have != channels && (number == 0 || have != 1))
      return op->emitOpError() << "has constants " << type << " for " << channels << " channels";
  }
  return success();
}

LogicalResult MatmulOp::verify() {
  auto lanes = dyn_cast<MemRefType>(getSource().getType());
  int64_t pixels = getPixels(), pitch = getPitch(), depth = getDepth(), channels = getDest().getType().getBytes();
  // matmul_c1
  if (bool(lanes) == bool(getFirst()) || (!lanes && pixels != 1))
    return emitOpError() << "takes lanes, or one pixel from a segment of a sequence on";
  if (lanes && getIsUnsigned())
    return emitOpError() << "takes unsigned bytes of a sequence; lanes are extended already";
  // matmul_c2
  // matmul_c3
  if (depth < 4 || depth % 4)
    return emitOpError() << "has depth " << depth << ", which is no positive multiple of 4";
  // matmul_c6
  if (std::optional<uint64_t> unroll = getUnroll(); unroll && (int64_t(*unroll) < 4 || *unroll % 4))
    return emitOpError() << "unrolls " << int64_t(*unroll) << " lanes, which is no positive multiple of 4";
  // matmul_c7
  uint64_t words = (channels + 1) / 2 * (2 + depth / 2 + 4);
  if (failed(verifyConstants(*this, getConstants().getTypes(), {channels, depth}, channels, words)))
    return failure();
  // matmul_c4
  if (pixels < 1 || pixels > 3 ||
      (lanes && (!lanes.hasStaticShape() || (pixels - 1) * pitch + depth > lanes.getNumElements())))
    return emitOpError() << "reads " << pixels << " pixels of " << depth << " lanes, " << pitch << " apart, from "
                         << getSource().getType();
  // matmul_c5
  return verifyRange(*this, getMin(), getMax());
}

LogicalResult DepthwiseOp::verify() {
  // depthwise_c1
  if (!getGuards().empty() && getGuards().size() != getRows().size())
    return emitOpError() << "has " << getGuards().size() << " guards for " << getRows().size() << " rows";
  // depthwise_c4
  int64_t window = getWindow(), stride = getStride();
  if (window < 1 || stride < 1 || int64_t(getColumns()) < 1 || int64_t(getOutColumns()) < 1 || getRows().empty())
    return emitOpError() << "needs rows, and a positive window, stride and columns";
  if (std::optional<uint64_t> tile = getTile(); tile && int64_t(*tile) < 1)
    return emitOpError() << "makes " << int64_t(*tile) << " columns together";
  // depthwise_c2
  // depthwise_c3
  int64_t channels = getDest().getType().getBytes();
  if (getSource().getType().getBytes() != channels)
    return emitOpError() << "reads segments of " << getSource().getType().getBytes() << " bytes and stores some of "
                         << channels;
  // depthwise_c6
  int64_t rows = getRows().size(), pairs = window == 1 ? 1 : stride % 2 ? window - 1 : (window + 1) / 2;
  if (failed(verifyConstants(*this, getConstants().getTypes(), {rows, window, channels}, channels,
                             channels * (3 + rows * pairs))))
    return failure();
  // depthwise_c5
  return verifyRange(*this, getMin(), getMax());
}
