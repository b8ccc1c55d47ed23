//===- VmcuTypeBindings.cpp - types and attributes of the dialect, for Python -===//
//
// One class for each, registered by its TypeID: `op.result.type` and `op.kind` are of these classes by themselves.
//
//===----------------------------------------------------------------------===//
#include "VmcuTypeBindings.h"
#include "VmcuCAPI.h"

#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "mlir/Bindings/Python/Diagnostics.h"
#include "mlir/Bindings/Python/NanobindAdaptors.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>
#include <vector>

namespace nb = nanobind;
using namespace mlir::python::nanobind_adaptors;
using namespace vmcu;

/// What `make` returns, a type or an attribute, or a ValueError with what the verifier said.
template <typename Make> static auto checked(MlirContext context, Make make) {
  mlir::python::CollectDiagnosticsToStringScope said(context);
  auto made = make();
  std::string message = said.takeMessage();
  if (made.ptr)
    return made;
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

static void bindPhase(nb::module_ &m) {
  mlir_attribute_subclass(m, "PhaseAttr", capi::isPhase, capi::phaseTypeID)
      .def_classmethod(
          "get",
          [](const nb::object &cls, int64_t scale, int64_t shift, int64_t rows, MlirContext context) {
            return cls(checked(context, [&] { return capi::getPhase(context, scale, shift, rows); }));
          },
          nb::arg("cls"), nb::arg("scale"), nb::arg("shift"), nb::arg("rows"), nb::arg("context").none() = nb::none(),
          "Row `r` of `rows` is made at the tick `scale * (r + 1) - shift`. Raises ValueError if there is no such "
          "phase.")
      .def_property_readonly("scale", capi::phaseScale, "Ticks from a row to the next.")
      .def_property_readonly("shift", capi::phaseShift, "Ticks by which rows come sooner.")
      .def_property_readonly("rows", capi::phaseRows, "Rows in all.");
}

/// The dictionary attribute of options and their numbers.
static MlirAttribute writeOptions(MlirContext context, const nb::dict &options) {
  std::vector<MlirNamedAttribute> entries;
  for (auto [name, number] : options) {
    std::string text = nb::cast<std::string>(name);
    MlirIdentifier key = mlirIdentifierGet(context, mlirStringRefCreate(text.data(), text.size()));
    MlirAttribute value = mlirIntegerAttrGet(mlirIntegerTypeGet(context, 64), nb::cast<int64_t>(number));
    entries.push_back(mlirNamedAttributeGet(key, value));
  }
  return mlirDictionaryAttrGet(context, intptr_t(entries.size()), entries.data());
}

static nb::dict readOptions(MlirAttribute variant) {
  nb::dict found;
  MlirAttribute options = capi::variantOptions(variant);
  for (intptr_t number = 0; number < mlirDictionaryAttrGetNumElements(options); ++number) {
    MlirNamedAttribute option = mlirDictionaryAttrGetElement(options, number);
    MlirStringRef name = mlirIdentifierStr(option.name);
    found[nb::str(name.data, name.length)] = mlirIntegerAttrGetValueInt(option.attribute);
  }
  return found;
}

static void bindVariant(nb::module_ &m) {
  mlir_attribute_subclass(m, "VariantAttr", capi::isVariant, capi::variantTypeID)
      .def_classmethod(
          "get",
          [](const nb::object &cls, const std::string &name, const nb::dict &options, MlirContext context) {
            MlirStringRef text = mlirStringRefCreate(name.data(), name.size());
            MlirAttribute dictionary = writeOptions(context, options);
            return cls(checked(context, [&] { return capi::getVariant(context, text, dictionary); }));
          },
          nb::arg("cls"), nb::arg("name"), nb::arg("options") = nb::dict(), nb::arg("context").none() = nb::none(),
          "A way to compute a kernel: a family by name, and the numbers of its options. Raises ValueError if there is "
          "no such variant.")
      .def_property_readonly(
          "name",
          [](MlirAttribute attribute) {
            MlirStringRef name = capi::variantName(attribute);
            return std::string(name.data, name.length);
          },
          "The name of the family.")
      .def_property_readonly("options", readOptions, "The numbers by the names of the options.");
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
  bindPhase(m);
  bindVariant(m);
  for (const capi::EnumAttribute &info : capi::enumAttributes)
    bindEnum(m, info);
}
