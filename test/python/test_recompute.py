"""Recomputation as a priced choice: what the planner chooses, what it may not, and how people ask for it."""

from __future__ import annotations

import json
from itertools import combinations
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from random_networks import Layer, write_network
from random_networks import Network as Model
from test_fused import bottleneck
from test_reference import int8_inputs
from vmcu.cli.app import app
from vmcu.driver.compilation import Compilation, compile_model
from vmcu.errors import DoesNotFit, InputError
from vmcu.operators.bottleneck.geometry import Bottleneck
from vmcu.operators.geometry import Steps, Window, split_channels
from vmcu.planner import Access, Fusion, InvalidNetwork, Kernel, Network, Plan, Rows, Tensor, check, frontier, plan

BIG = bottleneck((24, 24), (8, 48, 8), residual=True)


def chain(*blocks: tuple[int, int, int], side: int = 12, inputs: int = 4) -> Network:
    """Bottlenecks one after the other: channels in the middle and out, and the depthwise window."""
    tensors, kernels, fusions = [Tensor("image", side * side * inputs, side)], [], []
    for number, (middle, outputs, size) in enumerate(blocks):
        pixel = Window((side, side), (side, side))
        window = Window((side, side), (side, side), (size, size), pad=(size // 2, size // 2))
        source = tensors[-1].name
        names = tuple(f"{kind}_{number}" for kind in ("expand", "middle", "project"))
        for name, layer, (before, after) in zip(
            names, (pixel, window, pixel), ((inputs, middle), (middle, middle), (middle, outputs))
        ):
            steps = layer.steps(1, before, after, split_channels(after, 4))
            work = side * side * after * (before if layer is pixel else size * size)
            kernels.append(kernel(name, tensors[-1].name, steps, layer.rows(), work=work))
            tensors.append(Tensor(name, side * side * after, side))
        shape = Bottleneck.of(pixel, window, pixel, (inputs, middle, outputs))
        options = {"workspace": shape.workspace, "work": shape.macs}
        fused = kernel(f"fused_{number}", source, shape.steps(), shape.rows(), writes=names[-1], **options)
        fusions.append(Fusion(names, fused))
        inputs = outputs
    return Network(tuple(tensors), tuple(kernels), ("image",), (tensors[-1].name,), tuple(fusions))


def kernel(name: str, reads: str, steps: Steps, rows: Rows, *, writes: str | None = None, **options: int) -> Kernel:
    written = Access(writes or name, steps.write_lo, steps.write_hi)
    return Kernel(name, (Access(reads, steps.lo, steps.hi),), (written,), rows=rows, **options)


# The planner


def test_nothing_is_recomputed_unless_allowed() -> None:
    network = chain((32, 4, 3))
    found = plan(network)
    assert (found.fused, found.recompute) == ((), 1.0)
    assert found == plan(Network(network.tensors, network.kernels, network.inputs, network.outputs), recompute=9)


def test_the_allowed_factor_is_kept() -> None:
    network = chain((32, 4, 3), (16, 4, 5), (24, 4, 3))
    pools = []
    for factor in (1.0, 1.2, 1.5, 2.0, inf):
        found = plan(network, recompute=factor)
        assert found.recompute <= factor and found.recompute == network.fuse(found.fused).work / network.work
        check(network, found)
        pools.append(found.pool_bytes)
    assert pools == sorted(pools, reverse=True) and pools[-1] < pools[0]


def test_only_what_sets_the_pool_is_fused() -> None:
    """The second block is small: the first one's pool does not get smaller by fusing it."""
    found = plan(chain((64, 4, 5), (5, 4, 3)), recompute=inf)
    assert found.fused == ("fused_0",)


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("streams", [True, False])
def test_choice_is_as_good_as_the_best_subset(fed: bool, streams: bool) -> None:
    if fed and not streams:
        pytest.skip("rows are fed to a stream")
    network = chain((32, 4, 3), (40, 6, 5), (16, 4, 3))
    names = [fusion.kernel.name for fusion in network.fusions]
    subsets = [subset for count in range(4) for subset in combinations(names, count)]
    options = {"fed": fed, "streams": streams}
    best = {subset: plan(network.fuse(subset), **options).pool_bytes for subset in subsets}
    for factor in (1.2, 1.6, inf):
        allowed = [subset for subset in subsets if network.fuse(subset).work <= factor * network.work]
        assert plan(network, recompute=factor, **options).pool_bytes == min(best[subset] for subset in allowed)


def test_enough_takes_the_least_work_that_fits() -> None:
    network = chain((32, 4, 3), (40, 6, 5), (16, 4, 3))
    plain, smallest = plan(network), plan(network, recompute=inf)
    assert plan(network, enough=plain.pool_bytes, recompute=inf).fused == ()
    between = plan(network, enough=plain.pool_bytes - 1, recompute=inf)
    assert between.pool_bytes < plain.pool_bytes and 1 < between.recompute <= smallest.recompute
    assert plan(network, enough=1, recompute=inf).pool_bytes == smallest.pool_bytes


def test_frontier_goes_on_with_recomputation() -> None:
    network = chain((32, 4, 3), (40, 6, 5), (16, 4, 3))
    plain, priced = frontier(network), frontier(network, recompute=inf)
    assert [each.pool_bytes for each in priced][: len(plain)] == [each.pool_bytes for each in plain]
    assert len(priced) > len(plain) and all(each.recompute > 1 for each in priced[len(plain) :])
    pools = [each.pool_bytes for each in priced]
    assert pools == sorted(set(pools), reverse=True)


def test_plan_and_network_survive_json() -> None:
    network = chain((32, 4, 3))
    found = plan(network, recompute=inf)
    assert found.fused and Plan.from_json(found.to_json()) == found
    assert Network.from_json(network.to_json()) == network
    check(Network.from_json(network.to_json()), Plan.from_json(found.to_json()))


def test_contradictions_of_fusions_are_found() -> None:
    network = chain((32, 4, 3))
    swapped = Fusion(tuple(reversed(network.fusions[0].chain)), network.fusions[0].kernel)
    with pytest.raises(InvalidNetwork, match="kernels project_0, middle_0, expand_0 do not follow one another"):
        Network(network.tensors, network.kernels, ("image",), ("project_0",), (swapped,)).validate()
    with pytest.raises(InvalidNetwork, match="tensor middle_0 is made within fused kernels and read outside"):
        Network(network.tensors, network.kernels, ("image",), ("project_0", "middle_0"), network.fusions).validate()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(4, 40), st.integers(2, 8), st.sampled_from([3, 5])), min_size=1, max_size=3),
    st.sampled_from([1.1, 1.5, 3.0]),
    st.booleans(),
)
def test_random_chains_never_get_worse(blocks: list[tuple[int, int, int]], factor: float, fed: bool) -> None:
    network = chain(*blocks, side=6)
    found = plan(network, fed=fed, recompute=factor)
    check(network, found)
    assert found.pool_bytes <= plan(network, fed=fed).pool_bytes and found.recompute <= factor


