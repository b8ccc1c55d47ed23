"""Locations of operations, for people."""

from __future__ import annotations

from mlir import ir


def place(location: ir.Location) -> str:
    """A location as compilers print it: `model.tflite: layer 'conv'`, `net.mlir:3:8`; empty when it tells nothing."""
    name = ""
    while not location.is_a_file():
        if location.is_a_name():
            name, location = name or location.name_str, location.child_loc
        elif location.is_a_fused() and location.locations:
            location = location.locations[0]
        else:
            return f"layer '{name}'" if name else ""
    # The converter knows files and no lines, Python lines and no columns.
    at = "".join(f":{number}" for number in (location.start_line, location.start_col) if number)
    return f"{location.filename}{at}" + (f": layer '{name}'" if name else "")
