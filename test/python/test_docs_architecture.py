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
from vmcu.isa.arm_dsp.asm import Asm, Scaling
from vmcu.isa.arm_dsp.asm_matmul import Matmul

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import _architecture  # noqa: E402
import _picture  # noqa: E402
import _picture_rooms  # noqa: E402
import _rooms  # noqa: E402
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


def test_page_script_goes_on_with_a_changed_plan(
    page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(code, {})
    pool_bytes = compile_model(_architecture.DIGITS).pool_bytes
    assert capsys.readouterr().out == f"{pool_bytes + 64} (1, 16, 16, 1)\n"


def test_page_names_every_room(page: str) -> None:
    table = page.split("## Who knows what")[1]
    for room in {room for line in _rooms.ROOMS for room in line} - {"vmcu"}:
        assert re.search(rf"`{room}(/|\.py)`", table), room


def test_rooms_picture_has_a_dot_for_each_import_and_none_above_the_diagonal() -> None:
    counts = _rooms.arrows(_rooms.graph())
    text = _picture_rooms.draw_rooms(counts)
    assert _picture_rooms.draw_rooms(dict(reversed(counts.items()))) == text
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4" fill="\S+"><title>(\w+) imports (\w+)</title>', text)
    assert {(importing, imported) for *_, importing, imported in dots} == set(counts)
    for x, y, *_ in dots:
        column = (float(x) - _picture_rooms.LEFT) // _picture_rooms.CELL
        line = (float(y) - _picture_rooms.TOP) // _picture_rooms.LINE
        assert column < line


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


def test_kernels_page_draws_the_registers_of_a_tile() -> None:
    text = (ROOT / "docs" / "kernels.md").read_text()
    tile = Matmul(2, 4, depth=64, pitch=64, bytes=False, scaling=Scaling("double", 0, -128, 127), out_pitch=4)
    asm = Asm()
    tile._emit_group(asm, 4)
    (step,) = re.findall(r"```asm\n(.*?)```", text, re.DOTALL)
    assert step in "\n".join((*asm.lines, ""))
    (drawing,) = re.findall(r"```\n( +r4 .*?)```", text, re.DOTALL)
    table = drawing.split("r0   address")[0]
    names = set(re.findall(r"\b(?:r\d+|lr)\b", step))
    assert set(re.findall(r"\b(?:r\d+|lr)\b", table)) == names - {"r0", "r1"} and len(names) == 14
    for word, sums in {"r2": "lr r12 r9 r8", "r3": "r11 r10 r7 r6"}.items():
        rows = table.split("+------------------+------------------+")
        (row,) = (each for each in rows if f"  {word}   pixel" in each)
        assert re.findall(r"\b(?:r\d+|lr)\b", row)[1:] == sums.split()
        assert {each.split()[1][:-1] for each in step.splitlines() if f", {word}, r" in each} == set(sums.split())


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
    pages = ["README.md", "CONTRIBUTING.md", "examples/custom_kernel/README.md"]
    for page in (*pages, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name[0] != "_")):
        links = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / page).read_text())
        assert all(((ROOT / page).parent / link).exists() for link in links), page