# The compiler


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(BIG, tmp_path_factory.mktemp("recompute") / "block.tflite")


def test_compiled_model_says_what_it_recomputes(model: Path) -> None:
    plain, priced = compile_model(model), compile_model(model, recompute=2.0)
    assert plain.recompute_factor == 1.0 < priced.recompute_factor <= 2.0
    assert priced.pool_bytes < plain.pool_bytes and priced.macs == plain.macs < priced.executed_macs
    with priced.firmware() as firmware:
        for inputs in list(int8_inputs([each.shape for each in priced.inputs]))[:2]:
            found = firmware.run(*inputs, count=False).outputs[0]
            np.testing.assert_array_equal(found, priced.reference(*inputs)[0])


def test_latency_recomputes_only_if_nothing_else_fits(model: Path) -> None:
    smallest = compile_model(model, optimize="ram").pool_bytes
    options = {"optimize": "latency", "recompute": 2.0}
    assert compile_model(model, ram=smallest + 1024, **options).recompute_factor == 1.0  # room for the stack
    tight = compile_model(model, ram=smallest - 1, **options)
    assert tight.pool_bytes < smallest and tight.recompute_factor > 1


def test_error_tells_whether_recomputation_helps(model: Path) -> None:
    smallest = compile_model(model).pool_bytes
    with pytest.raises(DoesNotFit, match=r"sets the figure; with recompute 1\.\d+ it fits$") as caught:
        compile_model(model, ram=smallest - 1)
    assert compile_model(model, ram=smallest - 1, recompute=caught.value.recompute).pool_bytes < smallest
    with pytest.raises(DoesNotFit, match="sets the figure$") as caught:
        compile_model(model, ram=1000)
    assert caught.value.recompute is None


def test_factor_below_one_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="recompute is a factor of at least 1, found 0.5"):
        Compilation(model, recompute=0.5)


def test_commands_take_the_factor(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: object) -> list[dict]:
        app([str(each) for each in arguments], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    (row,) = run("bench", model, "--json", "--recompute", 2)
    assert row["recompute_factor"] > 1 and row["exact"] is True
    points = run("frontier", model, "--json", "--recompute", 2)
    assert [point["recompute_factor"] for point in points][:1] == [1.0] and points[-1]["recompute_factor"] > 1
    assert all(point["exact"] for point in points) and points[-1]["pool_bytes"] == row["pool_bytes"]
    app(["compile", str(model), "-o", str(model.parent), "--recompute", "2"], standalone_mode=False)
    assert f"{row['recompute_factor']:.2f} times the network's multiply-accumulates" in capsys.readouterr().out


def test_chains_that_others_read_are_left_alone(tmp_path: Path) -> None:
    """The expanded tensor is read a second time."""
    block = bottleneck((8, 8), (4, 8, 8))
    shared = Model(block.shape, (*block.layers, Layer("add", other=1)), outputs=(3,), zero_point=-3)
    path = write_network(shared, tmp_path / "model.tflite")
    assert "fused" not in Compilation(path, recompute=99.0).emit("plan", elide=True)
