"""How a Python function becomes an MLIR pass.

`@vmcu_pass(name, summary=..., options=SomeDataclass)` registers a function `run(module, options)` with MLIR's own pass
registry, so that it has a flag and a place in textual pipelines, is timed, verified and printed like any other. The
fields of the options dataclass are the command line's options (`time_limit` is `time-limit`), typed and with defaults.

`vmcu_pipeline(name, summary=..., passes=...)` registers a list of passes under a name. Its options are those of its passes:
each pass takes the ones that it knows.

The IR verifies before and after each pass: MLIR's pass manager sees to it.

An exception must not cross the C++ frames between this pass and whoever started the pipeline. It is reported as a
diagnostic at the op it concerns, kept, and raised again by `vmcu.ir.bridge.run` once the pass manager has returned.
"""

from __future__ import annotations

import dataclasses
import shlex
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mlir import ir

from vmcu import _vmcu
from vmcu.errors import InputError, VmcuError
from vmcu.ir.bridge import PassError, keep_error
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


@dataclasses.dataclass(frozen=True)
class PipelineInfo:
    """One named pipeline: its flag, one line about it, and the passes, which may depend on the program's state."""

    name: str
    summary: str
    passes: Callable[[], Sequence[str]]
    shorthands: tuple[Shorthand, ...] = ()

    @property
    def options(self) -> list[Option]:
        """The options of its passes, and the shorthands that stand for some of them."""
        return [*(each.option for each in self.shorthands), *pipeline_options(self.passes())]


PASSES: dict[str, PassInfo] = {}
PIPELINES: dict[str, PipelineInfo] = {}

__all__ = [
    "PASSES",
    "PIPELINES",
    "Option",
    "PassError",
    "PassInfo",
    "PipelineInfo",
    "Shorthand",
    "describe_options",
    "option",
    "parse_options",
    "set_options",
    "vmcu_pass",
    "vmcu_pipeline",
]


def option(default: Any, help: str, *, unit: str = "") -> Any:
    """A field of an options dataclass. `unit="bytes"` makes the command line accept `64KiB`."""
    return dataclasses.field(default=default, metadata={"help": help, "unit": unit})


def vmcu_pass(name: str, *, summary: str, options: type | None = None) -> Callable[[Run], Run]:
    """Register the decorated `run(module, options)` under `name`.

    Raises:
        ValueError: there is a pass or a pipeline of this name, ours or MLIR's.
    """

    def register(run: Run) -> Run:
        if name in PASSES:
            raise ValueError(f"a pass named {name} is registered already")
        info = PassInfo(name, summary, options, run)
        _vmcu.register_pass(
            name, _describe(summary, describe_options(info)), lambda text: _wrong_options(info, text), _guarded(info)
        )
        PASSES[name] = info
        return run

    return register


def vmcu_pipeline(
    name: str, *, summary: str, passes: Callable[[], Sequence[str]], shorthands: Sequence[Shorthand] = ()
) -> None:
    """Register a named pipeline.

    Args:
        name: its flag.
        summary: one line for the help.
        passes: gives the textual passes, in order. Those that are ours take the options of the pipeline that they know.
        shorthands: options that stand for others; those of which no pass of the pipeline knows any are left out.

    Raises:
        ValueError: there is a pass or a pipeline of this name, ours or MLIR's.
    """
    known = {each.name for each in pipeline_options(passes())}
    info = PipelineInfo(name, summary, passes, tuple(each for each in shorthands if known & each.stands_for))
    _vmcu.register_pipeline(name, _describe(summary, info.options), lambda text: _expand(info, text))
    PIPELINES[name] = info


def parse_options(info: PassInfo, text: str) -> Any:
    """`"ram=64KiB align=4"` as the options dataclass of a pass.

    Raises:
        InputError: an unknown or missing option, one given twice, or a value that is not of the option's type.
    """
    known = {each.name: each for each in describe_options(info)}
    values = _parse_values(known, text)
    missing = [each.name for each in known.values() if each.needed and each.name not in values]
    if missing:
        raise InputError(f"option '{missing[0]}' is needed: {known[missing[0]].help}")
    return info.options(**{known[key].field: value for key, value in values.items()}) if info.options else None


