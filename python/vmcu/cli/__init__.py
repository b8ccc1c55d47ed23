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

import os
import sys
import traceback
from collections.abc import Sequence

from vmcu.errors import MissingTool, VmcuError

DONE, BAD_INPUT, USAGE, INCOMPLETE_INSTALLATION, BUG, INTERRUPTED = 0, 1, 2, 3, 70, 130

#: Shows the traceback of an error of any kind.
DEBUG_VARIABLE = "VMCU_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; `arguments` are the process's own if None."""
    try:
        import vmcu.cli.tune  # noqa: F401  adds its command
        from vmcu.cli.app import app

        app(args=None if arguments is None else list(arguments), prog_name="vmcu")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else DONE
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except VmcuError as error:
        _show_traceback()
        return _say(f"error: {error}", _code_of(error))
    except ImportError as error:
        _show_traceback()
        if (error.name or "").partition(".")[0] == "vmcu" and not (error.name or "").endswith("_vmcu"):
            return _say(_describe_bug(error), BUG)
        return _say(f"error: the installation is incomplete: {error}", INCOMPLETE_INSTALLATION)
    except Exception as error:
        _show_traceback()
        return _say(_describe_bug(error), BUG)
    return DONE


def _code_of(error: VmcuError) -> int:
    return INCOMPLETE_INSTALLATION if isinstance(error, MissingTool) else BAD_INPUT


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


def _say(text: str, code: int) -> int:
    print("vmcu:", " ".join(text.split()), file=sys.stderr)
    return code
