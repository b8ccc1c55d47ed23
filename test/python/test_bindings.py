"""Types and attributes of the dialect, as Python sees them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlir import ir

import vmcu
from vmcu import _vmcu
from vmcu.dialects import vmcu as d
from vmcu.ir.bridge import context

ENUMS = [
    (d.KernelKindAttr, d.KernelKind),
    (d.TraversalAttr, d.Traversal),
    (d.RoundingAttr, d.Rounding),
    (d.SideAttr, d.Side),
    (d.RoleAttr, d.Role),
]


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with context(), ir.Location.unknown():
        yield


def test_types_are_built_and_read() -> None:
    pool, whole, ring = d.PoolType.get(4096), d.SequenceType.get(6, 8), d.SequenceType.get(6, 8, ring=2)
    assert [str(each) for each in (pool, whole, ring)] == [
        "!vmcu.pool<4096>",
        "!vmcu.sequence<6x8xi8>",
        "!vmcu.sequence<6x8xi8, ring = 2>",
    ]
    assert pool.bytes == 4096
    assert (whole.length, whole.bytes, whole.ring, whole.is_resident, whole.pool_bytes) == (6, 8, 6, True, 48)
    assert (ring.length, ring.bytes, ring.ring, ring.is_resident, ring.pool_bytes) == (6, 8, 2, False, 16)
    byte = ir.IntegerType.get_signless(8)
    assert whole.element_type == byte and whole == d.SequenceType.get(6, 8, byte)
    words = d.SequenceType.get(6, 8, ir.IntegerType.get_signless(32), ring=2)
    assert (str(words), words.element_type) == ("!vmcu.sequence<6x8xi32, ring = 2>", ir.IntegerType.get_signless(32))
    assert (words.elements, words.bytes, words.pool_bytes) == (8, 32, 64)


def test_a_parsed_op_has_them() -> None:
    text = (
        "%p = vmcu.pool : !vmcu.pool<64>\n%x = vmcu.place %p[8] as output 0 : !vmcu.pool<64> -> !vmcu.sequence<2x3xi8>"
    )
    module = ir.Module.parse(text)
    pool, place = module.body.operations
    assert type(pool.pool.type) is d.PoolType and pool.pool.type.bytes == 64
    assert type(place.sequence.type) is d.SequenceType and place.sequence.type == d.SequenceType.get(2, 3)
    assert type(place.role) is d.RoleAttr and place.role.value is d.Role.output
    assert d.is_port(place, d.Role.output) and not d.is_port(place, d.Role.input) and not d.is_port(pool, d.Role.output)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: d.PoolType.get(0), "a pool has at least one byte and less than 4 GiB, found 0"),
        (lambda: d.SequenceType.get(0, 3), "length and elements of a sequence are positive, found 0x3"),
        (lambda: d.SequenceType.get(4, 3, ring=5), "a ring holds 1 to 4 segments, found 5"),
        (lambda: d.PhaseAttr.get(0, 1, 4), "scale and rows of a phase are positive, found 0 and 4"),
        (
            lambda: d.VariantAttr.get("a=b"),
            "the name of a variant is not empty and has no ',', '=' or ';', found \"a=b\"",
        ),
        (lambda: d.VariantAttr.get("row", {"k": 0}), "options of a variant are positive i64, found k = 0 : i64"),
        (
            lambda: d.SequenceType.get(4, 3, ir.IndexType.get()),
            "elements of a sequence are signless integers of 1, 8, 16, 32 or 64 bits or floats of 16, 32 or 64 bits, "
            "found 'index'",
        ),
        (lambda: d.SequenceType.get(4, 3, ring=0), "a ring holds 1 to 4 segments, found 0"),
    ],
)
def test_wrong_types_say_why(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        build()


def test_phases_and_variants_are_built_and_read() -> None:
    phase = d.PhaseAttr.get(2, -1, 8)
    assert str(phase) == "#vmcu.phase<scale = 2, shift = -1, rows = 8>"
    assert (phase.scale, phase.shift, phase.rows) == (2, -1, 8)
    plain, tuned = d.VariantAttr.get("row"), d.VariantAttr.get("matmul", {"unroll": 32, "pixels": 1})
    assert [str(each) for each in (plain, tuned)] == [
        '#vmcu.variant<"row">',
        '#vmcu.variant<"matmul", pixels = 1, unroll = 32>',
    ]
    assert (plain.name, plain.options, tuned.name, tuned.options) == ("row", {}, "matmul", {"pixels": 1, "unroll": 32})
    parsed = ir.Attribute.parse('#vmcu.variant<"matmul", unroll = 32, pixels = 1>')
    assert type(parsed) is d.VariantAttr and parsed == tuned


@pytest.mark.parametrize(("attribute", "enum"), ENUMS)
def test_attributes_hold_the_cases_of_their_enum(attribute: type, enum: type) -> None:
    for case in enum:
        held = attribute.get(case)
        assert type(held) is attribute and held.value is case
        assert type(ir.Attribute.parse(str(held))) is attribute
    with pytest.raises(ValueError, match="99 is not a valid"):
        attribute.get(99)


def test_the_stub_of_the_extension_names_what_it_has() -> None:
    stub = ast.parse((Path(vmcu.__file__).parent / "_vmcu.pyi").read_text())
    named = {each.name for each in stub.body if isinstance(each, (ast.FunctionDef, ast.ClassDef))}
    assert named == {name for name in dir(_vmcu) if not name.startswith("__")}
