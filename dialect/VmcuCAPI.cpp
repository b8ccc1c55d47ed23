//===- VmcuCAPI.cpp - types and attributes of the dialect, for C ----------===//
#include "VmcuCAPI.h"
#include "Vmcu.h"

#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"

using namespace mlir;
using namespace vmcu;

static PoolType pool(MlirType type) { return cast<PoolType>(unwrap(type)); }
static SequenceType sequence(MlirType type) { return cast<SequenceType>(unwrap(type)); }

/// An error of the verifier, where there is no op to blame.
static auto emitErrorIn(MLIRContext *context) {
  return [context] { return emitError(UnknownLoc::get(context)); };
}

bool capi::isPool(MlirType type) { return isa<PoolType>(unwrap(type)); }
MlirTypeID capi::poolTypeID() { return wrap(PoolType::getTypeID()); }
MlirType capi::getPool(MlirContext context, int64_t bytes) {
  return wrap(Type(PoolType::getChecked(emitErrorIn(unwrap(context)), unwrap(context), bytes)));
}
int64_t capi::poolBytes(MlirType type) { return pool(type).getBytes(); }

bool capi::isSequence(MlirType type) { return isa<SequenceType>(unwrap(type)); }
MlirTypeID capi::sequenceTypeID() { return wrap(SequenceType::getTypeID()); }
MlirType capi::getSequence(MlirType elementType, int64_t length, int64_t elements, int64_t ring) {
  MLIRContext *context = unwrap(elementType).getContext();
  return wrap(
      Type(SequenceType::getChecked(emitErrorIn(context), context, length, elements, unwrap(elementType), ring)));
}
int64_t capi::sequenceLength(MlirType type) { return sequence(type).getLength(); }
int64_t capi::sequenceElements(MlirType type) { return sequence(type).getElements(); }
MlirType capi::sequenceElementType(MlirType type) { return wrap(sequence(type).getElementType()); }
int64_t capi::sequenceBytes(MlirType type) { return sequence(type).getBytes(); }
int64_t capi::sequenceCapacity(MlirType type) { return sequence(type).getCapacity(); }
int64_t capi::sequencePoolBytes(MlirType type) { return sequence(type).getPoolBytes(); }
bool capi::isSequenceResident(MlirType type) { return sequence(type).isResident(); }

static PhaseAttr phase(MlirAttribute attribute) { return cast<PhaseAttr>(unwrap(attribute)); }
static VariantAttr variant(MlirAttribute attribute) { return cast<VariantAttr>(unwrap(attribute)); }

bool capi::isPhase(MlirAttribute attribute) { return isa<PhaseAttr>(unwrap(attribute)); }
MlirTypeID capi::phaseTypeID() { return wrap(PhaseAttr::getTypeID()); }
MlirAttribute capi::getPhase(MlirContext context, int64_t scale, int64_t shift, int64_t rows) {
  MLIRContext *owner = unwrap(context);
  return wrap(Attribute(PhaseAttr::getChecked(emitErrorIn(owner), owner, scale, shift, rows)));
}
int64_t capi::phaseScale(MlirAttribute attribute) { return phase(attribute).getScale(); }
int64_t capi::phaseShift(MlirAttribute attribute) { return phase(attribute).getShift(); }
int64_t capi::phaseRows(MlirAttribute attribute) { return phase(attribute).getRows(); }

bool capi::isVariant(MlirAttribute attribute) { return isa<VariantAttr>(unwrap(attribute)); }
MlirTypeID capi::variantTypeID() { return wrap(VariantAttr::getTypeID()); }
MlirAttribute capi::getVariant(MlirContext context, MlirStringRef name, MlirAttribute options) {
  MLIRContext *owner = unwrap(context);
  return wrap(Attribute(VariantAttr::getChecked(emitErrorIn(owner), owner, StringAttr::get(owner, unwrap(name)),
                                                cast<DictionaryAttr>(unwrap(options)))));
}
MlirStringRef capi::variantName(MlirAttribute attribute) { return wrap(variant(attribute).getName().getValue()); }
MlirAttribute capi::variantOptions(MlirAttribute attribute) { return wrap(Attribute(variant(attribute).getOptions())); }

/// The functions of one enum, from the attribute's class and the enum's own symbolizer.
template <typename Attr, auto symbolize>
static constexpr capi::EnumAttribute describe(const char *attribute, const char *enumeration) {
  return {attribute,
          enumeration,
          [](MlirAttribute attr) { return isa<Attr>(unwrap(attr)); },
          [] { return wrap(Attr::getTypeID()); },
          [](MlirContext context, uint32_t value) {
            auto known = symbolize(value);
            return wrap(known ? Attribute(Attr::get(unwrap(context), *known)) : Attribute());
          },
          [](MlirAttribute attr) { return uint32_t(cast<Attr>(unwrap(attr)).getValue()); }};
}

const capi::EnumAttribute capi::enumAttributes[enumAttributeCount] = {
    describe<KernelKindAttr, static_cast<std::optional<KernelKind> (*)(uint32_t)>(symbolizeKernelKind)>(
        "KernelKindAttr", "KernelKind"),
    describe<TraversalAttr, static_cast<std::optional<Traversal> (*)(uint32_t)>(symbolizeTraversal)>("TraversalAttr",
                                                                                                     "Traversal"),
    describe<RoundingAttr, static_cast<std::optional<Rounding> (*)(uint32_t)>(symbolizeRounding)>("RoundingAttr",
                                                                                                  "Rounding"),
    describe<SideAttr, static_cast<std::optional<Side> (*)(uint32_t)>(symbolizeSide)>("SideAttr", "Side"),
    describe<RoleAttr, static_cast<std::optional<Role> (*)(uint32_t)>(symbolizeRole)>("RoleAttr", "Role"),
};
