"""Errors about a model, as the person sees them: the file first, then the place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vmcu.errors import MissingTool, VmcuError
from vmcu.ir.bridge import PassError
from vmcu.ir.locations import place


@contextmanager
def name_the_file(path: Path) -> Iterator[None]:
    """Let every error that is about the model begin with the file, and the line where there is one."""
    try:
        yield
    except MissingTool:
        raise
    except VmcuError as error:
        error.args = (_describe_error(path, error),)
        raise


def _describe_error(path: Path, error: VmcuError) -> str:
    """The error's message on one line, or on one for each fault, with the file, line and column as compilers do it."""
    if error.faults:
        return str(error)
    message = " ".join(str(error).split())
    where = place(error.location) if isinstance(error, PassError) else ""
    if where and not message.startswith(where):
        message = f"{where}: {message}"
    message = re.sub(r'(?:at layer )?loc\("([^"]*)"\("[^"]*":0:0\)\)', r"layer '\1'", message)  # of a .tflite
    message = re.sub(r"\((\S+):0:0\)?(?=:)", "", message)
    end = re.search(r' \(loc\("([^"]*)":(\d+):(\d+)\)\)$', message)
    if end:
        where = end[1] if end[2] == "0" else f"{end[1]}:{end[2]}:{end[3]}"
        return f"{where}: {message[: end.start()].removeprefix(f'{path}: ')}"
    message = re.sub(r'(at )?(?:layer )?loc\("([^"]*)":(\d+):(\d+)\)', r"\1\2:\3:\4", message)
    return message if message.startswith(str(path)) else f"{path}: {message}"
