"""Measured variants: what is chosen from a cache, and what measuring finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_e2e_operators import conv, depthwise
from vmcu.cli import main
from vmcu.cores import CORES
from vmcu.driver.compilation import Compilation
from vmcu.errors import InputError
from vmcu.ir import bridge
from vmcu.operators import PLAIN, Variant
from vmcu.passes._registry import set_options
from vmcu.passes.pipelines import describe_core
from vmcu.tuner import CODE_BUDGET, SHIPPED, Cache, Measured, key, user_path
from vmcu.tuner.measure import find_tasks

FAST = Measured("matmul,unroll=64", cycles=100, code=3000, scratch=256)
SMALL = Measured("matmul", cycles=104, code=900, scratch=256)
MIDDLE = Measured("matmul,unroll=32", cycles=102, code=900 + CODE_BUDGET, scratch=256)
LEAN = Measured("matmul,pixels=1", cycles=130, code=700, scratch=128)
PLAIN_LOOPS = Measured("", cycles=200, code=500, scratch=0)
CACHE = Cache({"k": (FAST, SMALL, MIDDLE, LEAN, PLAIN_LOOPS)})


def test_fewest_cycles_within_the_budget_of_code() -> None:
    assert CACHE.choose("k") == MIDDLE.variant
    assert Cache({"k": (FAST, LEAN)}).choose("k") == FAST.variant, "a variant that is slow sets no budget"


def test_stack_is_limited() -> None:
    assert CACHE.choose("k", scratch=255) == LEAN.variant
    assert CACHE.choose("k", scratch=0) == PLAIN_LOOPS.variant
    assert Cache({"k": (FAST,)}).choose("k", scratch=0) is None


def test_small_code_stays_bearable() -> None:
    assert CACHE.choose("k", smallest=True) == LEAN.variant


def test_unknown_shape_has_no_choice() -> None:
    assert CACHE.choose("another") is None


@given(
    st.dictionaries(st.text(max_size=8), st.lists(st.builds(Measured, st.text(max_size=8), *[st.integers(0, 9)] * 3)))
)
def test_cache_survives_its_file(entries: dict[str, list[Measured]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deep" / "cache.json"
        cache = Cache().updated(entries)
        cache.save(path)
        assert Cache.load(path) == cache
        written = path.read_text()
        Cache.load(path).save(path)
        assert path.read_text() == written


@pytest.mark.parametrize("text", ["", "[]", '{"k": 3}', '{"k": [["matmul"]]}'])
def test_broken_cache_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cache.json").write_text(text)
    with pytest.raises(InputError, match="is not a cache"):
        Cache.load(tmp_path / "cache.json")


def test_shipped_measurements_are_of_known_cores_and_variants() -> None:
    entries = Cache.load(SHIPPED).entries
    assert len(entries) > 50
    for name, found in entries.items():
        assert name.split(": ")[0] in CORES
        assert PLAIN in {Variant.parse(each.variant) for each in found}
        assert all(each.cycles > 0 and each.code > 0 for each in found)


@pytest.mark.parametrize("layer", [conv((6, 7), 8, (3, 3), 8), depthwise((6, 7), 8, (3, 3))], ids=["conv", "depthwise"])
def test_measuring_finds_variants_faster_than_plain_loops(layer, tmp_path: Path) -> None:  # noqa: ANN001
    compilation = Compilation(layer(tmp_path / "layer.tflite"))
    (task,) = find_tasks(compilation.kernels, compilation.target)
    seen: list[Variant] = []
    found = task.measure(seen.append)
    assert tuple(seen) == task.variants and seen[-1] == PLAIN
    cycles = {each.variant: each.cycles for each in found}
    assert min(cycles.values()) < cycles[""]
    assert task.measure() == found, "a measurement is the same every time"


def test_cores_without_the_instructions_have_nothing_to_measure(tmp_path: Path) -> None:
    compilation = Compilation(conv((4, 4), 4, (1, 1), 4)(tmp_path / "layer.tflite"), "cortex-m3")
    assert find_tasks(compilation.kernels, compilation.target) == []


def test_tune_command_extends_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VMCU_CACHE", str(tmp_path))
    model = conv((5, 3), 4, (1, 1), 6)(tmp_path / "layer.tflite")
    assert main(["tune", str(model)]) == 0
    assert "measured 1 of 1 shapes, wrote" in capsys.readouterr().out
    (name,) = Cache.load(tmp_path / "measured.json").entries
    assert name.startswith("cortex-m4: conv2d 1x15x4 -> ") or "5x3x4 -> 5x3x6" in name
    assert main(["tune", str(model), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == [name]


def test_a_core_without_measurements_takes_those_of_its_kin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMCU_CACHE", str(tmp_path))
    path = conv((6, 6), 8, (1, 1), 8)(tmp_path / "layer.tflite")
    m4, m7 = (find_tasks(Compilation(path, core).kernels, CORES[core])[0].key for core in ("cortex-m4", "cortex-m7"))
    single = (Measured("matmul,pixels=1", 1, 1, 0),)
    Cache({m4: single}).save(tmp_path / "measured.json")
    assert 'variant<"matmul", pixels = 1>' in Compilation(path, "cortex-m7").emit("plan", elide=True)
    Cache({m4: single, m7: (Measured("matmul", 1, 1, 0),)}).save(tmp_path / "measured.json")
    assert 'variant<"matmul">' in Compilation(path, "cortex-m7").emit("plan", elide=True)


def test_measurements_decide_what_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMCU_CACHE", str(tmp_path))
    path = conv((6, 6), 8, (1, 1), 8)(tmp_path / "layer.tflite")
    compilation = Compilation(path)
    assert 'variant<"matmul">' in compilation.emit("plan", elide=True)
    (task,) = find_tasks(compilation.kernels, compilation.target)
    best = Measured("matmul,pixels=1", cycles=1, code=1, scratch=0)
    Cache({key("cortex-m4", task.key.split(": ", 1)[1]): (best,)}).save(tmp_path / "measured.json")
    assert 'variant<"matmul", pixels = 1>' in Compilation(path).emit("plan", elide=True)
    # Nothing that the compiler does not know is taken from a file.
    Cache({task.key: (Measured("sorcery", 1, 1, 0),)}).save(tmp_path / "measured.json")
    assert 'variant<"matmul">' in Compilation(path).emit("plan", elide=True)


def test_the_pass_reads_no_measurements_but_those_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMCU_CACHE", str(tmp_path))
    path = conv((6, 6), 8, (1, 1), 8)(tmp_path / "layer.tflite")
    compilation = Compilation(path)
    (task,) = find_tasks(compilation.kernels, compilation.target)
    Cache({task.key: (Measured("matmul,pixels=1", 1, 1, 0),)}).save(user_path())

    def choose(measurements: Path | None) -> str:
        values = {"measured": "cortex-m4", "measurements": measurements}
        module = compilation.kernels.operation.clone()
        with compilation.context:
            bridge.run(module, set_options(["vmcu-choose-variants"], values, describe_core(compilation.target)))
        return str(module)

    assert 'variant<"matmul", pixels = 1>' in choose(user_path())
    assert 'variant<"matmul">' in choose(None)
    with pytest.raises(InputError, match=r"nothing\.json: there is no such file of measurements"):
        choose(tmp_path / "nothing.json")
