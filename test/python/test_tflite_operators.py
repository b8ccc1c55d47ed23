"""Operators of `.tflite` files that the frontend reads in a way of its own equal LiteRT's reference kernels, bit for bit.

Each runs on the host and on the emulated core.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
from emulated import check_model

Build = Callable[[Path], Path]


def fully_connected(
    scales: tuple[float, float, float], depth: int, *, rows: int = 3, zero_point: int = 0, constant: bool = True,
    per_channel: bool = False,
) -> Build:  # fmt: skip
    """Scales of input, weights and output; many sums are half way between two results where they are powers of two."""

    def build(path: Path) -> Path:
        draw = np.random.default_rng(depth)
        source, weight, result = scales
        weights = draw.integers(-3, 4, (11, depth)).astype(np.int8)
        graph = tiny.Graph()
        x = graph.tensor("x", (rows, depth), scale=source)
        how = {"scale": np.full(11 if per_channel else 1, weight)}
        w = graph.const("w", weights, **how) if constant else graph.tensor("w", weights.shape, **how)
        y = graph.tensor("y", (rows, 11), scale=result, zero_point=zero_point)
        graph.op("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions")
        return graph.write(path, [x] if constant else [x, w], [y])

    return build


OPERATORS: dict[str, Build] = {
    "fully_connected_ties": fully_connected((1.0, 1.0, 4.0), 16),
    "fully_connected_ties_of_three": fully_connected((0.5, 3.0, 16.0), 7, zero_point=-128),
    "fully_connected_ties_per_channel": fully_connected((1.0, 1.0, 8.0), 5, zero_point=37, per_channel=True),
    "fully_connected_near_ties": fully_connected((1 - 2**-23, 1 + 2**-23, 4.0), 9),
    "fully_connected_activations": fully_connected((0.04, 0.005, 0.002), 8, rows=1, constant=False),
    "fully_connected_activations_ties": fully_connected((1.0, 1.0, 4.0), 3, constant=False),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name: str, tmp_path: Path) -> None:
    check_model(OPERATORS[name](tmp_path / "model.tflite"))
