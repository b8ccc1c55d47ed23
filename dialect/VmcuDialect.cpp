//===- VmcuDialect.cpp - types and attributes of the vmcu dialect ---------===//
#include "Vmcu.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vmcu;

// Addresses of the target have 32 bits. It also keeps all arithmetic of the verifiers in range.
static constexpr int64_t addressable = int64_t(1) << 32;

// `2304x8xi8` begins with one token to MLIR's lexer; the dimension-list parser takes it apart.
static ParseResult parseSegments(AsmParser &parser, int64_t &length, int64_t &elements, Type &elementType,
                                 int64_t &ring) {
  SmallVector<int64_t> dims;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseDimensionList(dims, /*allowDynamic=*/false, /*withTrailingX=*/true))
    return failure();
  if (dims.size() != 2)
    return parser.emitError(loc) << "expected 'length x elements x type', found " << dims.size() << " dimensions";
  length = dims[0];
  elements = dims[1];
  ring = 0;
  if (parser.parseType(elementType))
    return failure();
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

static void printSegments(AsmPrinter &printer, int64_t length, int64_t elements, Type elementType, int64_t ring) {
  printer << length << "x" << elements << "x" << elementType;
  if (ring)
    printer << ", ring = " << ring;
}

/// The name of a variant, and `, option = number` for each of its options.
static ParseResult parseVariant(AsmParser &parser, StringAttr &name, DictionaryAttr &options) {
  NamedAttrList found;
  if (parser.parseAttribute(name))
    return failure();
  while (succeeded(parser.parseOptionalComma())) {
    StringRef option;
    int64_t number;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&option) || parser.parseEqual() || parser.parseInteger(number))
      return failure();
    if (found.get(option))
      return parser.emitError(loc) << "option '" << option << "' is given twice";
    found.append(option, parser.getBuilder().getI64IntegerAttr(number));
  }
  options = found.getDictionary(parser.getContext());
  return success();
}

