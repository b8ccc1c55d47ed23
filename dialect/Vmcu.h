//===- Vmcu.h - the vmcu dialect --------------------------------*- C++ -*-===//
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "VmcuDialect.h.inc"
#include "VmcuEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "VmcuAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "VmcuTypes.h.inc"
namespace vmcu {
class KernelLike;
/// Verifies what all kernels have in common: where they stand, and their names.
llvm::LogicalResult verifyKernel(KernelLike kernel);
} // namespace vmcu

#include "VmcuInterfaces.h.inc"
#define GET_OP_CLASSES
#include "VmcuOps.h.inc"
