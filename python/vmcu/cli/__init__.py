"""The `vmcu` command: what went wrong becomes one line on stderr and an exit code.

| code | meaning |
|---|---|
| 0 | done |
| 1 | the input: a file, an option's value, a model that is not supported or does not fit |
| 2 | usage: no such command or option |
| 3 | the installation lacks a program or a package |
| 70 | a bug of ours |
| 130 | interrupted |
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from vmcu.cli.say import BUG, DONE, INCOMPLETE_INSTALLATION, INTERRUPTED, say, say_error
from vmcu.errors import VmcuError

#: Shows the traceback of an error of any kind.
DEBUG_VARIABLE = "VMCU_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; `arguments` are the process's own if None."""
    with _quiet_interrupts():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    try:
        import vmcu.cli.tune  # noqa: F401  adds its command
        from vmcu.cli.app import app

        app(args=None if arguments is None else list(arguments), prog_name="vmcu")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else DONE
    except KeyboardInterrupt:
        return say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except VmcuError as error:
        _show_traceback()
        return say_error(error)
    except ImportError as error:
        _show_traceback()
        if (error.name or "").partition(".")[0] == "vmcu" and not (error.name or "").endswith("_vmcu"):
            return say(_describe_bug(error), BUG)
        return say(f"error: the installation is incomplete: {error}", INCOMPLETE_INSTALLATION)
    except Exception as error:
        _show_traceback()
        return say(_describe_bug(error), BUG)
    return DONE


@contextmanager
def _quiet_interrupts() -> Iterator[None]:
    """End the process at once at Ctrl-C: an exception in the middle of MLIR's C++ can take it down noisily."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:
    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # the spinner hides it
    os.write(2, f"{show_cursor}vmcu: interrupted\n".encode())
    atexit._run_exitfuncs()  # removes temporary folders
    os._exit(INTERRUPTED)


def _describe_bug(error: Exception) -> str:
    origin = error.__cause__ or error
    frames = traceback.extract_tb(origin.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return (
        f"bug: {type(origin).__name__}: {error}{where}; this is a mistake of vmcu, not yours: please report it "
        f"({DEBUG_VARIABLE}=1 shows the traceback)"
    )


def _show_traceback() -> None:
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exc()
