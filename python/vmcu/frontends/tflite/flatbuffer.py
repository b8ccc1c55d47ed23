"""Tables of a flatbuffer that nobody has verified: every offset is checked before it is followed.

The accessors of the `flatbuffers` package trust the file, and so does the code that its compiler generates. A damaged file
makes these here raise `InputError`, and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from vmcu.errors import InputError


@dataclass(frozen=True)
class View:
    """One table: the bytes of the file, and where in them the table starts."""

    data: bytes
    at: int

    @staticmethod
    def root(data: bytes) -> View:
        """The outermost table of a file."""
        return View(data, _unpack(data, "<I", 0))

    def slot(self, field: int) -> int:
        """Where in the file a field's value is; 0 when the field is absent."""
        table = self.at - _unpack(self.data, "<i", self.at)
        entry = 4 + 2 * field
        if entry + 2 > _unpack(self.data, "<H", table):
            return 0
        offset = _unpack(self.data, "<H", table + entry)
        return self.at + offset if offset else 0

    def number(self, field: int, kind: str = "<i", default: Any = 0) -> Any:
        """A scalar field; `kind` is a format of the module `struct`."""
        slot = self.slot(field)
        return _unpack(self.data, kind, slot) if slot else default

    def table(self, field: int) -> View | None:
        """A table that is a field."""
        slot = self.slot(field)
        return View(self.data, slot + _unpack(self.data, "<I", slot)) if slot else None

    def tables(self, field: int) -> list[View]:
        """A vector of tables; empty when it is absent."""
        start, length = self._vector(field, 4)
        places = range(start, start + 4 * length, 4)
        return [View(self.data, place + _unpack(self.data, "<I", place)) for place in places]

    def numbers(self, field: int, kind: type) -> np.ndarray:
        """A vector of numbers; empty when it is absent."""
        start, length = self._vector(field, np.dtype(kind).itemsize)
        return np.frombuffer(self.data, kind, length, start) if length else np.empty(0, kind)

    def text(self, field: int) -> bytes | None:
        """A string as it is in the file, which need not be UTF-8; None when it is absent."""
        return self.data[self.extent(field)] if self.slot(field) else None

    def extent(self, field: int, size: int = 1) -> slice:
        """Where in the file the elements of a vector are, `size` bytes each; nowhere if it is absent."""
        start, length = self._vector(field, size)
        return slice(start, start + size * length)

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Start and length of a vector of elements of `size` bytes."""
        slot = self.slot(field)
        if not slot:
            return 0, 0
        place = slot + _unpack(self.data, "<I", slot)
        length = _unpack(self.data, "<I", place)
        if place + 4 + size * length > len(self.data):
            raise InputError(f"a vector of {length} elements at byte {place} ends behind the file")
        return place + 4, length


def _unpack(data: bytes, kind: str, at: int) -> Any:
    if not 0 <= at <= len(data) - struct.calcsize(kind):
        raise InputError(f"an offset leads to byte {at} of {len(data)}")
    return struct.unpack_from(kind, data, at)[0]
