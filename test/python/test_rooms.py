"""The arrows between the rooms of the compiler run down, and no modules import one another in a circle."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import _rooms as rooms


def test_every_room_is_listed_once() -> None:
    listed = [room for line in rooms.ROOMS for room in line]
    assert sorted(listed) == sorted({*map(rooms.room_of, rooms.modules())})


def test_no_arrow_runs_back_up() -> None:
    assert rooms.upward(rooms.graph()) == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert rooms.circle(rooms.graph()) == []


def test_an_arrow_that_runs_back_up_is_found() -> None:
    found = rooms.graph()
    found["vmcu.planner.model"] |= {"vmcu.ir.build"}
    assert rooms.upward(found) == ["vmcu.planner.model imports vmcu.ir.build"]


def test_a_circle_is_found() -> None:
    found = rooms.graph()
    found["vmcu.operators.geometry"] |= {"vmcu.operators.rows"}
    around = rooms.circle(found)
    assert around[0] == around[-1] and {"vmcu.operators.geometry", "vmcu.operators.rows"} <= set(around)


def test_imports_of_every_spelling_count(tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "import vmcu.errors\nfrom vmcu import planner\nfrom .base import PLAIN\nfrom vmcu import _vmcu\n"
        "def f():\n    from vmcu.isa import emit\n"
    )
    known = rooms.modules()
    found = set(rooms.imports("vmcu.operators.mine", module, known))
    assert found == {"vmcu.errors", "vmcu.planner", "vmcu.operators.base", "vmcu.isa.emit"}


def test_passes_hold_passes() -> None:
    """A module of `passes/` is a pass of its own name, or what passes are registered and ordered by."""
    from vmcu.passes._registry import PASSES

    files = {path.stem.replace("_", "-") for path in (rooms.ROOT / "passes").glob("[a-z]*.py")}
    assert files - {"pipelines"} == {name.removeprefix("vmcu-") for name in PASSES if "test" not in name}
