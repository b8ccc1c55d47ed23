"""Write files whole or not at all."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from vmcu.errors import InputError

_drafts: set[Path] = set()  # that are being written


@atexit.register
def _remove_drafts() -> None:
    for draft in _drafts:
        draft.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """Make the folder `path` with its parents, if it is missing, and return it.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is a file" if path.exists() and not path.is_dir() else error.strerror
        raise InputError(f"cannot make the folder {path}: {why}") from None
    return path


def write_file(path: Path, content: str | bytes) -> Path:
    """Write `content` beside `path`, then rename it to `path`: nobody ever sees half a file.

    Raises:
        InputError: the file cannot be written; nothing is left behind.
    """
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".vmcu-draft.{os.getpid()}")  # as short as that, or the longest names had none
    _drafts.add(draft)
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        if draft.is_file():
            draft.unlink()
        _drafts.discard(draft)
    return path
