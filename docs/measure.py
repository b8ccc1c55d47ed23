"""Measure the models of the README's results table, and write the table.

    VMCU_MODEL_ZOO=~/models python docs/measure.py            write the table into README.md
    VMCU_MODEL_ZOO=~/models python docs/measure.py --check    change nothing; exit with 1 if a pool is another one

The table is what `vmcu bench --json` says, and for each model the bytes of its largest layer, input beside output.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
MODELS = {
    "vww_96_int8": "visual wake words, MobileNetV1 x0.25",
    "kws_ref_model": "keyword spotting, DS-CNN",
    "pretrainedResnet_quant": "CIFAR-10, ResNet-8",
    "ad01_int8": "anomaly detection, autoencoder",
    "mcunet_vww_80": "visual wake words, MCUNet-5fps-VWW",
}
HEAD = (
    "| model | pool | tensor by tensor | stack | flash | MACs | cycles (modelled) | per MAC | exact |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---|"
)
_TABLE = re.compile(r"(<!-- results -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)


def measure(folder: Path) -> str:
    """The table, from one run of `vmcu bench` over the models in `folder`."""
    files = [str(folder / f"{name}.tflite") for name in MODELS]
    command = [sys.executable, "-m", "vmcu.cli", "bench", *files, "--json"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    lines = (_line(name, row, find_layerwise(folder, name)) for name, row in zip(MODELS, rows))
    return "\n".join((HEAD, *lines, ""))


def find_layerwise(folder: Path, name: str) -> int:
    """Bytes of the input and the output of a model's largest layer."""
    from vmcu.driver.compilation import compile_model

    return compile_model(folder / f"{name}.tflite").layerwise_bytes


def read_pools() -> Iterator[tuple[str, int]]:
    """Name and pool bytes of each row of the README's table."""
    for name, pool in re.findall(r"^\| `(\w+)`[^|]*\| \**([\d,]+)\** \|", README.read_text(), re.MULTILINE):
        yield name, int(pool.replace(",", ""))


def _line(name: str, row: dict, layerwise: int) -> str:
    flash = row["text_bytes"] + row["rodata_bytes"]
    cells = (
        f"`{name}`, {MODELS[name]}",
        f"**{row['pool_bytes']:,}**",
        f"{layerwise:,}",
        f"{row['stack_bytes']:,}",
        f"{flash:,}",
        f"{row['macs']:,}",
        f"{row['cycles']:,}",
        f"{row['cycles_per_mac']:.2f}",
        "yes" if row["exact"] else "**no**",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    zoo = os.environ.get("VMCU_MODEL_ZOO")
    if not zoo:
        print("VMCU_MODEL_ZOO names no folder with the models", file=sys.stderr)
        return 2
    table = measure(Path(zoo))
    if "--check" not in sys.argv[1:]:
        README.write_text(_TABLE.sub(lambda match: match[1] + table + match[3], README.read_text()))
        return 0
    stale = [name for name, pool in read_pools() if f"`{name}`" in table and f"**{pool:,}**" not in table]
    if stale:
        print(f"other pools than in README.md: {', '.join(stale)}; run python docs/measure.py", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
