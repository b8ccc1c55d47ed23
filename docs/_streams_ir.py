"""The IR that docs/streams.md shows: a stream at plan level and after `vmcu-lower-streams`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from _architecture import DIGITS, describe_streams

if TYPE_CHECKING:
    from vmcu.driver.compilation import Compilation

LOWER = ("vmcu-lower-streams", "canonicalize", "cse")


@cache
def compilation(*, fed: bool) -> Compilation:
    """The example on its way down the levels."""
    from vmcu.driver.compilation import Compilation

    return Compilation(DIGITS, input="fed" if fed else "resident")


def print_ir() -> dict[str, str]:
    """The first stream of the example as planned, its loop over ticks, and the function that is fed."""
    resident, fed = _lower(False), _lower(True)
    return {
        "plan_ir": describe_streams(compilation(fed=False).emit("plan", elide=True)),
        "loop_ir": _take_loop(resident),
        "fed_ir": _take_entry(fed),
    }


def _lower(fed: bool) -> str:
    """The example after `vmcu-lower-streams`, kernels folded, maps in place."""
    from mlir import ir

    from vmcu.ir import bridge

    with bridge.context(), ir.Location.unknown():
        module = ir.Module.parse(compilation(fed=fed).emit("plan"))
        bridge.run(module, LOWER)
        text = module.operation.get_asm(large_elements_limit=16)
    maps = dict(re.findall(r"^(#map\d*) = (affine_map<.*>)$", text, re.MULTILINE))
    text = re.sub(r"(?<=affine\.apply )#map\d*", lambda match: maps[match[0]], text)
    return _fold_kernels(text)


def _fold_kernels(text: str) -> str:
    lines, until = [], None
    for line in text.splitlines():
        if until is not None:
            until = None if line == until else until
        elif "vmcu.placed_kernel" in line and line.endswith("{"):
            indent = line[: len(line) - len(line.lstrip())]
            head = re.sub(r" (?=(ins|outs)\()", f"\n{indent}    ", line[:-1])
            lines += f"{head}{{ ... }}".splitlines()
            until = f"{indent}}}"
        else:
            lines.append(line)
    return "\n".join(lines)


def _take_loop(text: str) -> str:
    """The loop over ticks up to the first row that settles, or the second turn."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if "scf.for" in line)
    indent = " " * (len(lines[first]) - len(lines[first].lstrip()))
    end = next(at for at in range(first, len(lines)) if lines[at] == f"{indent}}}")
    turns = [at for at in range(first, end) if lines[at] == f"{indent}  }}"]
    settled = next((at for at in range(first, end) if "vmcu.settle" in lines[at]), turns[min(1, len(turns) - 1)])
    stop = next(at for at in turns if at >= settled)
    left = sum("vmcu.placed_kernel" in line for line in lines[stop:end])
    taken = [*lines[first : stop + 1], f"{indent}  // ... {left} more kernels", f"{indent}}}"]
    return "\n".join(line[len(indent) :] for line in taken)


def _take_entry(text: str) -> str:
    """A fed function's head, without the places, up to its loop; and how it ends."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if "func.func" in line)
    loop = next(at for at in range(first, len(lines)) if "scf.for" in lines[at])
    indent = " " * (len(lines[first]) - len(lines[first].lstrip()))
    end = next(at for at in range(loop, len(lines)) if lines[at] == f"{indent}}}")
    close = next(at for at in range(loop, end) if lines[at] == f"{indent}  }}")
    head = re.sub(r" attributes \{.*\} \{$", " {", lines[first])
    middle = [line for line in lines[first + 1 : loop] if "vmcu.place" not in line and "vmcu.pool" not in line]
    body = [head, *middle, lines[loop], f"{indent}    // ... as above", *lines[close : end + 1]]
    return "\n".join(line[len(indent) :] for line in body)
