//===- VmcuExtension.cpp - what Python sees of the C++ part ---------------===//
//
// The classes of the dialect's types and attributes (VmcuTypeBindings.cpp), and seven functions: load the dialect into
// a context, register a pass whose body is a Python callable or a pipeline whose list is, translate to LLVM IR, tell
// whether an op has effects, and the mains of the optimiser and of the language server. Everything else is Python.
//
// Flags that look odd in CMakeLists.txt: the dialect is compiled with -fno-rtti because LLVM is, and this file without
// it because nanobind needs RTTI; MLIR_PYTHON_PACKAGE_PREFIX makes the adaptors look for the stock `mlir.ir`;
// --exclude-libs keeps the few static MLIR objects out of the dynamic symbol table, where they would shadow the
// originals in libMLIRPythonCAPI.so.
//
//===----------------------------------------------------------------------===//
#include "VmcuBridge.h"
#include "VmcuTypeBindings.h"

#include "mlir-c/Diagnostics.h"
#include "mlir-c/IR.h"
#include "mlir/Bindings/Python/NanobindAdaptors.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <utility>
#include <vector>

namespace nb = nanobind;

namespace {

/// The two Python callables of a pass. Leaked on purpose: passes stay registered until the process ends, later than the
/// interpreter.
struct Callables {
  nb::object check, run;
};

// A Python exception must not unwind through MLIR: the callables report what went wrong; this is the last net.
std::string checkOptions(void *data, const std::string &options) {
  nb::gil_scoped_acquire gil;
  try {
    return nb::cast<std::string>(static_cast<Callables *>(data)->check(options));
  } catch (const std::exception &error) {
    return error.what();
  }
}

bool runPass(void *data, MlirOperation op, const std::string &options) {
  nb::gil_scoped_acquire gil;
  try {
    return nb::cast<bool>(static_cast<Callables *>(data)->run(op, options));
  } catch (const std::exception &error) {
    mlirEmitError(mlirOperationGetLocation(op), error.what());
    return false;
  }
}

/// The Python callable of a pipeline, leaked for the same reason.
struct Expander {
  nb::object expand;
};

std::string expandPipeline(void *data, const std::string &options, std::string &text) {
  nb::gil_scoped_acquire gil;
  try {
    auto [wrong, found] = nb::cast<std::pair<std::string, std::string>>(static_cast<Expander *>(data)->expand(options));
    text = found;
    return wrong;
  } catch (const std::exception &error) {
    return error.what();
  }
}

int runMain(int (*main)(int, char **), std::vector<std::string> arguments) {
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  nb::gil_scoped_release release;
  return main(int(arguments.size()), argv.data());
}

} // namespace

NB_MODULE(_vmcu, m) {
  m.doc() = "The vmcu dialect, Python passes as MLIR passes, and the mains of vmcu-opt and vmcu-lsp-server.";
  vmcuBindTypes(m);

  m.def(
      "register_dialect",
      [](MlirContext context, bool load) {
        MlirDialectHandle handle = mlirGetDialectHandle__vmcu__();
        mlirDialectHandleRegisterDialect(handle, context);
        if (load)
          mlirDialectHandleLoadDialect(handle, context);
      },
      nb::arg("context"), nb::arg("load") = true, "Register (and load) the vmcu dialect in a context.");

  m.def(
      "register_pass",
      [](const std::string &argument, const std::string &description, nb::object check, nb::object run) {
        if (vmcuIsPassName(argument))
          throw nb::value_error(("MLIR has a pass or pipeline named " + argument + " already").c_str());
        vmcuRegisterPass(argument, description, {new Callables{check, run}, checkOptions, runPass});
      },
      nb::arg("argument"), nb::arg("description"), nb::arg("check"), nb::arg("run"),
      "Register a module pass. `check(options)` returns what is wrong with them, or an empty text; "
      "`run(operation, options)` returns whether the pass succeeded. Raises ValueError if MLIR has a pass "
      "of this name.");

  m.def(
      "register_pipeline",
      [](const std::string &argument, const std::string &description, nb::object expand) {
        if (vmcuIsPassName(argument))
          throw nb::value_error(("MLIR has a pass or pipeline named " + argument + " already").c_str());
        vmcuRegisterPipeline(argument, description, {new Expander{expand}, expandPipeline});
      },
      nb::arg("argument"), nb::arg("description"), nb::arg("expand"),
      "Register a pipeline on modules. `expand(options)` returns what is wrong with them (or an empty text) and the "
      "textual pipeline. Raises ValueError if MLIR has a pass of this name.");

  m.def(
      "translate",
      [](MlirOperation module) -> std::optional<std::string> {
        std::string text;
        return vmcuTranslate(module, text) ? std::optional(std::move(text)) : std::nullopt;
      },
      nb::arg("module"),
      "The text of a module of the LLVM dialect as LLVM IR; None, after an error at an op, if it "
      "cannot be translated.");

  m.def("has_effects", vmcuHasEffects, nb::arg("operation"),
        "Whether an op, or one nested in it, may do more than make its results.");

  m.def("opt_main", [](std::vector<std::string> argv) { return runMain(vmcuOptMain, std::move(argv)); });
  m.def("lsp_main", [](std::vector<std::string> argv) { return runMain(vmcuLspMain, std::move(argv)); });
}
