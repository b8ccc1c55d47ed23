"""The page docs/architecture.md: `_architecture.template.md` with the IR of one layer printed in."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vmcu.driver.compilation import Compiled

HERE = Path(__file__).resolve().parent
LAYER = HERE / "layer.mlir"
DIGITS = HERE.parent / "examples" / "digits" / "digits.tflite"
BEFORE, LINES = 10, 24  # of an excerpt: lines before the first multiply-accumulate, and in all
WIDTH = 118  # characters of an excerpt's line


def write_architecture() -> str:
    """The page. Compiles `layer.mlir` and runs it, so that what is printed is known to be right.

    Raises:
        RuntimeError: the emulated core and the host disagree about the layer.
    """
    from vmcu.driver.compilation import Compilation

    layer = Compilation(LAYER, "cortex-m4")
    plan = layer.emit("plan", elide=True)
    values = {
        "tosa": layer.emit("tosa", elide=True),
        "linalg": layer.emit("linalg", elide=True),
        "kernels": _take(layer.emit("kernels", elide=True), "vmcu.kernel"),
        "plan": _without_body(_take(plan, "vmcu.pool", nested=False)),
        "segments": _take(layer.emit("segments", elide=True), "vmcu.tiled_kernel"),
        "llvm": _excerpt(layer.emit("llvm"), r"asm sideeffect"),
        "assembly": _excerpt(layer.emit("asm"), r"\bsml[a-z]+\b"),
        "streams": describe_streams(Compilation(DIGITS).emit("plan", elide=True)),
        **_measure(layer.finish()),
    }
    template = (HERE / "_architecture.template.md").read_text()
    head = "<!-- Generated from docs/_architecture.template.md by docs/generate.py; do not edit. -->\n\n"
    page = head + Template(template).substitute({key: each.strip("\n") for key, each in values.items()})
    return "\n".join(line.rstrip() for line in page.splitlines()) + "\n"


def write_picture() -> str:
    """The picture docs/pool.svg: the plan of the example network."""
    from _picture import draw_plan, read_plan

    return draw_plan(*read_plan(DIGITS))


def write_rooms_picture() -> str:
    """The picture docs/rooms.svg: which room of the compiler imports which, from the imports themselves."""
    import _rooms
    from _picture_rooms import draw_rooms

    return draw_rooms(_rooms.arrows(_rooms.graph()))


def _measure(compiled: Compiled) -> dict[str, str]:
    x = np.random.default_rng(0).integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)
    with compiled.firmware() as firmware:
        (found,) = firmware.run(x, count=False).outputs
    if not np.array_equal(found, compiled.reference(x)[0]):
        raise RuntimeError(f"{LAYER.name}: the emulated core and the host disagree")
    (source,), (result,) = compiled.inputs, compiled.outputs
    return {
        "input_bytes": f"{source.bytes:,}",
        "output_bytes": f"{result.bytes:,}",
        "both_bytes": f"{source.bytes + result.bytes:,}",
        "pool_bytes": f"{compiled.pool_bytes:,}",
        "distance": f"{source.offset - result.offset:,}",
    }


def _take(text: str, start: str, *, nested: bool = True) -> str:
    """The lines from the first with `start` on to the end of that op, or of the function if not `nested`; outdented."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if start in line)
    indent = len(lines[first]) - len(lines[first].lstrip())
    last = first + 1
    while not lines[last].startswith(" " * indent + "}") and lines[last].startswith(" " * indent):
        last += 1
    if not nested:
        last = next(at for at in range(first, len(lines)) if not lines[at].startswith(" " * indent)) - 1
    return "\n".join(line[indent:] for line in lines[first : last + 1])


def _without_body(text: str) -> str:
    """Fold the body of a kernel: the level above has printed it."""
    return re.sub(r"(\^bb0\(.*?\):\n).*(\n *vmcu\.yield)", r"\1  // the same linalg\2", text, flags=re.DOTALL)


def _excerpt(text: str, multiply: str) -> str:
    """Some lines around the first multiply-accumulate, comments and what is longer than a line dropped."""
    lines = [re.sub(r"\s*@ .*", "", line).expandtabs(8).rstrip() for line in text.splitlines()]
    first = next(number for number, line in enumerate(lines) if re.search(multiply, line))
    end = next((number for number, line in enumerate(lines) if number > first and line == "}"), len(lines))
    taken = [line for line in lines[max(0, first - BEFORE) : min(first - BEFORE + LINES, end)] if line]
    indent = min(len(line) - len(line.lstrip()) for line in taken)
    return "\n".join(_cut(line[indent:]) for line in taken)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 4]} ..."


def describe_streams(plan: str) -> str:
    """The first stream of a plan, without the bodies of its kernels."""
    lines = _take(plan, "vmcu.stream").splitlines()
    kept = [re.sub(r" \{$", " { ... }", line) for line in lines[1:] if re.match(r"  (%\w+ = )?vmcu\.", line)]
    broken = [re.sub(r" (outs|ins)\(|(?<=>) :(?= )", r"\n     \g<0>", line) for line in kept]
    return "\n".join((lines[0], *broken, "}"))
