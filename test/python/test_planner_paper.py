"""The networks of the paper's evaluation: their shapes are those published, and their plans are small and quick."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from vmcu.planner import Network, Plan, check, plan

FILE = Path(__file__).parents[2] / "benchmarks" / "networks.py"


@pytest.fixture(scope="module")
def networks() -> ModuleType:
    if not FILE.exists():
        pytest.skip(f"there is no {FILE.name} beside the tests")
    spec = importlib.util.spec_from_file_location("paper_networks", FILE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # A dataclass looks its module up by name while it is made.
        patch.setitem(sys.modules, "paper_networks", module)
        spec.loader.exec_module(module)
    return module


def largest(network: Network, kind: str) -> int:
    """Bytes in and out of the largest layer of a kind."""
    sizes = {tensor.name: tensor.bytes for tensor in network.tensors}
    return max(
        sum(sizes[access.tensor] for access in (*kernel.reads, *kernel.writes))
        for kernel in network.kernels
        if kernel.name.startswith(kind)
    )


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [("mobilenet_v2", "conv", 181_440), ("mcunet_imagenet", "", 309_760), ("mcunet_vww", "", 96_000)],
)
def test_shapes_are_those_published(networks: ModuleType, name: str, kind: str, size: int) -> None:
    network = getattr(networks, name)()
    network.validate()
    assert largest(network, kind) == size


@pytest.mark.parametrize(("side", "inputs", "outputs"), [(20, 48, 24), (24, 16, 32), (6, 64, 128)])
def test_pointwise_layer_needs_little_more_than_the_paper_says(
    networks: ModuleType, side: int, inputs: int, outputs: int
) -> None:
    found = plan(networks.pointwise(side, inputs, outputs), align=1)
    formula = side * side * max(inputs, outputs) + min(inputs, outputs)
    # Tiles of two pixels free their input one pixel later.
    assert formula - 1 <= found.pool_bytes < formula + 64


@pytest.mark.parametrize(
    ("name", "resident", "fed"),
    [("mcunet_vww", 21_200, 14_400), ("mobilenet_v2", 63_400, 21_500), ("mcunet_imagenet", 98_000, 60_000)],
)
def test_whole_network_is_planned_in_seconds(networks: ModuleType, name: str, resident: int, fed: int) -> None:
    network = getattr(networks, name)()
    for most, is_fed in ((resident, False), (fed, True)):
        start = time.process_time()
        found = plan(network, fed=is_fed)
        assert time.process_time() - start < 20
        assert found.lower_bound <= found.pool_bytes <= most
        check(network, Plan.from_json(found.to_json()))
