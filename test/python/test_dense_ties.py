"""Fully connected layers at ties: sums that lie half way between two results, on either side of zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny_tflite as tiny
import vmcu

WIDTH, DEPTH = 8, 4


def dense(path: Path, scales: np.ndarray, zero_point: int, *, activation: bool = False) -> Path:
    """Channel `n` is the first input plus `n`, times its scale; `activation`: the weights are an input as well."""
    graph = tiny.Graph()
    x = graph.tensor("x", (1, DEPTH), scale=0.5)
    y = graph.tensor("y", (1, WIDTH), scale=0.5, zero_point=zero_point)
    values = np.zeros((WIDTH, DEPTH), np.int8)
    values[:, 0] = 1
    w = graph.tensor("w", values.shape, scale=scales) if activation else graph.const("w", values, scale=scales)
    b = graph.const("b", np.arange(WIDTH, dtype=np.int32), scale=scales * 0.5)
    graph.op("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    return graph.write(path, [x, w] if activation else [x], [y])


def check(compiled: vmcu.Compiled, *more: np.ndarray) -> None:
    oracle = compiled.oracle("litert")
    with compiled.firmware() as firmware:
        for first in (-128, -127, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 5, 6, 120, 127):
            x = np.full((1, DEPTH), first, np.int8)
            found = firmware.run(x, *more, count=False).outputs[0]
            np.testing.assert_array_equal(found, oracle.ask(x, *more).outputs[0])


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
@pytest.mark.parametrize("zero_point", [0, -128, 5])
@pytest.mark.parametrize("scale", [0.5, 0.25, 0.125])
def test_ties_go_away_from_zero(tmp_path: Path, scale: float, zero_point: int, core: str) -> None:
    path = dense(tmp_path / "net.tflite", np.array([scale], np.float32), zero_point)
    check(vmcu.compile_model(path, core))


def test_ties_of_each_channel(tmp_path: Path) -> None:
    scales = np.array([0.5, 0.25, 0.125, 0.0625, 0.3, 0.75, 0.375, 1 / 3], np.float32)
    check(vmcu.compile_model(dense(tmp_path / "net.tflite", scales, 3)))


def test_ties_under_weights_that_are_an_activation(tmp_path: Path) -> None:
    path = dense(tmp_path / "net.tflite", np.array([0.25], np.float32), -3, activation=True)
    weights = np.zeros((WIDTH, DEPTH), np.int8)
    weights[:, 0] = 1
    check(vmcu.compile_model(path), weights)
