//===- VmcuTypeBindings.cpp - types and attributes of the dialect, for Python -===//
//
// One class for each, registered by its TypeID: `op.result.type` and `op.kind` are of these classes by themselves.
//
//===----------------------------------------------------------------------===//
#include "VmcuTypeBindings.h"
#include "VmcuCAPI.h"

#include "mlir-c/BuiltinTypes.h"
#include "mlir/Bindings/Python/Diagnostics.h"
#include "mlir/Bindings/Python/NanobindAdaptors.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

namespace nb = nanobind;
using namespace mlir::python::nanobind_adaptors;
using namespace vmcu;

/// What `make` returns, or a ValueError with what the verifier said.
template <typename Make> static MlirType checked(MlirContext context, Make make) {
  mlir::python::CollectDiagnosticsToStringScope said(context);
  MlirType type = make();
  std::string message = said.takeMessage();
  if (!mlirTypeIsNull(type))
    return type;
  throw nb::value_error(message.substr(message.find(": ") + 2).c_str());
}

static void bindTypes(nb::module_ &m) {
  mlir_type_subclass(m, "PoolType", capi::isPool, capi::poolTypeID)
      .def_classmethod(
          "get",
          [](const nb::object &cls, int64_t bytes, MlirContext context) {
            return cls(checked(context, [&] { return capi::getPool(context, bytes); }));
          },
          nb::arg("cls"), nb::arg("bytes"), nb::arg("context").none() = nb::none(),
          "The RAM of a network, `bytes` bytes. Raises ValueError if there is no such pool.")
      .def_property_readonly("bytes", capi::poolBytes, "Bytes of the pool.");

  mlir_type_subclass(m, "SequenceType", capi::isSequence, capi::sequenceTypeID)
      .def_classmethod(
          "get",
          [](const nb::object &cls, int64_t length, int64_t elements, std::optional<MlirType> elementType,
             std::optional<int64_t> ring, MlirContext context) {
            if (ring == 0) // The type itself says "no ring" by 0.
              throw nb::value_error(("a ring holds 1 to " + std::to_string(length) + " segments, found 0").c_str());
            MlirType element = elementType ? *elementType : mlirIntegerTypeGet(context, 8);
            return cls(checked(mlirTypeGetContext(element),
                               [&] { return capi::getSequence(element, length, elements, ring.value_or(0)); }));
          },
          nb::arg("cls"), nb::arg("length"), nb::arg("elements"), nb::arg("element_type").none() = nb::none(),
          nb::arg("ring").none() = nb::none(), nb::arg("context").none() = nb::none(),
          "`length` segments of `elements` elements, of which `ring` exist at one time; all of them without `ring`. "
          "Elements are bytes, i8, without `element_type`. Raises ValueError if there is no such sequence.")
      .def_property_readonly("length", capi::sequenceLength, "Segments.")
      .def_property_readonly("elements", capi::sequenceElements, "Elements of a segment.")
      .def_property_readonly("element_type", capi::sequenceElementType, "The type of an element.")
      .def_property_readonly("bytes", capi::sequenceBytes, "Bytes of a segment.")
      .def_property_readonly("ring", capi::sequenceCapacity, "Segments that exist at one time; all, without a ring.")
      .def_property_readonly("is_resident", capi::isSequenceResident,
                             "Whether every segment has an address of its own.")
      .def_property_readonly("pool_bytes", capi::sequencePoolBytes, "Bytes of the pool that the sequence occupies.");
}

/// The Python enum that mlir-tblgen made of it.
static nb::object enumOf(const capi::EnumAttribute &info) {
  return nb::module_::import_("vmcu.dialects._vmcu_enum_gen").attr(info.enumeration);
}

static void bindEnum(nb::module_ &m, const capi::EnumAttribute &info) {
  mlir_attribute_subclass(m, info.attribute, info.isA, info.typeID)
      .def_classmethod(
          "get",
          [&info](const nb::object &cls, const nb::object &value, MlirContext context) {
            // Through the enum, so that a number that is no case of it is Python's own ValueError.
            return cls(info.get(context, nb::cast<uint32_t>(nb::int_(enumOf(info)(value)))));
          },
          nb::arg("cls"), nb::arg("value"), nb::arg("context").none() = nb::none(), "The attribute that holds a case.")
      .def_property_readonly(
          "value", [&info](MlirAttribute attribute) { return enumOf(info)(info.value(attribute)); },
          "The case, a member of the Python enum.");
}

void vmcuBindTypes(nb::module_ &m) {
  bindTypes(m);
  for (const capi::EnumAttribute &info : capi::enumAttributes)
    bindEnum(m, info);
}