static void printVariant(AsmPrinter &printer, StringAttr name, DictionaryAttr options) {
  printer << name;
  for (NamedAttribute option : options)
    printer << ", " << option.getName().getValue() << " = " << cast<IntegerAttr>(option.getValue()).getInt();
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

//===----------------------------------------------------------------------===//
// Attributes of the dialect
//===----------------------------------------------------------------------===//

namespace {
/// An attribute of the dialect: its name, where it stands, what it holds.
struct KnownAttribute {
  StringRef name, place, content;
  bool (*standsOn)(Operation *op); // null: it stands on an argument or a result of a function
  bool (*holds)(Attribute value);
};
} // namespace

static bool isFunction(Operation *op) { return isa<FunctionOpInterface>(op); }
static bool isString(Attribute value) { return isa<StringAttr>(value); }

static bool isScale(Attribute value) {
  auto scale = dyn_cast<FloatAttr>(value);
  return scale && scale.getType().isF32() && scale.getValueAsDouble() > 0;
}

static bool isUnit(Attribute value) { return isa<UnitAttr>(value); }

static bool isWord(Attribute value) {
  auto number = dyn_cast<IntegerAttr>(value);
  return number && number.getType().isSignlessInteger(32);
}

static bool areElements(Attribute value) { return isa<ElementsAttr>(value); }

/// What a port may say besides its type, by the same rules as an argument or a result.
static bool isPortEntry(NamedAttribute entry) {
  StringRef name = entry.getName().getValue();
  if (name == "vmcu.name")
    return isString(entry.getValue());
  if (name == "vmcu.scale")
    return isScale(entry.getValue());
  if (name == "vmcu.unsigned")
    return isUnit(entry.getValue());
  if (name == "vmcu.initial")
    return areElements(entry.getValue());
  return name == "vmcu.zero_point" ? isWord(entry.getValue()) : !name.starts_with("vmcu.");
}

static bool arePorts(Attribute value) {
  auto ports = dyn_cast<ArrayAttr>(value);
  return ports && llvm::all_of(ports, [](Attribute each) {
           auto port = dyn_cast<DictionaryAttr>(each);
           auto type = port ? port.getAs<TypeAttr>("type") : TypeAttr();
           auto tensor = type ? dyn_cast<RankedTensorType>(type.getValue()) : RankedTensorType();
           return tensor && tensor.hasStaticShape() && llvm::all_of(port, isPortEntry);
         });
}

/// Ports of which each has an initial value of its type.
static bool areStates(Attribute value) {
  return arePorts(value) && llvm::all_of(cast<ArrayAttr>(value), [](Attribute each) {
           auto state = cast<DictionaryAttr>(each);
           auto initial = state.getAs<ElementsAttr>("vmcu.initial");
           return initial && initial.getType() == state.getAs<TypeAttr>("type").getValue();
         });
}

static bool areRanges(Attribute value) {
  auto ranges = dyn_cast<DenseI64ArrayAttr>(value);
  if (!ranges || ranges.empty() || ranges.size() % 2)
    return false;
  for (int64_t at = 0; at < ranges.size(); at += 2)
    if (ranges[at] < 0 || ranges[at] > ranges[at + 1])
      return false;
  return true;
}

static bool isCount(Attribute value) {
  auto bytes = dyn_cast<IntegerAttr>(value);
  return bytes && bytes.getType().isSignlessInteger(64) && bytes.getInt() >= 0;
}

static const KnownAttribute knownAttributes[] = {
    {"vmcu.inputs", "a function", "an array of ports", isFunction, arePorts},
    {"vmcu.outputs", "a function", "an array of ports", isFunction, arePorts},
    {"vmcu.states", "a function", "an array of ports with initial values of their types", isFunction, areStates},
    {"vmcu.results", "a function", "the number of its own results as an i64", isFunction, isCount},
    {"vmcu.lower_bound", "a pool", "bytes as an i64", [](Operation *op) { return isa<PoolOp>(op); }, isCount},
    {"vmcu.lower_bound_kernel", "a pool", "a string", [](Operation *op) { return isa<PoolOp>(op); }, isString},
    {"vmcu.reads", "a tiled kernel", "first and end byte as an array of i64",
     [](Operation *op) { return isa<TiledKernelOp>(op); }, areRanges},
    {"vmcu.name", "an argument or a result of a function", "a string", nullptr, isString},
    {"vmcu.scale", "an argument or a result of a function", "a positive f32", nullptr, isScale},
    {"vmcu.zero_point", "an argument or a result of a function", "an i32", nullptr, isWord},
    {"vmcu.unsigned", "an argument or a result of a function", "a unit", nullptr, isUnit},
    {"vmcu.initial", "an argument or a result of a function", "the elements of a tensor", nullptr, areElements},
    {"vmcu.updates", "an argument or a result of a function", "an i32", nullptr, isWord},
};

static LogicalResult verifyAttribute(Operation *op, NamedAttribute attribute, bool isPort) {
  const auto *known = llvm::find_if(
      knownAttributes, [&](const KnownAttribute &each) { return each.name == attribute.getName().getValue(); });
  // attribute_c1
  if (known == std::end(knownAttributes)) {
    InFlightDiagnostic error = op->emitError()
                               << "'" << attribute.getName().getValue() << "' is no attribute of vmcu; known are ";
    llvm::interleaveComma(knownAttributes, error, [&](const KnownAttribute &each) { error << each.name; });
    return error;
  }
  // attribute_c2
  if (isPort != !known->standsOn || (known->standsOn && !known->standsOn(op)))
    return op->emitError() << "'" << known->name << "' stands on " << known->place << ", found it on "
                           << (isPort ? "a port of '" : "'") << op->getName() << "'";
  // attribute_c3
  if (!known->holds(attribute.getValue()))
    return op->emitError() << "'" << known->name << "' holds " << known->content << ", found " << attribute.getValue();
  // attribute_c4
  if (known->name == "vmcu.results" &&
      cast<IntegerAttr>(attribute.getValue()).getInt() > cast<FunctionOpInterface>(op).getNumResults())
    return op->emitError() << "'vmcu.results' is at most the number of results, found " << attribute.getValue();
  return success();
}

LogicalResult VmcuDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  return verifyAttribute(op, attribute, /*isPort=*/false);
}

/// The number of the argument that a result updates; none if it updates none.
static std::optional<int64_t> updatedBy(FunctionOpInterface function, unsigned result) {
  auto number = function.getResultAttrOfType<IntegerAttr>(result, "vmcu.updates");
  return number ? std::optional(number.getInt()) : std::nullopt;
}

