"""Compile a model, run it on the emulated core, and compare with the host and with LiteRT, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from test_reference import int8_inputs, litert
from vmcu.driver.compilation import Compilation, Compiled

TARGETS = ("cortex-m4", "cortex-m7")


def check_model(path: Path, target: str = "cortex-m4", **options: object) -> Compiled:
    """Seven runs (random inputs, all least and all largest numbers) that must equal the host's result and LiteRT's.

    Args:
        options: those of `Compilation`.

    Returns:
        The compiled model.
    """
    compiled = Compilation(path, target, **options).finish()
    with compiled.firmware() as firmware:
        for inputs in int8_inputs([each.shape for each in compiled.inputs], compiled.inputs[0].dtype.type):
            (found,) = firmware.run(*inputs, count=False).outputs
            np.testing.assert_array_equal(
                found, compiled.reference(*inputs)[0], "the emulated core and the host differ"
            )
            np.testing.assert_array_equal(found, litert(path, inputs), "the emulated core and LiteRT differ")
    return compiled
