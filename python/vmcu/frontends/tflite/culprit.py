"""The operator that the TFLite converter fails at, where it does not say so itself.

The converter gets the model cut off behind one operator or another: with that operator's result as its only output, the
operators after it are dead and left out. Bisection finds the first one that makes it fail.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from vmcu.frontends.tflite.quantisation import Operator, operators, with_output


def find_culprit(path: Path, fails: Callable[[Path], bool]) -> Operator | None:
    """The first operator of the model at `path` that makes a model fail which ends with it.

    Args:
        path: a model that fails; possibly a damaged file.
        fails: whether the converter fails with the model at a path as it does with the whole one.

    Returns:
        None if nothing can be said: the file is not one, or it is not an operator that the failure depends on.
    """
    try:
        found = list(operators(path))[::-1]
        with tempfile.TemporaryDirectory() as scratch:
            return _bisect(found, path, Path(scratch) / "cut.tflite", fails)
    except Exception:  # In a file that nobody has verified, offsets lead anywhere: any error may come of it.
        return None


def _bisect(found: list[Operator], path: Path, cut: Path, fails: Callable[[Path], bool]) -> Operator | None:
    works, broken = -1, len(found) - 1  # operators behind which a cut model does, and does not
    while works + 1 < broken:
        middle = (works + broken) // 2
        cut.write_bytes(with_output(path, found[middle].tensor))
        works, broken = (works, middle) if fails(cut) else (middle, broken)
    # If nothing works, any operator may be to blame; the converter reads those that are left out, too.
    return found[broken] if works >= 0 or len(found) == 1 else None
