"""Object and header of a program as files, without those of another model being lost."""

from __future__ import annotations

import os
from pathlib import Path

from vmcu.abi.header import read_source
from vmcu.errors import InputError
from vmcu.files import make_folder, write_file


def save(folder: Path, name: str, code: bytes, header: str, source: Path | None = None) -> tuple[Path, Path]:
    """Write `NAME.o` and `NAME.h` into `folder` (made if missing), and return their paths.

    Args:
        folder: where to.
        name: prefix of the C symbols.
        code, header: what is in the files.
        source: the model's file, if there is one.

    Raises:
        InputError: they cannot be written there, or are those of another model; nothing is written.
    """
    make_folder(folder)
    paths = folder / f"{name}.o", folder / f"{name}.h"
    if source is not None:
        _refuse_another(folder, name, source)
    for path in paths:
        if path.is_dir():
            raise InputError(f"cannot write {path}: Is a directory")
    return write_file(paths[0], code), write_file(paths[1], header)


def _refuse_another(folder: Path, name: str, source: Path) -> None:
    """Raise InputError if another model has files of this C name there.

    Names that differ in case only have one macro that guards their headers.
    """
    for header in sorted(folder.glob("*.h")):
        other = _source(header) if header.stem.lower() == name.lower() else None
        if other is not None and other.is_file() and source.is_file() and not other.samefile(source):
            raise InputError(
                f"{source}: its C name is {name}, and {header} is that of {other}; --name gives the model another name, "
                "-o another folder"
            )


def _source(header: Path) -> Path | None:
    """The model that a header was made from."""
    try:
        found = read_source(header.read_text(errors="replace"))
    except OSError:
        return None
    return None if found is None else Path(os.path.normpath(header.parent / found))