def _parse_values(known: Mapping[str, Option], text: str) -> dict[str, Any]:
    """The values of the options that `text` sets, by name."""
    values: dict[str, Any] = {}
    for word in _split(text):
        key, equals, value = word.partition("=")
        if key not in known:
            raise InputError(f"no option '{key}'; options are: {', '.join(known) or 'none'}")
        if key in values:
            raise InputError(f"option '{key}' is given twice")
        values[key] = _parse_value(known[key], value if equals else None)
    return values


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a pass as the command line shows it. `kind` is the Python type; None is never written there."""

    name: str
    field: str
    kind: Any
    unit: str
    default: Any
    help: str

    @property
    def needed(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def values(self) -> str:
        """What may be written: the name of a type or unit, or the words themselves."""
        if self.unit == "bytes":
            return "bytes"
        if get_origin(self.kind) is Literal:
            return "|".join(map(str, get_args(self.kind)))
        return "true|false" if self.kind is bool else self.kind.__name__


def describe_options(info: PassInfo) -> list[Option]:
    """The fields of the options dataclass of a pass, in order."""
    if info.options is None:
        return []
    hints = get_type_hints(info.options)
    return [_describe_field(each, hints[each.name]) for each in dataclasses.fields(info.options)]


@dataclasses.dataclass(frozen=True)
class Shorthand:
    """An option of a pipeline that stands for others: `values` gives them by name, `stands_for` is their names."""

    option: Option
    stands_for: frozenset[str]
    values: Callable[[Any], Mapping[str, Any]]


def pipeline_options(passes: Sequence[str]) -> list[Option]:
    """The options of the passes of a list that are ours, each name once."""
    found: dict[str, Option] = {}
    for each in passes:
        if each in PASSES:
            for one in describe_options(PASSES[each]):
                found.setdefault(one.name, one)
    return list(found.values())


def set_options(
    passes: Sequence[str], values: Mapping[str, Any], assumed: Mapping[str, Any] = MappingProxyType({})
) -> list[str]:
    """The passes of a list, each of ours with those of the options that it knows; None leaves an option at its default.

    Args:
        passes: textual passes. One that has braces already is left as it is.
        values: values by the names of options.
        assumed: values of options that `values` does not set; there may be more than the passes know.

    Raises:
        InputError: no pass of the list has such an option.
    """
    names = [each.name for each in pipeline_options(passes)]
    unknown = next((name for name in values if name not in names), None)
    if unknown is not None:
        raise InputError(f"no option '{unknown}'; options are: {', '.join(names) or 'none'}")
    return [_with_options(each, {**assumed, **values}) for each in passes]


def _with_options(name: str, values: Mapping[str, Any]) -> str:
    known = [each.name for each in describe_options(PASSES[name])] if name in PASSES else []
    words = [f"{key}={_write_value(values[key])}" for key in known if values.get(key) is not None]
    return f"{name}{{{' '.join(words)}}}" if words else name


def _write_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else shlex.quote(str(value))


def _describe_field(field: dataclasses.Field, hint: Any) -> Option:
    kinds = () if get_origin(hint) is Literal else tuple(each for each in get_args(hint) if each is not type(None))
    unit, words = field.metadata.get("unit", ""), field.metadata.get("help", "")
    return Option(field.name.replace("_", "-"), field.name, kinds[0] if kinds else hint, unit, field.default, words)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"cannot read options '{text}': {str(error).lower()}") from None


def _parse_value(option: Option, text: str | None) -> Any:
    if option.kind is bool:
        if text not in (None, "true", "false"):
            raise InputError(f"{option.name} is true or false, found '{text}'")
        return text != "false"
    if not text:
        raise InputError(f"{option.name} needs a value: {option.values}")
    if get_origin(option.kind) is Literal:
        words = {str(each): each for each in get_args(option.kind)}
        if text not in words:
            raise InputError(f"{option.name} is one of {', '.join(words)}, found '{text}'")
        return words[text]
    try:
        return parse_bytes(text) if option.unit == "bytes" else option.kind(text)
    except InputError as error:
        raise InputError(f"{option.name}: {error}") from None
    except ValueError:
        raise InputError(f"{option.name} is of type {option.values}, found '{text}'") from None


def _describe(summary: str, options: Sequence[Option]) -> str:
    lines = [summary]
    for each in options:
        unit = f" ({each.unit})" if each.unit not in ("", each.values) else ""
        default = " [needed]" if each.needed else "" if each.default is None else f" [default: {each.default}]"
        lines.append(f"      {each.name}=<{each.values}>: {each.help}{unit}{default}")
    return "\n".join(lines)


def _wrong_options(info: PassInfo, text: str) -> str:
    try:
        parse_options(info, text)
    except InputError as error:
        return str(error)
    return ""


def _expand(info: PipelineInfo, text: str) -> tuple[str, str]:
    """What is wrong with the options of a pipeline, or its passes as a text."""
    try:
        values = _parse_values({each.name: each for each in info.options}, text)
        assumed: dict[str, Any] = {}
        for each in info.shorthands:
            if each.option.name in values:
                assumed |= each.values(values.pop(each.option.name))
        return "", ",".join(set_options(info.passes(), values, assumed))
    except InputError as error:
        return str(error), ""


def _guarded(info: PassInfo) -> Callable[[ir.Operation, str], bool]:
    def run(op: ir.Operation, text: str) -> bool:
        try:
            # The wrapped module shares the operation; both die before the pass returns.
            with op.context, op.location:
                info.run(op.opview if isinstance(op, ir.Operation) else op, parse_options(info, text))
        except VmcuError as error:
            keep_error(error)
            (op.location if error.location is None else error.location).emit_error(str(error))
            return False
        except BaseException as error:  # sys.exit and Ctrl-C, too, must not unwind through MLIR's frames
            keep_error(error)
            where = traceback.extract_tb(error.__traceback__)[-1]
            op.location.emit_error(
                f"bug in pass {info.name}: {type(error).__name__}: {error} "
                f"({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
            )
            return False
        return True

    return run
