"""A C header for a compiled model: fill the input or feed its rows, call one function, read the output."""

from __future__ import annotations

import re
import textwrap

from vmcu.abi.interface import Interface
from vmcu.abi.tensor import Tensor
from vmcu.version import __version__

_SOURCE = re.compile(r"\A/\* .* compiled by vmcu .*\n \* Made from (.*)\.$", re.MULTILINE)
_C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
}


def write_header(compiled: Interface, needs: tuple[str, ...] = (), source: str | None = None) -> str:
    """The text of `NAME.h`, for C99 and C++.

    It declares `NAME_run` and `NAME_pool`, and gives for every input and output a function that returns its address,
    its number of elements, its shape and, where the model tells them, scale and zero point. One input is `NAME_input`;
    several are `NAME_input0`, `NAME_input1` and so on; outputs alike.

    If rows are fed there is no `NAME_input`, as the input has no place, but `NAME_feed_row`, which takes a row, the
    number of rows and the bytes of one; `NAME_run` then takes a whole image and feeds its rows.

    If the model keeps something from run to run there is `NAME_reset`, which sets the initial values, and its bytes.

    Args:
        compiled: the program.
        needs: the functions that the object calls and does not bring.
        source: where the model is, from the folder of the header; `read_source` reads it back.
    """
    name = compiled.name
    guard = f"{name.upper()}_H"
    sides = [("input", compiled.inputs), ("output", compiled.outputs)]
    included = "outputs" if compiled.input == "fed" else "inputs and outputs"
    ports = [(_numbered(side, index, tensors), each) for side, tensors in sides for index, each in enumerate(tensors)]
    return "\n".join(
        (
            _comment(compiled, ports, needs, source),
            f"#ifndef {guard}\n#define {guard}\n",
            "#include <stdint.h>\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n',
            f"/* Bytes of RAM for all tensors, {included} included; the stack comes on top. */\n"
            f"#define {name.upper()}_POOL_BYTES {compiled.pool_bytes}\n"
            f"extern uint8_t {name}_pool[{name.upper()}_POOL_BYTES];\n",
            *(_declare(name, port, tensor) for port, tensor in ports),
            _declare_entry(compiled),
            *([_declare_reset(compiled)] if compiled.states else []),
            "#ifdef __cplusplus\n}\n#endif\n",
            f"#endif /* {guard} */\n",
        )
    )


def _numbered(side: str, index: int, tensors: tuple[Tensor, ...]) -> str:
    return side if len(tensors) == 1 else f"{side}{index}"


def _declare_entry(compiled: Interface) -> str:
    name, upper = compiled.name, compiled.name.upper()
    if compiled.input == "resident":
        return f"/* Run the network once. Not reentrant: there is one pool. */\nvoid {name}_run(void);\n"
    kind = _c_type(compiled.inputs[0])
    return f"""/* How many rows of the image have come. Begin with zero; it is zero again after the last row. */
typedef struct {{ int32_t row; }} {name}_state;

#define {upper}_INPUT_ROWS {compiled.rows}
#define {upper}_INPUT_ROW_BYTES {compiled.row_bytes}

/* Take the next row of the image, from top to bottom, and do what it allows; the row is free again on return.
 * Returns 1 with the last row, when the outputs are in the pool, and 0 before. Not reentrant: there is one pool. */
int {name}_feed_row({name}_state *state, const {kind} *row);

/* Run the network once, on an image that is whole somewhere: in flash, or in a camera's memory. */
static inline void {name}_run(const {kind} *image) {{
  {name}_state state = {{0}};
  for (int row = 0; row < {upper}_INPUT_ROWS; row++)
    {name}_feed_row(&state, image + row * {upper}_INPUT_ROW_BYTES);
}}
"""


def read_source(header: str) -> str | None:
    """Where the model of a header is, from the folder of the header; None if the header does not tell."""
    found = _SOURCE.search(header)
    return found and found[1]


def _declare_reset(compiled: Interface) -> str:
    name, upper = compiled.name, compiled.name.upper()
    kept = "\n".join(f" *     {_plain(each.name)}, {each}, at byte {each.offset}" for each in compiled.states)
    return f"""/* Bytes of {name}_pool that are kept from run to run, and that nothing else may write:
{kept} */
#define {upper}_STATE_BYTES {compiled.state_bytes}

/* Give the state its initial value: call it before the first run, and whenever a new sequence begins. */
void {name}_reset(void);
"""


