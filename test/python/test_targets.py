"""Targets are data, and their text form loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmcu.cores import CORES, Target, format_bytes, parse_bytes
from vmcu.errors import InputError

kibibytes = st.integers(1, 511 * 1024).map(lambda count: count * 1024)


@given(st.integers(0, 1 << 40))
def test_bytes_round_trip(count: int) -> None:
    assert parse_bytes(format_bytes(count)) == count


@given(st.sampled_from(sorted(CORES)), kibibytes, kibibytes)
def test_target_round_trip(name: str, flash: int, ram: int) -> None:
    target = replace(CORES[name], flash=flash, ram=ram)
    assert Target.parse(str(target)) == target


def test_options_replace_defaults() -> None:
    target = Target.parse("cortex-m4, ram=64KiB,flash=512KiB")
    assert (target.cpu, target.ram, target.flash) == ("cortex-m4", 65536, 524288)
    assert target.cycles == CORES["cortex-m4"].cycles


@pytest.mark.parametrize("name", sorted(CORES))
def test_core_has_every_name(name: str) -> None:
    target = Target.parse(name)
    assert target.name == name
    assert target.triple.startswith("thumbv") and target.triple.endswith("-none-eabi")
    assert "p:32:32" in target.data_layout


def test_features_have_names() -> None:
    assert CORES["cortex-m4"].features.names == ("dsp", "fpu", "saturate", "long-multiply", "unaligned")
    assert CORES["cortex-m3"].features.names == ("saturate", "long-multiply", "unaligned")
    assert CORES["cortex-m0plus"].features.names == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cortex-m0", "unknown target 'cortex-m0', known are cortex-m4, cortex-m7, cortex-m33, "),
        ("cortex-m4,speed=3", "unknown target option 'speed'"),
        ("cortex-m4,ram=64KiB,ram=32KiB", "given twice"),
        ("cortex-m4,ram=lots", "lots"),
        ("cortex-m4,ram=1000", "supported are whole KiB up to 511MiB"),
        ("cortex-m4,flash=0", "supported are whole KiB up to 511MiB"),
        ("cortex-m4,ram=1024MiB", "up to 511MiB"),
    ],
)
def test_parse_invalid(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Target.parse(text)
