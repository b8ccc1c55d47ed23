"""Kernels of one's own from a Python function to a program.

program = vmcu.compile_kernel(pointwise, {"weights": weights, "bias": bias}, "cortex-m4")
with program.firmware() as firmware:
    print(firmware.run(x).outputs[0])
"""

from __future__ import annotations

from collections.abc import Mapping

from vmcu import planner
from vmcu.cores import Target
from vmcu.driver.program import Program, compile_module
from vmcu.lang import Kernel, trace_kernel

__all__ = ["compile_kernel"]


def compile_kernel(
    kernel: Kernel,
    arguments: Mapping[str, object] | None = None,
    target: str | Target = "cortex-m4",
    *,
    name: str | None = None,
    sanitize: bool = False,
) -> Program:
    """Compile a function made a kernel by `vmcu.kernel`: trace it, read off its loops what it touches, plan, and lower it.

    Args:
        kernel: a function of `Input`, `Output`, `Flash` and Python values (`vmcu.lang`).
        arguments: by parameter: int8 or int32 arrays for `Flash`, (segments, bytes of a segment) for an `Input` or `Output`
            whose annotation has no shape, values for others.
        target: a target or its text, e.g. `"cortex-m4,ram=64KiB"`.
        name: prefix of the C symbols; the function's name by default.
        sanitize: let the code report its accesses to the pool, so that its firmware stops at the first wrong one.

    Returns:
        A program. Its inputs and outputs are int8 arrays of shape (segments, bytes of a segment), in the order of the
        parameters.

    Raises:
        InputError: an argument, the target or the name is not what it should be.
        Unsupported: the kernel does something that kernels cannot; the message names the line.
    """
    traced = trace_kernel(kernel, arguments or {})
    module = traced.place(planner.plan(traced.network))
    return compile_module(module, target, name=name or kernel.name, sanitize=sanitize)
