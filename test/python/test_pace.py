"""About what share of the time kernels on buffers take: what `compile` says is near what the emulated core measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu
from vmcu.cli import main
from vmcu.driver.options import Options
from vmcu.report.text import BUFFER_SHARE, summarise


def softmax(path: Path, depth: int = 100, width: int = 40) -> Path:
    """A fully connected layer, and a softmax, which is computed on buffers."""
    graph = tiny.Graph()
    x, h = graph.tensor("x", (1, depth)), graph.tensor("h", (1, width), scale=0.1)
    y = graph.tensor("y", (1, width), scale=1 / 256, zero_point=-128)
    weights = np.random.default_rng(1).integers(-90, 91, (width, depth)).astype(np.int8)
    graph.op("FULLY_CONNECTED", [x, graph.const("w", weights, scale=0.01), -1], [h], "FullyConnectedOptions")
    graph.op("SOFTMAX", [h], [y], "SoftmaxOptions", beta=1.0)
    return graph.write(path, [x], [y])


def product(path: Path) -> Path:
    """The product of two activations."""
    graph = tiny.Graph()
    x, z, y = (graph.tensor(name, shape) for name, shape in (("x", (1, 8, 12)), ("z", (1, 12, 6)), ("y", (1, 8, 6))))
    graph.op("BATCH_MATMUL", [x, z], [y], "BatchMatMulOptions")
    return graph.write(path, [x, z], [y])


MODELS: tuple[Callable[[Path], Path], ...] = (
    softmax,
    lambda path: softmax(path, depth=600),
    lambda path: softmax(path, depth=16, width=10),
    product,
)


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m3", "cortex-m0plus"])
@pytest.mark.parametrize("write", MODELS)
def test_share_is_near_that_of_a_run(tmp_path: Path, write: Callable[[Path], Path], core: str) -> None:
    compiled = vmcu.compile_model(write(tmp_path / "net.tflite"), core)
    profile = compiled.profile(*(each.random(np.random.default_rng(0)) for each in compiled.inputs))
    measured = sum(each.cycles for each in profile.layers if each.kind == "buffer") / profile.cycles
    print(f"about {compiled.buffer_share:.3f}, measured {measured:.3f}")
    assert abs(compiled.buffer_share - measured) < 0.2


def test_share_is_a_line_if_it_matters(tmp_path: Path) -> None:
    compiled = vmcu.compile_model(softmax(tmp_path / "net.tflite", depth=16))
    assert compiled.buffer_share > BUFFER_SHARE
    percent = round(100 * compiled.buffer_share)
    line = f"kernels on buffers take about {percent} % of the time; `vmcu bench --layers` measures it"
    assert summarise(compiled, Options()).splitlines()[-1] == line
    plain = vmcu.compile_model(tiny.conv(tmp_path / "conv.tflite"))
    assert plain.buffer_share == 0 and "buffers" not in summarise(plain, Options())


def test_layers_mark_kernels_on_buffers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--layers", str(softmax(tmp_path / "net.tflite"))]) == 0
    out = capsys.readouterr().out
    text = " ".join(out.split())
    kinds = [line.split("│")[2].strip() for line in out.splitlines() if line.startswith("│ ") and "│" in line[2:]]
    marked = [each for each in kinds if each.endswith(" +")]
    assert marked and set(marked) == {"buffer +"}
    assert f"+ {len(marked)} kernel" in text and "on buffers: plain loops on whole tensors apart, " in text
    assert main(["bench", "--layers", str(tiny.conv(tmp_path / "conv.tflite"))]) == 0
    assert "on buffers" not in capsys.readouterr().out
