"""Print the assembly of a linalg module: `assemble.py FILE TARGET`, by the pipeline that the compiler itself takes."""

from __future__ import annotations

import sys
from pathlib import Path

from mlir import ir
from mlir.dialects import llvm

from vmcu import pipeline
from vmcu.passes.pipelines import LEVELS, fill_options
from vmcu.targets import Target
from vmcu.toolchain import compile_to_assembly

file, target = sys.argv[1], Target.parse(sys.argv[2])
with pipeline.context():
    module = ir.Module.parse(Path(file).read_text())
    for passes in LEVELS.values():
        pipeline.run(module, fill_options(passes, pipeline.core_options(target)))
    module.operation.attributes["llvm.data_layout"] = ir.StringAttr.get(target.data_layout)
    print(compile_to_assembly(llvm.translate_module_to_llvmir(module.operation), target))
