"""The commands of `vmcu`. Each is the API and a printout; heavy imports wait until a command runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from vmcu.cli import options
from vmcu.cli.progress import progress
from vmcu.cli.say import DONE, say_bug, say_error
from vmcu.errors import VmcuError
from vmcu.version import __version__

if TYPE_CHECKING:
    import numpy as np

    from vmcu.driver.compilation import Compilation

app = typer.Typer(
    help="Compile int8 neural networks for Cortex-M, with all tensors in one pool of segments.",
    epilog="Example: vmcu compile model.tflite -o build --target cortex-m4,ram=64KiB",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Emit = Literal["tosa", "linalg", "kernels", "plan", "segments", "llvm", "asm", "obj", "elf"]
_SUFFIX = {"llvm": ".ll", "asm": ".s", "obj": ".o", "elf": ".elf"}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"vmcu {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("compile", epilog="Example: vmcu compile model.tflite -o build --input fed")
@options.asks("target", "ram", "flash", "io", "state", "input", "streams", "optimize", "recompute", "name")
def compile_command(
    asked: options.Asked,
    model: options.Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            show_default=False,
            help="folder for NAME.o and NAME.h [default: .]; with --emit a file",
        ),
    ] = None,
    emit: Annotated[
        Emit | None,
        typer.Option(
            help="stop at a level of the compiler; text goes to stdout unless -o is given", show_default=False
        ),
    ] = None,
    print_pipeline: Annotated[
        bool,
        typer.Option("--print-pipeline", help="print the shell commands that make the same object level by level"),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="print large constants, too, when --emit goes to a terminal")
    ] = False,
) -> None:
    """Compile a model to an object file and a C header."""
    if emit in ("obj", "elf") and output is None:
        raise typer.BadParameter(f"--emit {emit} is not text: name a file by -o", param_hint="--output")
    from vmcu.driver.compilation import Compilation, Level

    with progress(f"compiling {model}") as step:
        compilation = Compilation(model, asked.options(), progress=step)
        if print_pipeline:
            lines = _emit(compilation.script(), output, f"{compilation.name}.sh")
        elif emit is None or emit in ("obj", "elf"):
            lines = _build(compilation, emit, output or Path())
        else:
            elide = output is None and not full and sys.stdout.isatty()
            name = f"{compilation.name}{_SUFFIX.get(emit, f'.{emit}.mlir')}"
            level = cast(Level, emit)  # the others are done with, but `in` tells a type checker nothing
            lines = _emit(compilation.emit(level, elide=elide), output, name)
    print(lines)


def _build(compilation: Compilation, emit: Emit | None, output: Path) -> str:
    from vmcu.files import write_file
    from vmcu.report.text import summarise

    compiled = compilation.finish()
    paths: tuple[Path, ...]
    if emit is None:
        paths = compiled.save(output)
    elif emit == "obj":
        paths = (write_file(_file(output, f"{compiled.name}.o"), compiled.code),)
    else:
        paths = (compiled.link(_file(output, f"{compiled.name}.elf")),)
    return f"{summarise(compiled, compilation.options)}\nwrote {', '.join(map(str, paths))}"


def _emit(text: str, output: Path | None, name: str) -> str:
    from vmcu.files import write_file

    if output is None:
        return text.rstrip("\n")
    return f"wrote {write_file(_file(output, name), text)}"


def _file(output: Path, name: str) -> Path:
    return output / name if output.is_dir() else output


@app.command(epilog="Example: vmcu run model.tflite --input image.npy --output scores.npy")
@options.asks("target", "ram", "flash", "io", "state", "fed", "streams", "optimize", "recompute")
def run(
    asked: options.Asked,
    model: options.Model,
    inputs: options.Inputs = None,
    outputs: options.Outputs = None,
    sanitize: options.Sanitize = False,
    calls: options.Calls = 1,
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Compile a model and run it on an emulated core.

    Of several calls the figures and the outputs that are printed are those of the last one.
    """
    from vmcu.cli import arrays
    from vmcu.driver.compilation import Compilation

    with progress(f"running {model}") as step:
        compilation = Compilation(model, asked.options(), progress=step)
        sources, results = compilation.interface
        random = [] if inputs else arrays.random_calls(sources, seed, calls)
        given, notes = arrays.read_inputs(inputs, sources, calls) if inputs else (random, [])
        arrays.check_output_paths(outputs or [], results)
        compiled = compilation.finish()
        checked = _count_checked(compilation, given, step) if sanitize else None
        step("running on the emulated core")
        with compiled.firmware() as firmware:
            runs = [firmware.run(*each) for each in given]
    result = runs[-1]
    arrays.write_outputs(outputs or [], [each.outputs for each in runs])
    if as_json:
        from vmcu.report.text import run_as_dict

        found = run_as_dict(compiled, result, seed=None if inputs else seed)
        print(json.dumps(found if checked is None else {**found, "checked_accesses": checked}, indent=2))
        return
    from vmcu.report.text import describe_run

    print(describe_run(compiled, result, notes or ([] if inputs else [f"random input, seed {seed}"])))
    if checked is not None:
        print(f"{checked:,} accesses to the pool checked, none is wrong")
    if outputs:
        print(f"wrote {', '.join(map(str, outputs))}")


