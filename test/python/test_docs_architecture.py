"""The page that follows one layer, the picture of the plan, and the README's table say what the compiler does."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from test_reference import ZOO
from vmcu.abi.tensor import Tensor
from vmcu.driver.compilation import TEXT_LEVELS, compile_model

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import _architecture  # noqa: E402
import _picture  # noqa: E402
import measure  # noqa: E402


@pytest.fixture(scope="module")
def page() -> str:
    return _architecture.write_architecture()


def test_page_shows_every_level(page: str) -> None:
    headings = re.findall(r"^### (\w+):", page, re.MULTILINE)
    assert tuple(headings) == TEXT_LEVELS
    sections = dict(zip(headings, re.split(r"^### ", page, flags=re.MULTILINE)[1:]))
    wanted = {
        "tosa": "tosa.rescale",
        "linalg": "linalg.conv_2d_nhwc_fhwc_q",
        "kernels": "= vmcu.kernel @conv2d_0",
        "plan": "vmcu.place",
        "segments": "vmcu.segment_free",
        "llvm": "asm sideeffect",
        "asm": "sm",
    }
    for level, words in wanted.items():
        code = re.search(r"```\w+\n(.*?)```", sections[level], re.DOTALL)[1]
        assert words in code, level


def test_page_is_deterministic(page: str) -> None:
    assert _architecture.write_architecture() == page


def test_page_names_folders_that_exist(page: str) -> None:
    names = re.findall(r"^\| (`.*?`) \|", page.split("## Who knows what")[1], re.MULTILINE)
    paths = [each for cell in names for each in re.findall(r"`([\w./]+)`", cell)]
    assert len(paths) > 8
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "python" / "vmcu" / path).exists(), path


def test_page_refuses_wrong_result() -> None:
    port = Tensor("x", (2,), np.dtype(np.int8), offset=0)
    firmware = SimpleNamespace(run=lambda x, count: SimpleNamespace(outputs=(x,)))
    context = type("Context", (), {"__enter__": lambda self: firmware, "__exit__": lambda self, *_: None})
    wrong = SimpleNamespace(inputs=(port,), outputs=(port,), firmware=context, reference=lambda x: (x + np.int8(1),))
    with pytest.raises(RuntimeError, match="disagree"):
        _architecture._measure(wrong)


def test_picture_shows_no_byte_twice() -> None:
    network, plan, layerwise = _picture.read_plan(_architecture.DIGITS)
    text = _picture.draw_plan(network, plan, layerwise)
    number = r'"([\d.]+)"'
    pattern = f"<rect x={number} y={number} width={number} height={number}><title>(?:landing of )?(\\S+), row"
    found = re.findall(pattern, text)
    assert {name for *_, name in found} == {tensor.name for tensor in network.tensors}
    blocks = [tuple(map(float, each[:4])) for each in found]
    edge = plan.pool_bytes * _picture.WIDTH / layerwise
    slack = 0.21  # pixels: two coordinates and two sizes are rounded to tenths
    for number, (x, y, width, height) in enumerate(blocks):
        assert x + width <= edge + slack
        for other_x, other_y, other_width, other_height in blocks[:number]:
            is_beside = x + width <= other_x + slack or other_x + other_width <= x + slack
            is_apart = y + height <= other_y + slack or other_y + other_height <= y + slack
            assert is_beside or is_apart


def test_readme_names_measured_models() -> None:
    assert [name for name, _ in measure.read_pools()] == list(measure.MODELS)


@pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder with models")
@pytest.mark.parametrize("name", ["kws_ref_model", "pretrainedResnet_quant", "ad01_int8"])
def test_readme_pool_is_what_the_planner_finds(name: str) -> None:
    assert compile_model(Path(ZOO) / f"{name}.tflite").pool_bytes == dict(measure.read_pools())[name]


def test_readme_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code, {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("bytes of RAM for all tensors") and re.match(r"a \d in \d+ cycles", second)


def test_readme_links_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "examples/custom_kernel/README.md"):
        links = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / page).read_text())
        assert all(((ROOT / page).parent / link).exists() for link in links), page
