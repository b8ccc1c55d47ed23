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
from vmcu.passes.pipelines import LEVELS, core_options, fill_options
from vmcu.toolchain import compile_to_assembly

file, target, *options = sys.argv[1:]
text, target = sys.stdin.read() if file == "-" else Path(file).read_text(), Target.parse(target)
with bridge.context():
    module = ir.Module.parse(text)
    for level, passes in LEVELS.items():
        if level == "variants" and "--plain" in options:
            continue
        bridge.run(module, fill_options(passes, core_options(target)))
    module.operation.attributes["llvm.data_layout"] = ir.StringAttr.get(target.data_layout)
    print(compile_to_assembly(llvm.translate_module_to_llvmir(module.operation), target))
