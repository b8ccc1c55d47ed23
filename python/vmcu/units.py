"""Bytes as people write them."""

from __future__ import annotations

import re

from vmcu.errors import InputError

_UNITS = {"": 1, "B": 1, "K": 1024, "KiB": 1024, "M": 1024**2, "MiB": 1024**2}


def parse_bytes(text: str) -> int:
    """`"64KiB"`, `"64K"`, `"1MiB"` or `"65536"` as a number of bytes.

    Raises:
        InputError: the text is not a whole number with one of these units.
    """
    match = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2] not in _UNITS:
        raise InputError(f"expected bytes such as 65536, 64KiB or 1MiB, found '{text}'")
    return int(match[1]) * _UNITS[match[2]]


def format_bytes(count: int) -> str:
    """The shortest text that `parse_bytes` reads back as `count`."""
    for unit in ("MiB", "KiB"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}"
    return str(count)
