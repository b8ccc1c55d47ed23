"""Print the assembly of a linalg module, by the pipeline that the compiler itself takes.

    assemble.py FILE TARGET [--plain]

FILE may be `-`, for stdin. `--plain` leaves kernels in the loops that every one has: no variant is chosen.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlir import ir
from mlir.dialects import llvm

from vmcu.cores import Target
from vmcu.ir import bridge
from vmcu.passes.pipelines import fill_options
from vmcu.toolchain import compile_to_assembly

file, target, *options = sys.argv[1:]
text, target = sys.stdin.read() if file == "-" else Path(file).read_text(), Target.parse(target)
with bridge.context():
    module = ir.Module.parse(text)
    for level in ("kernels", "plan", "segments", "llvm"):
        passes = fill_options(level, {}, target)
        if "--plain" in options:
            passes = [each for each in passes if not each.startswith("vmcu-choose-variants")]
        bridge.run(module, passes)
    print(compile_to_assembly(llvm.translate_module_to_llvmir(module.operation), target))
