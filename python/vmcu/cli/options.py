"""Options that several commands share, with their help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vmcu.cores import CORES
from vmcu.errors import InputError
from vmcu.units import parse_bytes

if TYPE_CHECKING:
    from vmcu.driver.options import Options

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="a .tflite, or a .mlir with TOSA or linalg", show_default=False)
]
Models = Annotated[
    list[Path], typer.Argument(metavar="MODEL...", help="models as of `vmcu compile`", show_default=False)
]
TargetName = Annotated[
    str,
    typer.Option(metavar="CORE[,ram=SIZE][,flash=SIZE]", help=f"core and memories; cores are {', '.join(CORES)}"),
]
Targets = Annotated[
    list[str],
    typer.Option("--target", metavar="CORE[,ram=SIZE]", help=f"may be repeated; cores are {', '.join(CORES)}"),
]


def _bytes(what: str) -> Any:
    return typer.Option(metavar="BYTES", help=f"most bytes that {what}", show_default=False)


Ram = Annotated[str | None, _bytes("pool and stack may have together, e.g. 64KiB [default: the target's RAM]")]
Flash = Annotated[str | None, _bytes("code and constants may have, e.g. 512KiB [default: the target's flash]")]
Io = Annotated[
    Literal["auto", "int8", "uint8", "float"],
    typer.Option(
        help="what inputs and outputs are to those who call the code; auto: the integers that the file has, int8 in the "
        "place of floats"
    ),
]
Input = Annotated[
    Literal["resident", "fed"],
    typer.Option(
        "--input",
        help="resident: the input is whole in the pool; fed: it comes row by row, and is never whole in RAM",
    ),
]
Fed = Annotated[bool, typer.Option("--fed", help="compile for input that comes row by row, and feed the rows")]
Streams = Annotated[
    bool, typer.Option("--streams/--no-streams", help="let kernels run together row by row, or layer by layer")
]
Optimize = Annotated[
    Literal["ram", "balanced", "latency", "size"],
    typer.Option(
        help="ram: the least pool and stack; balanced: up to 15 % more stack for speed; latency: as fast as the RAM "
        "allows; size: the least code",
    ),
]
Recompute = Annotated[
    float,
    typer.Option(
        min=1.0, metavar="FACTOR", help="most work, as a multiple of the network's: above 1, less RAM for more time"
    ),
]
Sanitize = Annotated[
    bool,
    typer.Option(
        "--sanitize",
        help="run once more before, with every access to the pool checked, and stop at the first wrong one",
    ),
]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers",
        help="the figures of each kernel, too, from a second run; for it kernels of equal shape do not share code",
    ),
]
Oracle = Annotated[
    Literal["auto", "litert", "tosa", "mlir"],
    typer.Option(
        help="who says what is right: litert (reference kernels, of a .tflite), tosa (Arm's reference model), mlir "
        "(the same linalg on this machine); auto: the first of them that can judge",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="of the random input that stands in where none is given")]
State = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="INPUT=OUTPUT",
        help="may be repeated: keep an output in the pool, as that input of the next run; the caller sees neither",
        show_default=False,
    ),
]
Calls = Annotated[
    int,
    typer.Option(
        min=1,
        help="calls in succession, of which a model with state keeps something; an input file may have one array for "
        "each call along a first axis more, and so have outputs then",
    ),
]
Inputs = Annotated[
    list[Path] | None,
    typer.Option("--input", metavar="X.npy", help="one for each input of the model, in order", show_default=False),
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--output", "-o", metavar="Y.npy", help="one for each output of the model, in order", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON and nothing else")]


Name = Annotated[
    str | None,
    typer.Option(metavar="SYMBOL", help="prefix of the C symbols [default: the file's name]", show_default=False),
]

#: The fields of `vmcu.driver.options.Options` that the command line has: annotation and default of each. `fed` stands for
#: `input` where `--input` names arrays.
_FIELDS: dict[str, tuple[Any, object]] = {
    "target": (TargetName, "cortex-m4"),
    "ram": (Ram, None),
    "flash": (Flash, None),
    "io": (Io, "auto"),
    "state": (State, None),
    "input": (Input, "resident"),
    "fed": (Fed, False),
    "streams": (Streams, True),
    "optimize": (Optimize, "balanced"),
    "recompute": (Recompute, 1.0),
    "name": (Name, None),
}


@dataclass(frozen=True)
class Asked:
    """What somebody asked of a compilation; `options` checks it."""

    given: Mapping[str, Any]

    def options(self, **changes: Any) -> Options:
        """The options of a compilation, with the fields in `changes` as they say.

        Raises:
            InputError: one of them is not what it may be.
        """
        from vmcu.driver.options import Options

        given = {**self.given, **changes}
        if "state" in given:
            given["state"] = tuple(given["state"] or ())
        if "fed" in given:
            given["input"] = "fed" if given.pop("fed") else "resident"
        for memory in ("ram", "flash"):
            if given.get(memory) is not None:
                given[memory] = _parse_bytes(memory, given[memory])
        return Options.of(given.pop("target", "cortex-m4"), **given)


def _parse_bytes(option: str, text: str) -> int:
    try:
        return parse_bytes(text)
    except InputError as error:
        raise InputError(f"--{option}: {error}") from None


def asks(*fields: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the command line options of these fields; it gets them as its argument `asked`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            command(asked=Asked({name: given.pop(name) for name in fields}), **given)

        own = [each for name, each in signature(command, eval_str=True).parameters.items() if name != "asked"]
        needed = [each for each in own if each.default is Parameter.empty]
        parameters = [*needed, *map(_parameter, fields), *own[len(needed) :]]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _parameter(field: str) -> Parameter:
    annotation, default = _FIELDS[field]
    return Parameter(field, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