LogicalResult VmcuDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned number,
                                                    NamedAttribute attribute) {
  if (failed(verifyAttribute(op, attribute, /*isPort=*/true)))
    return failure();
  auto function = dyn_cast<FunctionOpInterface>(op);
  StringRef name = attribute.getName().getValue();
  // attribute_c6
  if (name == "vmcu.updates")
    return op->emitError() << "'vmcu.updates' stands on a result, found it on argument " << number;
  if (!function || name != "vmcu.initial")
    return success();
  // attribute_c5
  Type type = function.getArgumentTypes()[number], initial = cast<ElementsAttr>(attribute.getValue()).getType();
  if (initial != type)
    return op->emitError() << "argument " << number << " is " << type << ", its initial value " << initial;
  int64_t updates = 0;
  for (unsigned result = 0; result < function.getNumResults(); ++result)
    updates += updatedBy(function, result) == number;
  if (updates != 1)
    return op->emitError() << "argument " << number << " keeps its value from run to run, and " << updates
                           << " results update it, expected 1";
  return success();
}

LogicalResult VmcuDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned number,
                                                       NamedAttribute attribute) {
  if (failed(verifyAttribute(op, attribute, /*isPort=*/true)))
    return failure();
  auto function = dyn_cast<FunctionOpInterface>(op);
  // attribute_c5
  if (attribute.getName().getValue() == "vmcu.initial")
    return op->emitError() << "'vmcu.initial' stands on an argument, found it on result " << number;
  if (!function || attribute.getName().getValue() != "vmcu.updates")
    return success();
  // attribute_c6
  int64_t state = cast<IntegerAttr>(attribute.getValue()).getInt();
  if (state < 0 || state >= function.getNumArguments() || !function.getArgAttr(state, "vmcu.initial"))
    return op->emitError() << "result " << number << " updates argument " << state << ", which has no initial value";
  if (function.getArgumentTypes()[state] != function.getResultTypes()[number])
    return op->emitError() << "result " << number << " is " << function.getResultTypes()[number]
                           << ", the argument that it updates " << function.getArgumentTypes()[state];
  return success();
}

//===----------------------------------------------------------------------===//
// Phases and variants
//===----------------------------------------------------------------------===//

LogicalResult PhaseAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t scale, int64_t, int64_t rows) {
  // phase_c1
  if (scale < 1 || rows < 1)
    return emitError() << "scale and rows of a phase are positive, found " << scale << " and " << rows;
  return success();
}

LogicalResult VariantAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr name,
                                  DictionaryAttr options) {
  // variant_c1
  if (name.empty() || name.getValue().find_first_of(",=;") != StringRef::npos)
    return emitError() << "the name of a variant is not empty and has no ',', '=' or ';', found " << name;
  // variant_c2
  for (NamedAttribute option : options) {
    auto number = dyn_cast<IntegerAttr>(option.getValue());
    if (!number || !number.getType().isSignlessInteger(64) || number.getInt() < 1)
      return emitError() << "options of a variant are positive i64, found " << option.getName().getValue() << " = "
                         << option.getValue();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

LogicalResult PoolType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bytes) {
  // pool_c1
  if (bytes < 1 || bytes >= addressable)
    return emitError() << "a pool has at least one byte and less than 4 GiB, found " << bytes;
  return success();
}

/// Whether memory holds elements of the type in whole bytes, or in a byte of their own.
static bool isStored(Type type) {
  const unsigned integers[] = {1, 8, 16, 32, 64}, floats[] = {16, 32, 64};
  if (type.isSignlessInteger())
    return llvm::is_contained(integers, type.getIntOrFloatBitWidth());
  return isa<FloatType>(type) && llvm::is_contained(floats, type.getIntOrFloatBitWidth());
}

LogicalResult SequenceType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t length, int64_t elements,
                                   Type elementType, int64_t ring) {
  // sequence_c1
  if (length < 1 || elements < 1)
    return emitError() << "length and elements of a sequence are positive, found " << length << "x" << elements;
  // sequence_c2
  if (ring < 0 || ring > length)
    return emitError() << "a ring holds 1 to " << length << " segments, found " << ring;
  // sequence_c4
  if (!isStored(elementType))
    return emitError() << "elements of a sequence are signless integers of 1, 8, 16, 32 or 64 bits or floats of 16, 32 "
                          "or 64 bits, found "
                       << elementType;
  // sequence_c3
  uint64_t bytes = (elementType.getIntOrFloatBitWidth() + 7) / 8;
  bytes = llvm::SaturatingMultiply(llvm::SaturatingMultiply(bytes, uint64_t(length)), uint64_t(elements));
  if (bytes >= uint64_t(addressable))
    return emitError() << "a sequence has less than 4 GiB, found " << length << "x" << elements << " elements of "
                       << elementType;
  return success();
}
