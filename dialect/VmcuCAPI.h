//===- VmcuCAPI.h - types and attributes of the dialect, for C ------------===//
//
// The bindings are compiled with RTTI and see no C++ class of MLIR; they reach the dialect through these functions.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir-c/IR.h"

#include <cstdint>

namespace vmcu::capi {

bool isPool(MlirType type);
MlirTypeID poolTypeID();
/// A null type, after an error at an unknown location, if there is no such pool.
MlirType getPool(MlirContext context, int64_t bytes);
int64_t poolBytes(MlirType type);

bool isSequence(MlirType type);
MlirTypeID sequenceTypeID();
/// Without a ring if `ring` is 0. A null type, after an error at an unknown location, if there is no such sequence.
MlirType getSequence(MlirType elementType, int64_t length, int64_t elements, int64_t ring);
int64_t sequenceLength(MlirType type);
int64_t sequenceElements(MlirType type);
MlirType sequenceElementType(MlirType type);
int64_t sequenceBytes(MlirType type);
int64_t sequenceCapacity(MlirType type);
int64_t sequencePoolBytes(MlirType type);
bool isSequenceResident(MlirType type);

bool isPhase(MlirAttribute attribute);
MlirTypeID phaseTypeID();
/// A null attribute, after an error at an unknown location, if there is no such phase.
MlirAttribute getPhase(MlirContext context, int64_t scale, int64_t shift, int64_t rows);
int64_t phaseScale(MlirAttribute attribute);
int64_t phaseShift(MlirAttribute attribute);
int64_t phaseRows(MlirAttribute attribute);

bool isVariant(MlirAttribute attribute);
MlirTypeID variantTypeID();
/// `options` is a dictionary. A null attribute, after an error at an unknown location, if there is no such variant.
MlirAttribute getVariant(MlirContext context, MlirStringRef name, MlirAttribute options);
MlirStringRef variantName(MlirAttribute attribute);
MlirAttribute variantOptions(MlirAttribute attribute);

/// An attribute that holds a case of an enum.
struct EnumAttribute {
  const char *attribute, *enumeration; // their classes in Python
  bool (*isA)(MlirAttribute attribute);
  MlirTypeID (*typeID)();
  MlirAttribute (*get)(MlirContext context, uint32_t value); // null if the enum has no such case
  uint32_t (*value)(MlirAttribute attribute);
};

/// All of them.
inline constexpr int enumAttributeCount = 5;
extern const EnumAttribute enumAttributes[enumAttributeCount];

} // namespace vmcu::capi
