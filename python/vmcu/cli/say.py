"""What went wrong, in words on stderr, and as an exit code."""

from __future__ import annotations

import sys

from vmcu.errors import MissingTool, VmcuError

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
