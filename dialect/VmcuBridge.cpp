//===- VmcuBridge.cpp - Python passes as MLIR passes, and the mains -------===//
#include "VmcuBridge.h"
#include "Vmcu.h"

#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(Vmcu, vmcu, vmcu::VmcuDialect)

namespace {

/// What a pass is, shared by all its instances.
struct PythonPass {
  std::string argument, description;
  VmcuPassHooks hooks;
  TypeID id;
};

/// A pass whose body is a callback. Its options are one text, which the callback's side parses and types: so the Python
/// dataclass is the only place that knows them.
class CallbackPass : public Pass {
public:
  CallbackPass(const PythonPass &info) : Pass(info.id, "builtin.module"), info(info) {}
  CallbackPass(const CallbackPass &other) : Pass(other), info(other.info), text(other.text) {}

  StringRef getName() const override { return info.argument; }
  StringRef getArgument() const override { return info.argument; }
  StringRef getDescription() const override { return info.description; }
  bool canScheduleOn(RegisteredOperationName name) const override { return name.getStringRef() == "builtin.module"; }

  // Dialects cannot be loaded while passes run in parallel: name all that a Python pass may build.
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<vmcu::VmcuDialect, arith::ArithDialect, bufferization::BufferizationDialect, cf::ControlFlowDialect,
                    func::FuncDialect, LLVM::LLVMDialect, linalg::LinalgDialect, memref::MemRefDialect, scf::SCFDialect,
                    tensor::TensorDialect, tosa::TosaDialect, vector::VectorDialect>();
  }

  LogicalResult initializeOptions(StringRef options, function_ref<LogicalResult(const Twine &)> errorHandler) override {
    text = options.str();
    std::string wrong = info.hooks.checkOptions(info.hooks.data, text);
    return wrong.empty() ? success() : errorHandler("<" + info.argument + ">: " + wrong);
  }

  void runOnOperation() override {
    if (!info.hooks.run(info.hooks.data, wrap(getOperation()), text))
      signalPassFailure();
  }

  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<CallbackPass>(*this); }

private:
  const PythonPass &info;
  std::string text;
};

} // namespace

bool vmcuIsPassName(const std::string &argument) {
  return PassInfo::lookup(argument) || PassPipelineInfo::lookup(argument);
}

void vmcuRegisterPass(const std::string &argument, const std::string &description, VmcuPassHooks hooks) {
  static TypeIDAllocator ids;
  auto *info = new PythonPass{argument, description, hooks, ids.allocate()}; // Registered until the process ends.
  registerPass([info]() -> std::unique_ptr<Pass> { return std::make_unique<CallbackPass>(*info); });
}

void vmcuRegisterPipeline(const std::string &argument, const std::string &description, VmcuPipelineHooks hooks) {
  auto build = [argument, hooks](OpPassManager &passes, StringRef options,
                                 function_ref<LogicalResult(const Twine &)> errorHandler) -> LogicalResult {
    std::string text, wrong = hooks.expand(hooks.data, options.str(), text);
    if (!wrong.empty())
      return errorHandler("<" + argument + ">: " + wrong);
    std::string unknown;
    llvm::raw_string_ostream stream(unknown);
    return failed(parsePassPipeline(text, passes, stream)) ? errorHandler(unknown) : success();
  };
  // The description lists the options, as that of a pass does.
  registerPassPipeline(argument, description, build,
                       [](function_ref<void(const detail::PassOptions &)> show) { show(detail::PassOptions()); });
}

bool vmcuTranslate(MlirOperation module, std::string &text) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(unwrap(module), context);
  if (!translated)
    return false;
  llvm::raw_string_ostream stream(text);
  translated->print(stream, nullptr);
  return true;
}

bool vmcuHasEffects(MlirOperation op) { return !isMemoryEffectFree(unwrap(op)); }

static void fillRegistry(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<vmcu::VmcuDialect>();
}

// The bindings have registered all upstream passes when they were imported; a second time would be an error.
int vmcuOptMain(int argc, char **argv) {
  DialectRegistry registry;
  fillRegistry(registry);
  return asMainReturnCode(MlirOptMain(argc, argv, "vMCU optimizer driver\n", registry));
}

int vmcuLspMain(int argc, char **argv) {
  DialectRegistry registry;
  fillRegistry(registry);
  return asMainReturnCode(MlirLspServerMain(argc, argv, registry));
}