def _count_checked(compilation: Compilation, given: Sequence[Sequence[np.ndarray]], step: Callable[[str], None]) -> int:
    """Run all calls with the pool sanitizer; the number of accesses that it found right."""
    sanitized = compilation.sanitized()
    step("checking the pool on the emulated core")
    with sanitized.firmware() as firmware:
        assert firmware.shadow is not None, "sanitized code has one"
        checked = 0
        for arrays in given:
            firmware.run(*arrays, count=False)
            checked += firmware.shadow.accesses
        return checked


@app.command(epilog="Example: vmcu bench a.tflite b.tflite --target cortex-m4 --target cortex-m7 --json")
@options.asks("io", "state", "input", "streams", "optimize", "recompute")
def bench(
    asked: options.Asked,
    models: options.Models,
    targets: options.Targets = ["cortex-m4"],  # noqa: B006  typer copies it
    layers: options.Layers = False,
    oracle: options.Oracle = "auto",
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Measure memory, instructions and modelled cycles.

    Every result is compared bit for bit with what an oracle says: a program on this machine that knows the network. Of a
    model with state so are those of more calls in succession.
    A model that cannot be measured does not keep the others from it.
    """
    from dataclasses import replace

    from vmcu.cli.arrays import random_inputs
    from vmcu.cores import Target
    from vmcu.driver.compilation import Compilation
    from vmcu.driver.options import label_models
    from vmcu.report.figures import measure
    from vmcu.report.layers import tabulate_layers
    from vmcu.report.text import figures_as_dicts, tabulate

    wanted = [asked.options(target=Target.parse(text)) for text in targets]
    labels = label_models(models)
    rows, profiles, failed = [], [], DONE
    with progress("bench") as step:
        for model, options_ in product(models, wanted):

            def show(level: str, name: str = model.name) -> None:
                step(f"{name}, {level}")

            try:
                compiled = Compilation(model, options_, progress=show).finish()
                given = random_inputs(compiled.inputs, seed)
                row = measure(compiled, given, oracle)
                profile = compiled.profile(*given) if layers else None
            except VmcuError as error:
                failed = max(failed, say_error(error))
            except Exception as error:  # of ours; the other models are measured nevertheless
                failed = max(failed, say_bug(error))
            else:
                rows.append(replace(row, model=labels[model]))
                profiles += [replace(profile, model=labels[model])] if profile else []
    if not rows and not as_json:
        raise typer.Exit(failed)
    if as_json:
        print(json.dumps(figures_as_dicts(rows, profiles), indent=2))
        raise typer.Exit(failed)
    from rich.console import Console

    # Cut off at 80 columns, a file or a pipe would lose figures.
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(tabulate(rows), *map(tabulate_layers, profiles), sep="\n\n")
    raise typer.Exit(failed)


@app.command(epilog="Example: vmcu frontier model.tflite --target cortex-m7 --json")
@options.asks("target", "io", "state", "input", "recompute")
def frontier(
    asked: options.Asked,
    model: options.Model,
    oracle: options.Oracle = "auto",
    seed: options.Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Measure plans from the fewest kernels in streams, as far as they fit the target's RAM, to the smallest pool.

    Each plan has a smaller pool than the one before, the last ones for more work if --recompute allows it. `vmcu
    compile --optimize latency --ram BYTES` chooses among them.
    """
    from dataclasses import asdict

    from vmcu.cli.arrays import random_inputs
    from vmcu.cli.progress import describe_step
    from vmcu.driver.compilation import Compilation
    from vmcu.report.frontier import Point, find_points, tabulate_points

    points: list[Point] = []
    with progress(f"frontier of {model}") as step:

        def show(level: str) -> None:
            step(f"plan {len(points) + 1}, {describe_step(level)}")

        compilation = Compilation(model, asked.options(), progress=show)
        given = random_inputs(compilation.interface[0], seed)
        points.extend(find_points(compilation, given, oracle))
    if as_json:
        print(json.dumps([asdict(point) for point in points], indent=2))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160).print(tabulate_points(points))


