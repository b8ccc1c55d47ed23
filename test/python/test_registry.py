"""Options of passes: what the command line's text becomes, and what is refused. Names of passes are unique."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from mlir import ir

from vmcu.errors import InputError
from vmcu.ir import bridge
from vmcu.passes._registry import PASSES, PassInfo, describe_options, option, parse_options, vmcu_pass


@dataclass(frozen=True)
class Options:
    target: str = field(metadata={"help": "which core", "unit": ""})
    ram: int | None = option(None, "limit", unit="bytes")
    align: int = option(4, "multiple", unit="bytes")
    tries: int = 3
    share: float = option(0.5, "part")
    loud: bool = option(False, "say more")
    quiet: bool = option(True, "say less")
    mode: Literal["fast", "small"] = option("fast", "aim")
    unroll: Literal[1, 2, 4] | None = None


def do_nothing(module: ir.Module, options: object) -> None:
    pass


INFO = PassInfo("test-options", "nothing", Options, do_nothing)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target=m4", Options("m4")),
        ("target='cortex m4' ram=64KiB", Options("cortex m4", ram=65536)),
        ("target=m4,ram=64K", Options("m4,ram=64K")),
        ("target=m4 align=1K tries=-7", Options("m4", align=1024, tries=-7)),
        ("target=m4 share=1e-3 mode=small", Options("m4", share=0.001, mode="small")),
        ("target=m4 loud quiet=false", Options("m4", loud=True, quiet=False)),
        ("  target==  loud=true ", Options("=", loud=True)),
    ],
)
def test_options_are_typed(text: str, expected: Options) -> None:
    assert parse_options(INFO, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "option 'target' is needed: which core"),
        ("target=m4 rom=1", "no option 'rom'; options are: target, ram, align, tries, share, loud, quiet, mode"),
        ("target=m4 target=m7", "option 'target' is given twice"),
        ("target", "target needs a value: str"),
        ("target=", "target needs a value: str"),
        ("target=m4 ram=-1", "ram: expected bytes such as 65536, 64KiB or 1MiB, found '-1'"),
        ("target=m4 ram=64KB", "ram: expected bytes"),
        ("target=m4 tries=2.5", "tries is of type int, found '2.5'"),
        ("target=m4 share=half", "share is of type float, found 'half'"),
        ("target=m4 loud=yes", "loud is true or false, found 'yes'"),
        ("target=m4 mode=large", "mode is one of fast, small, found 'large'"),
        ("target='m4", "cannot read options 'target='m4': no closing quotation"),
    ],
)
def test_wrong_options_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_options(INFO, text)
    assert message in str(refused.value)


def test_pass_without_options_takes_none() -> None:
    info = PassInfo("test-nothing", "nothing", None, do_nothing)
    assert parse_options(info, "") is None
    with pytest.raises(InputError, match="no option 'x'; options are: none"):
        parse_options(info, "x=1")


def test_options_describe_themselves() -> None:
    shown = {each.name: each.values for each in describe_options(INFO)}
    assert shown["ram"] == "bytes"
    assert shown["share"] == "float"
    assert shown["mode"] == "fast|small"
    assert shown["loud"] == "true|false"
    assert [each.name for each in describe_options(INFO) if each.needed] == ["target"]


def test_literal_of_numbers_that_may_be_none() -> None:
    assert parse_options(INFO, "target=m4 unroll=2").unroll == 2
    with pytest.raises(InputError, match="unroll is one of 1, 2, 4, found '3'"):
        parse_options(INFO, "target=m4 unroll=3")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vmcu-plan", "a pass named vmcu-plan is registered already"),
        ("cse", "MLIR has a pass or pipeline named cse already"),
        ("sparsifier", "MLIR has a pass or pipeline named sparsifier already"),
    ],
)
def test_names_are_unique(name: str, message: str) -> None:
    import vmcu.passes  # noqa: F401  registers them

    before = dict(PASSES)
    with pytest.raises(ValueError, match=message):
        vmcu_pass(name, summary="a second one")(do_nothing)
    assert before == PASSES


def test_wrong_option_in_a_pipeline_raises() -> None:
    with bridge.context(), pytest.raises(Exception, match="no option 'rom'; options are: ram, align"):
        bridge.run(ir.Module.create(ir.Location.unknown()), ["vmcu-plan{rom=1}"])


# Other tests register passes of their own in this process.
SHIPPED = [info for info in PASSES.values() if not info.name.startswith("test-")]


@pytest.mark.parametrize("info", SHIPPED, ids=lambda info: info.name)
def test_every_pass_is_documented(info: PassInfo) -> None:
    assert info.summary and not info.summary.endswith(".")
    assert len(info.documentation.splitlines()) > 1
    assert all(each.help for each in describe_options(info))
