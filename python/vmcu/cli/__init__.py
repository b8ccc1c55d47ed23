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
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from vmcu.cli.say import (
    BAD_INPUT,
    BUG,
    DEBUG_VARIABLE,
    DONE,
    INCOMPLETE_INSTALLATION,
    INTERRUPTED,
    say,
    say_bug,
    say_error,
    show_traceback,
)
from vmcu.errors import VmcuError

#: The disk is full, for everybody or for this user.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

__all__ = ["BUG", "DEBUG_VARIABLE", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; `arguments` are the process's own if None."""
    with _quiet_interrupts():
        code = _main(arguments)
        try:
            sys.stdout.flush()
        except OSError as error:
            return _describe_lost_output(error, code)
        return code


def _main(arguments: Sequence[str] | None) -> int:
    try:
        import vmcu.cli.tune  # noqa: F401  adds its command
        from vmcu.cli.app import app

        app(args=None if arguments is None else list(arguments), prog_name="vmcu")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else DONE
    except KeyboardInterrupt:
        return say("interrupted", INTERRUPTED)
    except BrokenPipeError as error:
        return _describe_lost_output(error, DONE)
    except VmcuError as error:
        show_traceback()
        return say_error(error)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "vmcu" and not (error.name or "").endswith("_vmcu"):
            return say_bug(error)
        show_traceback()
        return say(f"error: the installation is incomplete: {error}", INCOMPLETE_INSTALLATION)
    except OSError as error:
        return _describe_lost_output(error, DONE) if error.errno in _FULL else say_bug(error)
    except Exception as error:
        return say_bug(error)
    return DONE


def _describe_lost_output(error: OSError, code: int) -> int:
    """The exit code of a command whose output cannot be written; that is no error if its reader has seen enough."""
    # The interpreter must not complain when it flushes.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return code
    where = f"{error.filename}" if error.filename else "the output"
    return say(f"error: cannot write {where}: {error.strerror}", BAD_INPUT)


@contextmanager
def _quiet_interrupts() -> Iterator[None]:
    """End the process at once at Ctrl-C: an exception in the middle of MLIR's C++ can take it down noisily.

    A thread does it, because a handler of Python's waits until C++ returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_end_at_interrupt, args=(reader,), daemon=True).start()
    handler, descriptor = signal.signal(signal.SIGINT, _wait_for_the_end), signal.set_wakeup_fd(writer)
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGINT, handler)
        os.close(writer)


def _wait_for_the_end(number: int, frame: FrameType | None) -> None:
    """Let the command go no further: it would miss the files that are removed meanwhile, and say so."""
    while True:
        time.sleep(1)


def _end_at_interrupt(reader: int) -> None:
    """Wait for the number of a signal; there is none, but the end of the file, when the command is done."""
    while found := os.read(reader, 1):
        if found[0] == signal.SIGINT:
            show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # the spinner hides it
            os.write(2, f"{show_cursor}vmcu: interrupted\n".encode())
            atexit._run_exitfuncs()  # removes drafts and temporary folders
            os._exit(INTERRUPTED)
    os.close(reader)
