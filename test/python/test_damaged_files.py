"""Damaged `.tflite` files are compiled or refused: no traceback, no signal, no endless run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

import tiny_tflite as tiny
from damages import EDITS, NOT_WRITTEN, damaged, write
from test_reference import OPERATORS

COUNT = int(os.environ.get("VMCU_FUZZ_FILES", "60"))


def test_damaged_files_are_compiled_or_refused() -> None:
    command = [sys.executable, str(Path(__file__).with_name("damaged_files.py")), str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    words = {each.split(": ")[0] for each in done.stdout.splitlines()[-2].split(", ")}
    assert words == {"compiled", "refused"}, done.stdout  # the damage is neither none nor all


def test_equal_numbers_make_equal_files(tmp_path: Path) -> None:
    models = [OPERATORS["conv_same"](tmp_path / "conv.tflite")]
    files = [[damaged(number, models) for number in range(20)] for _ in range(2)]
    assert files[0] == files[1] and len(set(files[0])) > 15


@pytest.mark.parametrize("change", dict.fromkeys(EDITS), ids=lambda each: each.__name__)
def test_each_edit_changes_a_readable_file(change: Callable, tmp_path: Path) -> None:
    data = tiny.conv(tmp_path / "conv.tflite", float_io=True).read_bytes()
    plain = write(schema.ModelT.InitFromPackedBuf(data, 0))
    made = set()
    for number in range(20):
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        with suppress(*NOT_WRITTEN):
            change(model, random.Random(number))
            made.add(write(model))
    assert made - {plain}
    assert all(schema.ModelT.InitFromPackedBuf(each, 0).subgraphs for each in made)
