"""Every example in the descriptions of ops, types and attributes parses, verifies and has the op it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mlir import ir

from vmcu.ir import bridge

DIALECT = Path(__file__).resolve().parents[2] / "dialect"
HEAD = re.compile(
    r'^def Vmcu_\w+ : Vmcu_(?:(?:Op|KernelBase)<"(?P<op>\w+)"|Type<"\w+", "(?P<type>\w+)"|Attr<"\w+", "(?P<attr>\w+)")',
    re.MULTILINE,
)
EXAMPLES = re.compile(r"Examples?:\s+(```mlir\n.*?```|`[^`]+`(?:,\s+`[^`]+`)*)", re.DOTALL)

# The values that an op's example uses without making them.
OPERANDS = {
    "kernel": "%0: tensor<4x8xi8>",
    "placed_kernel": "%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>",
    "tiled_kernel": "%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8>",
    "stream": "%x: !vmcu.sequence<4x8xi8>, %y: !vmcu.sequence<4x8xi8, ring = 2>",
    "landing": "%l: !vmcu.sequence<125x64xi8, ring = 5>, %x: !vmcu.sequence<125x64xi8, ring = 10>, %i: index",
    "settle": "%l: !vmcu.sequence<125x64xi8, ring = 5>, %x: !vmcu.sequence<125x64xi8, ring = 10>, %i: index",
    "feed": "%row: memref<288xi8>, %x: !vmcu.sequence<9216x3xi8, ring = 288>, %i: index",
    "yield": "%q: tensor<1x48x48x8xi8>",
    "pool": "",
    "place": "%pool: !vmcu.pool<4096>",
    "view": "%x: !vmcu.sequence<64x16xi8, ring = 16>",
    "segment_load": "%x: !vmcu.sequence<2304x8xi8>, %i: index, %k: index",
    "segment_store": "%y: !vmcu.sequence<2304x16xi8>, %q: vector<2x4xi8>, %i: index, %c: index",
    "segment_free": "%x: !vmcu.sequence<2304x8xi8>, %n: index",
    "buffer": "%ws: !vmcu.sequence<1x64xi8>",
    "flash_load": "%weights: tensor<16x72xi8>, %oc: index, %k: index",
    "look_up": "%x: vector<4x4xi8>, %table: tensor<256xi8>",
    "maximum": "%taps: vector<4x8xi8>, %acc: vector<2xi32>",
    "broadcast": "%bias: vector<2xi32>",
    "dot": "%a: vector<2x8xi8>, %w: vector<4x8xi8>, %acc: vector<2x4xi32>",
    "channel_dot": "%a: vector<3x4xi8>, %w: vector<2x2x2x2xi8>, %acc: vector<4xi32>",
    "requantize": "%acc: vector<2x4xi32>, %m: vector<4xi32>, %s: vector<4xi8>",
    "widen": "%x: !vmcu.sequence<64x32xi8>, %lanes: memref<128xi16>, %i: index, %w: index, %b: index",
    "matmul": "%lanes: memref<16xi16>, %w: tensor<4x8xi8>, %b: tensor<4xi32>, %m: tensor<4xi32>, %s: tensor<4xi8>, "
    "%y: !vmcu.sequence<64x4xi8>, %i: index, %j: index",
    "depthwise": "%x: !vmcu.sequence<36x8xi8>, %w: tensor<3x3x8xi8>, %bias: tensor<8xi32>, %m: tensor<8xi32>, "
    "%s: tensor<8xi8>, %y: !vmcu.sequence<36x8xi8>, %a: index, %b: index, %c: index, %i: index",
}


def read_descriptions() -> dict[str, str]:
    """The text of each definition, by `vmcu.op`, `!vmcu.type` or `#vmcu.attr`."""
    found = {}
    for path in (DIALECT / "VmcuTypes.td", DIALECT / "VmcuOps.td"):
        text = path.read_text()
        heads = list(HEAD.finditer(text))
        for head, end in zip(heads, [each.start() for each in heads[1:]] + [len(text)]):
            names = ((head[kind], sign) for kind, sign in (("op", ""), ("type", "!"), ("attr", "#")))
            found[next(f"{sign}vmcu.{name}" for name, sign in names if name)] = text[head.start() : end]
    return found


DESCRIPTIONS = read_descriptions()


def examples(name: str) -> list[str]:
    text = "\n".join(each[1] for each in EXAMPLES.finditer(DESCRIPTIONS[name]))
    return [block or inline for block, inline in re.findall(r"```mlir\n(.*?)```|`([^`]+)`", text, re.DOTALL)]


def in_function(op: str, example: str) -> str:
    if op != "yield":
        return f"func.func @example({OPERANDS[op]}) {{\n{example}\nreturn\n}}"
    kind = OPERANDS[op].split(": ")[1]
    kernel = f"%0 = vmcu.kernel @k elementwise ins(%x : {kind}) -> {kind}"
    return f"func.func @example(%x: {kind}) {{\n{kernel} {{\n^bb0({OPERANDS[op]}):\n{example}\n}}\nreturn\n}}"


def test_all_definitions_were_found() -> None:
    """The reader above sees what mlir-tblgen sees."""
    from vmcu.dialects import vmcu as d

    generated = {op.OPERATION_NAME for op in vars(d).values() if isinstance(op, type) and hasattr(op, "OPERATION_NAME")}
    assert {name for name in DESCRIPTIONS if name.startswith("vmcu.")} == generated


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_example(name: str) -> None:
    found = examples(name)
    assert found, f"{name} has no example"
    with bridge.context():
        for example in found:
            if name[0] in "!#":
                assert example.startswith(f"{name}<")
                assert str((ir.Type if name[0] == "!" else ir.Attribute).parse(example)) == example
                continue
            module = ir.Module.parse(in_function(name.removeprefix("vmcu."), example))
            assert f'"{name}"(' in module.operation.get_asm(print_generic_op_form=True)
