//===- VmcuDialect.cpp - types and attributes of the vmcu dialect ---------===//
#include "Vmcu.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vmcu;

// Addresses of the target have 32 bits. It also keeps all arithmetic of the verifiers in range.
static constexpr int64_t addressable = int64_t(1) << 32;

// `2304x8` is one token to MLIR's lexer; the dimension-list parser takes it apart.
static ParseResult parseSegments(AsmParser &parser, int64_t &length, int64_t &bytes, int64_t &ring) {
  SmallVector<int64_t> dims;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseDimensionList(dims, /*allowDynamic=*/false, /*withTrailingX=*/false))
    return failure();
  if (dims.size() != 2)
    return parser.emitError(loc) << "expected 'length x bytes', found " << dims.size() << " dimensions";
  length = dims[0];
  bytes = dims[1];
  ring = 0;
  if (parser.parseOptionalComma())
    return success();
  if (parser.parseKeyword("ring") || parser.parseEqual() || parser.getCurrentLocation(&loc) ||
      parser.parseInteger(ring))
    return failure();
  // sequence_c2: zero is how the type says "no ring", so only the parser can tell that it was written.
  if (ring == 0)
    return parser.emitError(loc) << "a ring holds 1 to " << length << " segments, found 0";
  return success();
}

static void printSegments(AsmPrinter &printer, int64_t length, int64_t bytes, int64_t ring) {
  printer << length << "x" << bytes;
  if (ring)
    printer << ", ring = " << ring;
}

#include "VmcuDialect.cpp.inc"
#include "VmcuEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "VmcuAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "VmcuTypes.cpp.inc"

void VmcuDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "VmcuAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "VmcuTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "VmcuOps.cpp.inc"
      >();
}

Operation *VmcuDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

LogicalResult PoolType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bytes) {
  // pool_c1
  if (bytes < 1 || bytes >= addressable)
    return emitError() << "a pool has at least one byte and less than 4 GiB, found " << bytes;
  return success();
}

LogicalResult SequenceType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t length, int64_t bytes,
                                   int64_t ring) {
  // sequence_c1
  if (length < 1 || bytes < 1)
    return emitError() << "length and bytes of a sequence are positive, found " << length << "x" << bytes;
  // sequence_c2
  if (ring < 0 || ring > length)
    return emitError() << "a ring holds 1 to " << length << " segments, found " << ring;
  // sequence_c3
  if (length >= addressable || bytes >= addressable || uint64_t(length) * uint64_t(bytes) >= uint64_t(addressable))
    return emitError() << "a sequence has less than 4 GiB, found " << length << "x" << bytes;
  return success();
}
