"""The benchmark of single layers measures what it says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "kernels.py"


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_kernels", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["pointwise", "depthwise", "convolution", "fully connected"])
def test_a_layer_of_each_kind(kernels: ModuleType, kind: str) -> None:
    case = kernels.Case(kind, 6, 8, 8, *((3, 2) if kind in ("depthwise", "convolution") else ()))
    (row,) = kernels.measure_all([case], "cortex-m4")
    assert row.exact and 1 < row.relu < 40 and 1 < row.plain < 40
    places, taps = {"pointwise": (36, 8), "depthwise": (9, 9), "convolution": (9, 72), "fully connected": (1, 8)}[kind]
    assert row.macs == places * taps * 8
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kernels.py", "--only", "nothing like it"])
        kernels.main()


def test_outputs_are_not_one_value(kernels: ModuleType, tmp_path: Path) -> None:
    """A layer that saturates everywhere would prove nothing."""
    import numpy as np

    import vmcu

    for relu in (False, True):
        model = kernels.write_model(kernels.CASES[3], tmp_path / "layer.tflite", relu=relu)
        compiled = vmcu.compile_model(model)
        (found,) = compiled.reference(*(each.random(np.random.default_rng(0)) for each in compiled.inputs))
        assert len(np.unique(found)) > 100
