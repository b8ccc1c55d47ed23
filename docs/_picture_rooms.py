"""Draw the rooms of the compiler and the imports between them as SVG.

Rooms stand on the diagonal from low to high. A dot in the line of one room, below another room, is an import: the first room
imports the second one. An arrow that ran back up would be a dot above the diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import _rooms
from _picture import color_of, open_page

CELL, LINE, LEFT, TOP, BOX = 26, 25, 8, 8, 84  # pixels; a box is as wide as the longest name


def draw_rooms(counts: Mapping[tuple[str, str], int]) -> str:
    """The picture as SVG text, of the pairs (importing room, imported room) in `counts`."""
    rooms = [room for line in _rooms.ROOMS for room in line]
    lines = [*open_page(TOP + LINE * len(rooms) + 8, LEFT + CELL * len(rooms) + BOX + 20)]
    for number, room in enumerate(rooms):
        lines += _guides(number, sorted(rooms.index(low) for high, low in counts if high == room))
    for importing, imported in sorted(counts):
        title = f"<title>{importing} imports {imported}</title>"
        x, y = _x(rooms.index(imported)) + CELL / 2, _y(rooms.index(importing)) + LINE / 2
        lines.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#333333">{title}</circle>')
    for number, room in enumerate(rooms):
        lines += _box(number, room)
    words = ("A dot: the room at the right end of the line", "imports the room at the upper end of the column.")
    for number, each in enumerate(words):
        lines.append(f'<text x="{_x(9)}" y="{TOP + 40 + 18 * number}" fill="#777777">{each}</text>')
    return "\n".join((*lines, "</svg>", ""))


def _guides(number: int, imported: list[int]) -> Iterator[str]:
    """Thin lines from a room's box to its imports, and from there up to their boxes."""
    y = _y(number) + LINE / 2
    if imported:
        yield f'<path d="M{_x(min(imported)) + CELL / 2} {y}H{_x(number)}" stroke="#dddddd"/>'
    for each in imported:
        yield f'<path d="M{_x(each) + CELL / 2} {_y(each + 1)}V{y}" stroke="#dddddd"/>'


def _box(number: int, room: str) -> Iterator[str]:
    floor = next(height for height, line in enumerate(_rooms.ROOMS) if room in line)
    yield (
        f'<rect x="{_x(number)}" y="{_y(number) + 2}" width="{BOX}" height="{LINE - 4}" '
        f'fill="{color_of(floor)}" fill-opacity="0.55"/>'
    )
    yield f'<text x="{_x(number) + 6}" y="{_y(number) + 17}" fill="#222222">{room}</text>'


def _x(number: int) -> int:
    return LEFT + CELL * number


def _y(number: int) -> int:
    return TOP + LINE * number
