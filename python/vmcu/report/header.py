"""A C header for a compiled model: fill the input, call one function, read the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vmcu

if TYPE_CHECKING:
    from vmcu.program import Program
    from vmcu.tensor import Tensor

_C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "float32": "float"}


def write_header(compiled: Program) -> str:
    """The text of `NAME.h`, for C99 and C++.

    It declares `NAME_run` and `NAME_pool`, and gives for every input and output a function that returns its address,
    its number of elements, its shape and, where the model tells them, scale and zero point. One input is `NAME_input`;
    several are `NAME_input0`, `NAME_input1` and so on; outputs alike.
    """
    name = compiled.name
    guard = f"{name.upper()}_H"
    sides = [("input", compiled.inputs), ("output", compiled.outputs)]
    ports = [(_numbered(side, index, tensors), each) for side, tensors in sides for index, each in enumerate(tensors)]
    return "\n".join(
        (
            _comment(compiled, ports),
            f"#ifndef {guard}\n#define {guard}\n",
            "#include <stdint.h>\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n',
            f"/* Bytes of RAM for all tensors, inputs and outputs included; the stack comes on top. */\n"
            f"#define {name.upper()}_POOL_BYTES {compiled.pool_bytes}\n"
            f"extern uint8_t {name}_pool[{name.upper()}_POOL_BYTES];\n",
            *(_declare(name, port, tensor) for port, tensor in ports),
            f"/* Run the network once. Not reentrant: there is one pool. */\nvoid {name}_run(void);\n",
            "#ifdef __cplusplus\n}\n#endif\n",
            f"#endif /* {guard} */\n",
        )
    )


def _numbered(side: str, index: int, tensors: tuple[Tensor, ...]) -> str:
    return side if len(tensors) == 1 else f"{side}{index}"


def _comment(compiled: Program, ports: list[tuple[str, Tensor]]) -> str:
    name = compiled.name
    inputs = [(port, each) for port, each in ports if port.startswith("input")]
    outputs = [(port, each) for port, each in ports if port.startswith("output")]
    fill = [
        f" *     {_c_type(each)} *{port} = {name}_{port}();  // {each.count} values: fill them" for port, each in inputs
    ]
    read = [
        f" *     const {_c_type(each)} *{port} = {name}_{port}();  // {each.count} values" for port, each in outputs
    ]
    return "\n".join(
        (
            f"/* {name}: a neural network for {compiled.target.name}, compiled by vmcu {vmcu.__version__}.",
            " *",
            *fill,
            f" *     {name}_run();",
            *read,
            " *",
            f" * Inputs and outputs lie in {name}_pool, and a run reuses the bytes of what it has read:",
            " * every run overwrites the inputs. Fill all of them before each run, and read the outputs before",
            " * you fill the next ones.",
            " */",
        )
    )


def _declare(name: str, port: str, tensor: Tensor) -> str:
    prefix = f"{name.upper()}_{port.upper()}"
    shape = ", ".join(map(str, tensor.shape))
    lines = [
        f"/* {port}: {_plain(tensor.name)}, {tensor}{_quantisation(tensor)} */",
        f"#define {prefix}_COUNT {tensor.count}",
        f"#define {prefix}_SHAPE {{{shape or 1}}}",
    ]
    if tensor.is_quantised:
        lines += [
            f"#define {prefix}_SCALE {_c_float(tensor.scale)}",
            f"#define {prefix}_ZERO_POINT ({tensor.zero_point})",
        ]
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
