"""Whole networks on the emulated core: bit-exact with LiteRT, within their RAM, and as good as they were trained."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import vmcu
from emulated import TARGETS
from test_reference import int8_inputs, litert
from vmcu.cores import CORES
from vmcu.driver.compilation import Compiled
from vmcu.toolchain.elf import symbols

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
ZOO = os.environ.get("VMCU_MODEL_ZOO")
#: Most bytes of the pool, the network's input included.
POOL_LIMITS = {
    "ad01_int8": 780, "kws_ref_model": 9_200, "vww_96_int8": 37_500, "pretrainedResnet_quant": 36_000,
    "mcunet_vww_80": 78_500,
}  # fmt: skip
STACK_LIMIT = 2048
#: Cores whose kernels are made as those of `TARGETS`, or that take long, compute two networks.
OTHERS = [f"{core},flash=512KiB" for core in CORES if core not in TARGETS]
CASES = [(name, target) for name in POOL_LIMITS for target in TARGETS]
CASES += [(name, target) for name in ("ad01_int8", "kws_ref_model") for target in OTHERS]

pytestmark = pytest.mark.filterwarnings("error")
needs_zoo = pytest.mark.skipif(ZOO is None, reason="VMCU_MODEL_ZOO names no folder of models")


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def network(request: pytest.FixtureRequest) -> tuple[Path, Compiled, vmcu.Firmware]:
    """A model of the zoo with its firmware, compiled once for all tests of this module."""
    name, target = request.param
    path = Path(ZOO) / f"{name}.tflite"
    compiled = vmcu.compile_model(path, target)
    with compiled.firmware() as firmware:
        yield path, compiled, firmware


def litert_int8(path: Path, compiled: Compiled, image: np.ndarray) -> np.ndarray:
    """LiteRT's result; a network with float boundaries gets and gives real numbers."""
    (source,), (result,) = compiled.inputs, compiled.outputs
    if path.stem != "mcunet_vww_80":
        return litert(path, [image])
    real = litert(path, [(image.astype(np.float32) - source.zero_point) * np.float32(source.scale)])
    quantised = np.round(real / np.float32(result.scale)) + result.zero_point
    np.testing.assert_array_equal((quantised - result.zero_point).astype(np.float32) * np.float32(result.scale), real)
    return quantised.astype(np.int8)


@needs_zoo
def test_network_equals_litert(network: tuple[Path, Compiled, vmcu.Firmware]) -> None:
    path, compiled, firmware = network
    found = []
    for (image,) in int8_inputs([compiled.inputs[0].shape]):
        result = firmware.run(image, count=False)
        np.testing.assert_array_equal(result.outputs[0], litert_int8(path, compiled, image))
        assert result.counts.stack_bytes < STACK_LIMIT
        found.append(result.outputs[0])
    assert len({each.tobytes() for each in found}) > 2, "a network that always says the same proves nothing"


@needs_zoo
def test_network_fits_its_pool(network: tuple[Path, Compiled, vmcu.Firmware]) -> None:
    path, compiled, firmware = network
    assert compiled.pool_bytes <= POOL_LIMITS[path.stem]
    tensors = [*compiled.inputs, *compiled.outputs]
    assert max(each.offset + each.bytes for each in tensors) <= compiled.pool_bytes
    # The pool is all of the static RAM, up to alignment.
    assert symbols(firmware.elf)[f"{compiled.name}_pool"][1] == compiled.pool_bytes
    assert compiled.pool_bytes <= firmware.sizes.ram < compiled.pool_bytes + 16


@needs_zoo
def test_counting_changes_no_result(network: tuple[Path, Compiled, vmcu.Firmware]) -> None:
    _, compiled, firmware = network
    image = np.random.default_rng(9).integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)
    counted, plain = firmware.run(image), firmware.run(image, count=False)
    np.testing.assert_array_equal(counted.outputs[0], plain.outputs[0])
    assert counted.counts.cycles >= counted.counts.instructions > compiled.macs / 2 > 0


@pytest.mark.parametrize("target", CORES)
def test_example_recognises_digits(target: str) -> None:
    data = np.load(EXAMPLE / "heldout.npz")
    compiled = vmcu.compile_model(EXAMPLE / "digits.tflite", target)
    images, labels = (data[name] for name in ("inputs", "labels"))
    with compiled.firmware() as firmware:
        guesses = [firmware.run(image[None], count=False).outputs[0].argmax() for image in images]
    assert np.mean(np.array(guesses) == labels) > 0.97
