"""Return no more than the function's own results.

Before: a function with the attribute `vmcu.results = n`, that returns `n` results of its own and tensors that were kept
After:  the first `n` results, and no such attribute

The way back from `vmcu-keep-layers-apart`. A function without the attribute is left as it is.
"""

from __future__ import annotations

from mlir import ir

from vmcu.ir import walk
from vmcu.ir.functions import return_values
from vmcu.passes._registry import vmcu_pass
from vmcu.passes.keep_layers_apart import RESULTS


@vmcu_pass("vmcu-drop-kept-results", summary="Return no more than the function's own results")
def drop_kept_results(module: ir.Module, options: None) -> None:
    for function in walk.functions(module):
        if RESULTS in function.attributes:
            count = ir.IntegerAttr(function.attributes[RESULTS]).value
            return_values(function, list(walk.terminator(function).operands)[:count])
            del function.attributes[RESULTS]
