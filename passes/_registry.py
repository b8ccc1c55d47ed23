"""How a Python function becomes an MLIR pass.

`@vmcu_pass(name, summary=..., options=SomeDataclass)` registers a function `run(module, options)` with MLIR's own pass
registry, so that it has a flag and a place in textual pipelines, is timed, verified and printed like any other. The
fields of the options dataclass are the command line's options (`time_limit` is `time-limit`), typed and with defaults.

The IR verifies before and after each pass: MLIR's pass manager sees to it.

An exception must not cross the C++ frames between this pass and whoever started the pipeline. It is reported as a
diagnostic at the op it concerns, kept, and raised again by `vmcu.pipeline.run` once the pass manager has returned.
"""

from __future__ import annotations

import dataclasses
import shlex
import traceback
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mlir import ir

from vmcu import _vmcu
from vmcu.errors import InputError, Unsupported, VmcuError
from vmcu.units import parse_bytes

Run = Callable[[ir.Module, Any], None]


@dataclasses.dataclass(frozen=True)
class PassInfo:
    """One registered pass: its flag, one line about it, its options (a dataclass, or None) and its function."""

    name: str
    summary: str
    options: type | None
    run: Run

    @property
    def documentation(self) -> str:
        """The docstring of the pass's module."""
        return __import__(self.run.__module__, fromlist=["_"]).__doc__ or ""


PASSES: dict[str, PassInfo] = {}
_raised: list[BaseException] = []


class PassError(Unsupported):
    """A pass refuses an op. The message is reported at the op's location."""

    def __init__(self, op: ir.Operation | ir.OpView, message: str):
        super().__init__(message)
        self.location = op.location


def option(default: Any, help: str, *, unit: str = "") -> Any:
    """A field of an options dataclass. `unit="bytes"` makes the command line accept `64KiB`."""
    return dataclasses.field(default=default, metadata={"help": help, "unit": unit})


def vmcu_pass(name: str, *, summary: str, options: type | None = None) -> Callable[[Run], Run]:
    """Register the decorated `run(module, options)` under `name`; a second pass of that name is refused."""

    def register(run: Run) -> Run:
        if name in PASSES:
            raise ValueError(f"a pass named {name} is registered already")
        info = PassInfo(name, summary, options, run)
        PASSES[name] = info
        _vmcu.register_pass(name, _describe(info), lambda text: _wrong_options(info, text), _guarded(info))
        return run

    return register


def take_raised() -> BaseException | None:
    """The exception that the last pass raised, once."""
    error = _raised[-1] if _raised else None
    _raised.clear()
    return error


def parse_options(info: PassInfo, text: str) -> Any:
    """`"ram=64KiB align=4"` as the options dataclass of a pass.

    Raises:
        InputError: an unknown option, or a value that is not of the option's type.
    """
    values = {}
    known = {field.name.replace("_", "-"): field for field in _fields(info)}
    hints = get_type_hints(info.options) if info.options else {}
    for word in shlex.split(text):
        key, equals, value = word.partition("=")
        if key not in known:
            raise InputError(f"no option '{key}'; options are: {', '.join(known) or 'none'}")
        field = known[key]
        values[field.name] = _parse_value(key, value if equals else "true", hints[field.name], field.metadata["unit"])
    return info.options(**values) if info.options else None


def _fields(info: PassInfo) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(info.options) if info.options else ()


def _parse_value(key: str, text: str, kind: Any, unit: str) -> Any:
    kinds = [each for each in get_args(kind) if each is not type(None)] or [kind]
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise InputError(f"{key} is one of {', '.join(get_args(kind))}, found '{text}'")
        return text
    if kinds[0] is bool:
        if text not in ("true", "false"):
            raise InputError(f"{key} is true or false, found '{text}'")
        return text == "true"
    if unit == "bytes":
        return parse_bytes(text)
    try:
        return kinds[0](text)
    except ValueError:
        raise InputError(f"{key} is of type {kinds[0].__name__}, found '{text}'") from None


def _describe(info: PassInfo) -> str:
    lines = [info.summary]
    for field in _fields(info):
        unit = f" ({field.metadata['unit']})" if field.metadata["unit"] else ""
        default = "" if field.default is None else f" [default: {field.default}]"
        lines.append(f"      {field.name.replace('_', '-')}=<{field.type}>: {field.metadata['help']}{unit}{default}")
    return "\n".join(lines)


def _wrong_options(info: PassInfo, text: str) -> str:
    try:
        parse_options(info, text)
    except InputError as error:
        return str(error)
    return ""


def _guarded(info: PassInfo) -> Callable[[ir.Operation, str], bool]:
    def run(op: ir.Operation, text: str) -> bool:
        try:
            # The wrapped module shares the operation; both die before the pass returns.
            with op.context, op.location:
                info.run(op.opview if isinstance(op, ir.Operation) else op, parse_options(info, text))
        except VmcuError as error:
            _raised.append(error)
            getattr(error, "location", op.location).emit_error(str(error))
            return False
        except Exception as error:
            _raised.append(error)
            where = traceback.extract_tb(error.__traceback__)[-1]
            op.location.emit_error(
                f"bug in pass {info.name}: {type(error).__name__}: {error} "
                f"({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
            )
            return False
        return True

    return run
