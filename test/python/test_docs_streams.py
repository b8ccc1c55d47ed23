"""The page about streams and its pictures are what the plans say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from vmcu import planner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import _picture_layers  # noqa: E402
import _picture_ticks  # noqa: E402
import _streams  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = [_streams.write_fed_picture, _streams.write_layers_picture, _streams.write_ticks_picture]


@pytest.fixture(scope="module")
def plans() -> _streams.Plans:
    return _streams.make_plans()


@pytest.fixture(scope="module")
def page() -> str:
    return _streams.write_streams()


def test_page_is_deterministic(page: str) -> None:
    _streams.make_plans.cache_clear()
    assert _streams.write_streams() == page


def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", page)
    assert len(links) > 10
    assert all((ROOT / "docs" / link).exists() for link in links)


def test_page_tells_ticks_of_every_kernel(page: str, plans: _streams.Plans) -> None:
    for kernel, phase in zip(plans.kernels, plans.stream.phases):
        factor, shift = re.search(
            rf"^\| `{kernel.name}` \|.*\| (\d+)?(?: )?r(?: ([+-] \d+))? \|", page, re.MULTILINE
        ).groups()
        for row in range(kernel.rows.out_rows):
            assert int(factor or 1) * row + int((shift or "0").replace(" ", "")) == phase.tick(row)


def test_plans_are_told_with_their_bytes(page: str, plans: _streams.Plans) -> None:
    for plan in (plans.resident, plans.fed, plans.layers, plans.unlanded):
        assert f"| {plan.pool_bytes:,} | {plan.lower_bound:,} |" in page


def test_ir_shows_loop_and_entry(page: str) -> None:
    loops = [code for code in re.findall(r"```mlir\n(.*?)```", page, re.DOTALL) if "scf.for" in code]
    assert len(loops) == 2 and "vmcu.feed" in loops[1] and loops[1].startswith("func.func @main(%arg0: memref<1xi32>")
    assert all(code.count("{") == code.count("}") and "#map" not in code for code in loops)


@pytest.mark.parametrize("write", PICTURES)
def test_picture_is_xml_inside_its_page(write: Callable[[], str]) -> None:
    root = ElementTree.fromstring(write())
    width, height = float(root.get("width")), float(root.get("height"))
    texts = list(root.iter(f"{SVG}text"))
    assert texts
    for text in texts:
        assert -10 <= float(text.get("x")) < width - 10 and 0 < float(text.get("y")) < height


def test_picture_of_layers_shows_no_byte_twice(plans: _streams.Plans) -> None:
    network, plan = plans.network, plans.layers
    shapes = {
        tensor.name: np.array(list(_picture_layers.find_hulls(network, plan, tensor)))
        + [0, plan.offsets[tensor.name], plan.offsets[tensor.name]]
        for tensor in network.tensors
    }
    together = 0
    for time in np.unique(np.concatenate([shape[:, 0] for shape in shapes.values()])):
        alive = []
        for name, (times, lo, hi) in ((name, shape.T) for name, shape in shapes.items()):
            if times[0] <= time <= times[-1]:
                alive.append((np.interp(time, times, lo), np.interp(time, times, hi), name))
        alive = sorted(each for each in alive if each[0] < each[1])
        together = max(together, len(alive))
        for (_, end, one), (start, _, other) in zip(alive, alive[1:]):
            assert end <= start, (time, one, other)
    assert together >= 3


def test_framed_rows_are_made_in_time(plans: _streams.Plans) -> None:
    kernels, stream = plans.kernels, plans.stream
    last = kernels[-1].writes[0].tensor
    found = _picture_ticks.find_needed(kernels, stream, (last, 0))
    assert {name for name, _ in found} == {stream.driver, *(kernel.writes[0].tensor for kernel in kernels)}
    rows = {tensor.name: tensor.rows for tensor in plans.network.tensors}
    deadline = _picture_ticks.find_ticks(kernels, stream, last, rows[last])[0]
    for name, row in found:
        assert _picture_ticks.find_ticks(kernels, stream, name, rows[name])[row] <= deadline


def test_same_cut_costs_more_without_landings(plans: _streams.Plans) -> None:
    assert plans.resident.pool_bytes <= plans.unlanded.pool_bytes <= plans.same_cut
    with_landings = planner.plan(plans.network)
    assert with_landings == plans.resident
