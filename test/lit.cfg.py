"""lit for `test/Dialect`, `test/Passes` and `test/Target`; `test/python` is pytest's.

Tests a checkout (`python/vmcu` with the extension built into it) or, without one, the installed package. No CMake: the
tools are found beside the interpreter that runs lit, and in the MLIR and LLVM wheels.
"""

# ruff: noqa: F821  (lit defines config and lit_config before it runs this file)
from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import lit.formats
import lit.util


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        lit_config.fatal(f"the Python package '{name}' is not installed for {sys.executable}")
    return Path(spec.submodule_search_locations[0])


root = Path(__file__).resolve().parent.parent
checkout = root / "python"
developing = any((checkout / "vmcu").glob("_vmcu.*"))

config.name = "vmcu"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = str(root / "test")
# Outputs go with the build: the source tree stays clean.
config.test_exec_root = str(root / "build" / "test")
config.suffixes = [".mlir", ".py", ".test"]
config.excludes = ["python", "Inputs", "lit.cfg.py"]

bin_directories = [Path(sys.executable).parent, _package("mlir") / "bin", _package("llvm") / "bin"]
if developing:
    # lit's built-in `diff` overwrites PYTHONPATH for the rest of a test: compare with `cmp`.
    bin_directories.insert(0, root / "tools")
    config.environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(checkout), os.environ.get("PYTHONPATH")]))
elif importlib.util.find_spec("vmcu") is None:
    lit_config.fatal("vmcu is neither built in this checkout nor installed")
config.environment["PATH"] = os.pathsep.join([*map(str, bin_directories), os.environ["PATH"]])

# `python` in a RUN line is the interpreter that has the packages, whatever it is called.
config.substitutions.append((r"(?<![\w/%.-])python(?![\w/.-])", sys.executable))
config.substitutions.append(("%root", str(root)))
# A function with one layer, see there.
config.substitutions.append(("%layer", f"{sys.executable} {root / 'test' / 'Inputs' / 'layer.py'}"))

# Models that are not part of the project: tests that read them say `REQUIRES: model-zoo`.
if zoo := os.environ.get("VMCU_MODEL_ZOO"):
    config.available_features.add("model-zoo")
    config.environment["VMCU_MODEL_ZOO"] = zoo
    config.substitutions.append(("%zoo", zoo))

if lit.util.killProcessAndChildrenIsSupported()[0]:  # needs psutil
    lit_config.maxIndividualTestTime = 300
