//===- VmcuBridge.h - the C++ side of Python passes and of the mains ------===//
#pragma once

#include "mlir-c/IR.h"

#include <string>

// `extern "C"`: the C API's macro declares the handle so, and the linker finds it only then.
extern "C" MlirDialectHandle mlirGetDialectHandle__vmcu__();

/// A pass whose body and whose options live elsewhere.
struct VmcuPassHooks {
  void *data;
  /// Returns what is wrong with the text of the options, or nothing.
  std::string (*checkOptions)(void *data, const std::string &options);
  /// Runs on the anchored module; returns success.
  bool (*run)(void *data, MlirOperation op, const std::string &options);
};

/// True if MLIR knows a pass or a pipeline of this name. To register it again would abort.
bool vmcuIsPassName(const std::string &argument);

/// Registers a pass on `builtin.module`; `description` is what `--help` shows.
void vmcuRegisterPass(const std::string &argument, const std::string &description, VmcuPassHooks hooks);

/// Writes a module of the LLVM dialect to `text` as LLVM IR. False, after an error at an op, if it cannot be
/// translated; upstream's `mlirTranslateModuleToLLVMIRToString` prints a null module then.
bool vmcuTranslate(MlirOperation module, std::string &text);

/// A named pipeline: a list of passes that depends on options, both of which live elsewhere.
struct VmcuPipelineHooks {
  void *data;
  /// Writes the textual pipeline that these options ask for to `text`, or returns what is wrong with them.
  std::string (*expand)(void *data, const std::string &options, std::string &text);
};

/// Registers a pipeline of passes on `builtin.module`.
void vmcuRegisterPipeline(const std::string &argument, const std::string &description, VmcuPipelineHooks hooks);

/// True if an op, or one nested in it, may do more than make its results. An op that MLIR knows nothing of may.
bool vmcuHasEffects(MlirOperation op);

int vmcuOptMain(int argc, char **argv);
int vmcuLspMain(int argc, char **argv);
