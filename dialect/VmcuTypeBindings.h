//===- VmcuTypeBindings.h - types and attributes of the dialect, for Python -===//
#pragma once

#include <nanobind/nanobind.h>

/// Adds PoolType, SequenceType and the attributes of the enums to the module.
void vmcuBindTypes(nanobind::module_ &m);
