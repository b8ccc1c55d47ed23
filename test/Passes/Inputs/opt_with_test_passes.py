"""vmcu-opt with three more passes: one that fails, one that refuses an op, one that shows its options."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from mlir import ir

from vmcu import tools
from vmcu.passes._registry import PassError, option, vmcu_pass


@dataclass(frozen=True)
class TestOptions:
    """One option of each type."""

    size: int | None = option(None, "how large", unit="bytes")
    count: int = option(2, "how many")
    share: float = option(0.5, "how much")
    mode: Literal["fast", "small"] = option("fast", "what for")
    loud: bool = option(False, "whether to say so")
    name: str = option("it", "whom")


@vmcu_pass("test-show-options", summary="Write the options into the module", options=TestOptions)
def show_options(module: ir.Module, options: TestOptions) -> None:
    module.operation.attributes["test.options"] = ir.StringAttr.get(repr(options))


@vmcu_pass("test-fail", summary="Raise what nobody expects")
def fail(module: ir.Module, options: None) -> None:
    raise KeyError("a bug")


@vmcu_pass("test-exit", summary="Leave the process")
def leave(module: ir.Module, options: None) -> None:
    sys.exit(7)


@vmcu_pass("test-refuse", summary="Refuse every function")
def refuse(module: ir.Module, options: None) -> None:
    for op in module.body.operations:
        raise PassError(op, f"function {op.attributes['sym_name']} is refused")


@vmcu_pass("test-break-ir", summary="Leave a module that does not verify")
def break_ir(module: ir.Module, options: None) -> None:
    for op in module.body.operations:
        op.attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get([], []))


sys.exit(tools.opt())
