"""vMCU: int8 neural networks on Cortex-M, in one pool of segments.

    compiled = vmcu.compile_model("model.tflite", "cortex-m4,ram=64KiB")
    compiled.save("build")                        # model.o and model.h
    with compiled.firmware() as firmware:         # on an emulated core
        print(firmware.run(image).outputs[0])

Names are imported when they are first used: `import vmcu` loads no MLIR.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vmcu.version import __version__

if TYPE_CHECKING:
    from vmcu.abi.tensor import Tensor
    from vmcu.cores import Target
    from vmcu.driver.compilation import Compilation, Compiled, compile_model
    from vmcu.driver.handwritten import compile_kernel
    from vmcu.driver.profile import Profile
    from vmcu.driver.program import Program, compile_module
    from vmcu.driver.session import context
    from vmcu.driver.summaries import Layer
    from vmcu.errors import DoesNotFit, InputError, Internal, MissingTool, Unsupported, VmcuError
    from vmcu.isa import register
    from vmcu.isa.own import family
    from vmcu.lang import kernel  # type: ignore[no-redef]  # `vmcu.lang.kernel` is a module and a function
    from vmcu.run.emulator import Counts, MachineFault
    from vmcu.run.firmware import Firmware, Result
    from vmcu.run.oracles import Answer, Panel
    from vmcu.run.oracles.mlir import Reference
    from vmcu.toolchain import Sizes, ToolFailed

_HOMES = {
    "driver.compilation": ("Compilation", "Compiled", "compile_model"),
    "driver.profile": ("Profile",),
    "driver.summaries": ("Layer",),
    "run.emulator": ("Counts", "MachineFault"),
    "errors": ("DoesNotFit", "InputError", "Internal", "MissingTool", "Unsupported", "VmcuError"),
    "run.firmware": ("Firmware", "Result"),
    "driver.session": ("context",),
    "driver.handwritten": ("compile_kernel",),
    "driver.program": ("Program", "compile_module"),
    "isa": ("register",),
    "isa.own": ("family",),
    "lang": ("kernel",),
    "run.oracles": ("Answer", "Panel"),
    "run.oracles.mlir": ("Reference",),
    "cores": ("Target",),
    "abi.tensor": ("Tensor",),
    "toolchain": ("Sizes", "ToolFailed"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Compilation",
    "Compiled",
    "Counts",
    "DoesNotFit",
    "Firmware",
    "InputError",
    "Internal",
    "Layer",
    "MachineFault",
    "MissingTool",
    "Panel",
    "Profile",
    "Program",
    "Reference",
    "Result",
    "Sizes",
    "Target",
    "Tensor",
    "ToolFailed",
    "Unsupported",
    "VmcuError",
    "__version__",
    "compile_kernel",
    "compile_model",
    "compile_module",
    "context",
    "family",
    "kernel",
    "register",
]


if not TYPE_CHECKING:  # a type checker sees the imports above, and shall refuse all other names

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            raise AttributeError(f"module 'vmcu' has no attribute '{name}'")
        value = globals()[name] = getattr(importlib.import_module(f"vmcu.{_HOME_OF[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