@app.command(epilog="Example: vmcu reference model.tflite --input image.npy --output expected.npy")
def reference(
    model: options.Model,
    inputs: options.Inputs = None,
    outputs: options.Outputs = None,
    io: options.Io = "auto",
    state: options.State = None,
    calls: options.Calls = 1,
    oracle: options.Oracle = "auto",
) -> None:
    """Run a model on this machine.

    An oracle executes it, a program that shares as little as possible with this compiler: the core's outputs have to
    equal these.
    """
    if not inputs or not outputs:
        raise typer.BadParameter("the command needs --input and --output", param_hint="--input, --output")
    from vmcu.cli import arrays
    from vmcu.driver.compilation import Compilation

    with progress(f"running {model} on this machine") as step:
        compilation = Compilation(model, io=io, state=tuple(state or ()), progress=step)
        sources, results = compilation.interface
        given, notes = arrays.read_inputs(inputs, sources, calls)
        arrays.check_output_paths(outputs, results)
        panel = compilation.oracle(oracle)
        answers = [panel.ask(*each) for each in given]
    arrays.write_outputs(outputs, [each.outputs for each in answers])
    answer = answers[-1]
    print("\n".join((*notes, *answer.notes, f"{answer.oracle} wrote {', '.join(map(str, outputs))}")))


@app.command(
    epilog="Example: vmcu tool llc --version",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def tool(
    context: typer.Context,
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="such as opt, llc or mlir-translate")],
) -> None:
    """Run a program of LLVM or MLIR that comes with this package; all that follows its name is its own."""
    from vmcu.toolchain.tools import llvm_tool

    raise typer.Exit(subprocess.run([str(llvm_tool(program)), *context.args], check=False).returncode)


@app.command(epilog="Example: vmcu ops --json")
def ops(as_json: options.Json = False) -> None:
    """List the operators of .tflite files that compile, with their forms."""
    from vmcu.report.ops import ops_as_dicts, tabulate_ops

    if as_json:
        print(json.dumps(ops_as_dicts(), indent=2))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160).print(tabulate_ops())


@app.command(epilog="Example: vmcu targets --json")
def targets(as_json: options.Json = False) -> None:
    """List the cores, what they have, and what their instructions cost."""
    from vmcu.report.targets import tabulate_targets, targets_as_dicts

    if as_json:
        print(json.dumps(targets_as_dicts(), indent=2))
        return
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 160).print(tabulate_targets())