def _comment(compiled: Interface, ports: list[tuple[str, Tensor]], needs: tuple[str, ...], source: str | None) -> str:
    name = compiled.name
    inputs = [(port, each) for port, each in ports if port.startswith("input")]
    outputs = [(port, each) for port, each in ports if port.startswith("output")]
    read = [
        f" *     const {_c_type(each)} *{port} = {name}_{port}();  // {each.count} values" for port, each in outputs
    ]
    if compiled.input == "fed":
        size = f"{compiled.rows} rows of {compiled.row_bytes} bytes"
        run = [
            f" *     {name}_state state = {{0}};",
            f" *     while (!{name}_feed_row(&state, next_row()));  // {size}",
        ]
        rules = [
            " * The image is never whole in RAM: each row is taken when it comes. Outputs lie in",
            f" * {name}_pool: read them before you feed the first row of the next image.",
        ]
    else:
        fill = "// {} values: fill them"
        run = [f" *     {_c_type(each)} *{port} = {name}_{port}();  {fill.format(each.count)}" for port, each in inputs]
        run += [f" *     {name}_run();"]
        rules = [
            f" * Inputs and outputs lie in {name}_pool, and a run reuses the bytes of what it has read:",
            " * every run overwrites the inputs. Fill all of them before each run, and read the outputs before",
            " * you fill the next ones.",
        ]
    if compiled.states:
        rules += [
            " *",
            f" * The model keeps {compiled.state_bytes} bytes of state in {name}_pool from run to run.",
            f" * Call {name}_reset() once before the first run.",
        ]
    return "\n".join(
        (
            f"/* {name}: a neural network for {compiled.target.name}, compiled by vmcu {__version__}.",
            *([] if source is None else [f" * Made from {_plain(source)}."]),
            " *",
            *run,
            *read,
            " *",
            *rules,
            " *",
            *_needs(needs),
            *(_FPU if compiled.target.features.fpu else ()),
            " */",
        )
    )


def _needs(names: tuple[str, ...]) -> list[str]:
    if not names:
        return [" * The object needs no library, and links with code of every float ABI."]
    text = f"The object needs these functions of the compiler's run-time library: {', '.join(names)}."
    return textwrap.wrap(text, 110, initial_indent=" * ", subsequent_indent=" * ")


_FPU = (
    " *",
    " * The code keeps constants in registers of the FPU: switch it on first, as CMSIS's SystemInit does",
    " * (SCB->CPACR |= 0xF << 20).",
)


def _declare(name: str, port: str, tensor: Tensor) -> str:
    prefix = f"{name.upper()}_{port.upper()}"
    shape = ", ".join(map(str, tensor.shape))
    lines = [
        f"/* {port}: {_plain(tensor.name)}, {tensor}{_quantisation(tensor)} */",
        f"#define {prefix}_COUNT {tensor.count}",
        f"#define {prefix}_SHAPE {{{shape or 1}}}",
    ]
    if tensor.is_quantised and tensor.scale is not None:
        lines += [
            f"#define {prefix}_SCALE {_c_float(tensor.scale)}",
            f"#define {prefix}_ZERO_POINT ({tensor.zero_point})",
        ]
    if tensor.offset is None:
        return "\n".join((*lines, ""))
    kind = _c_type(tensor)
    # By way of void: the pool is aligned to 16 bytes and every offset to 4, which a compiler cannot know.
    address = f"({kind} *)(void *)({name}_pool + {tensor.offset})"
    lines.append(f"static inline {kind} *{name}_{port}(void) {{ return {address}; }}\n")
    return "\n".join(lines)


def _quantisation(tensor: Tensor) -> str:
    if not tensor.is_quantised:
        return ""
    return f"; real = {tensor.scale:.9g} * (value - ({tensor.zero_point}))"


def _c_type(tensor: Tensor) -> str:
    return _C_TYPES[str(tensor.dtype)]


def _c_float(value: float) -> str:
    text = f"{value:.9g}"  # nine digits tell any two float32 apart
    return f"{text}f" if any(mark in text for mark in ".e") else f"{text}.0f"


def _plain(text: str) -> str:
    """A model's own name, made harmless inside a comment."""
    return "".join(each if each.isprintable() else "?" for each in text).replace("*/", "*-").replace("/*", "-*")
