"""The C names of a program, made from its prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Names of kernels that would be those of something else; with `kernel_` in front no two of them are one.
_TAKEN = re.compile(r"run|feed_row|state|pool|(flash|halo|report|input|output|kernel)(_\w+|\d*)")


@dataclass(frozen=True)
class Names:
    """The symbols of a program whose name is `prefix`."""

    prefix: str

    @property
    def run(self) -> str:
        """`void NAME_run(void)`: one run, of a program whose input is resident."""
        return f"{self.prefix}_run"

    @property
    def feed_row(self) -> str:
        """`int NAME_feed_row(NAME_state *, const int8_t *row)`, or `uint8_t`: what one row allows, if rows are fed."""
        return f"{self.prefix}_feed_row"

    @property
    def reset(self) -> str:
        """`void NAME_reset(void)`: give all that is kept from run to run its initial value."""
        return f"{self.prefix}_reset"

    @property
    def state(self) -> str:
        """The type of what `feed_row` remembers from call to call."""
        return f"{self.prefix}_state"

    @property
    def pool(self) -> str:
        """The array that all tensors lie in."""
        return f"{self.prefix}_pool"

    def kernel(self, name: str) -> str:
        """The internal function of a kernel. A kernel whose name others of the program have gets a longer one."""
        return f"{self.prefix}_kernel_{name}" if _TAKEN.fullmatch(name) else f"{self.prefix}_{name}"

    def flash(self, number: int) -> str:
        """An internal constant."""
        return f"{self.prefix}_flash_{number}"

    def halo(self, pad: int) -> str:
        """An internal constant: bytes that all hold `pad`."""
        return f"{self.prefix}_halo_{pad & 0xFF:02x}"

    def report(self, what: str) -> str:
        """The function that an instrumented program calls to report an access."""
        return f"{self.prefix}_report_{what}"

    def port(self, name: str) -> str:
        """`NAME_input`, `NAME_output1`: the header's function that returns where a tensor lies."""
        return f"{self.prefix}_{name}"
