"""What went wrong, in words on stderr, and as an exit code."""

from __future__ import annotations

import os
import sys
import traceback

from vmcu.errors import MissingTool, VmcuError

#: Shows the traceback of an error of any kind.
DEBUG_VARIABLE = "VMCU_DEBUG"
DONE, BAD_INPUT, USAGE, INCOMPLETE_INSTALLATION, BUG, INTERRUPTED = 0, 1, 2, 3, 70, 130


def say(text: str, code: int) -> int:
    """Print a message on one line, and return `code`."""
    print("vmcu:", " ".join(text.split()), file=sys.stderr)
    return code


def say_error(error: VmcuError) -> int:
    """Print an error that a user can mend, with a line below it for each of several faults; return its exit code."""
    say(f"error: {str(error).splitlines()[0] if error.faults else error}", DONE)
    for fault in error.faults:
        print(f"  {fault}", file=sys.stderr)
    return INCOMPLETE_INSTALLATION if isinstance(error, MissingTool) else BAD_INPUT


def say_bug(error: Exception) -> int:
    """Print an error that is a mistake of ours, with its place; return its exit code."""
    show_traceback()
    origin = error.__cause__ or error
    frames = traceback.extract_tb(origin.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return say(
        f"bug: {type(origin).__name__}: {error}{where}; this is a mistake of vmcu, not yours: please report it "
        f"({DEBUG_VARIABLE}=1 shows the traceback)",
        BUG,
    )


def show_traceback() -> None:
    """Print the traceback of the error that is handled, if the user wants it."""
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exc()
