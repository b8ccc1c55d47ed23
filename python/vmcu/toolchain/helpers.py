"""Functions that LLVM calls although no module defines them: copies, 64-bit arithmetic, division.

A firmware may have them from its own libraries, in one version or another, or not at all (`-nostdlib`). So an object
brings those that it calls, each as an internal function of its own: nothing clashes when objects of several models come
together, no other code of a firmware is led to them, and what the emulated core measures is what runs on the board.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from vmcu.cores import Target

_SIZES = ("", "4", "8")
#: Name that LLVM calls: name of the function in `helpers.ll`.
_BODIES = {
    **{f"__aeabi_memcpy{size}": "copy" for size in _SIZES},
    **{f"__aeabi_memmove{size}": "move" for size in _SIZES},
    **{f"__aeabi_memset{size}": "set" for size in _SIZES},
    **{f"__aeabi_memclr{size}": "clear" for size in _SIZES},
    "__aeabi_lmul": "multiply",
    "__aeabi_uidiv": "divide",
    "__aeabi_uidivmod": "divide",
    "__aeabi_idiv": "divide_signed",
    "__aeabi_idivmod": "divide_signed",
    "__aeabi_uldivmod": "divide_long",
    "__aeabi_ldivmod": "divide_long_signed",
    "__aeabi_llsl": "shift_left",
    "__aeabi_llsr": "shift_right",
    "__aeabi_lasr": "shift_right",
    "__clzsi2": "leading_zeros",
    "roundf": "round",
}
#: What an object may bring. Arithmetic of floats is not among them: it stays with the compiler's run-time library.
HELPERS = frozenset(_BODIES)


def write_helper(name: str, target: Target) -> str:
    """The LLVM IR text that defines the helper `name`, one of `HELPERS`, for `target`."""
    # The numbered names promise addresses that are multiples of 4 or 8.
    in_words = target.features.unaligned or name.endswith(("4", "8"))
    values = {
        "WORD": "1" if target.features.unaligned else "4",
        "LOOSE": "0" if in_words else "3",
        "SHIFT": "ashr" if name == "__aeabi_lasr" else "lshr",
        f"@{_BODIES[name]}(": f"@{name}(",
        # Equal functions become one, and one that only LLVM itself is going to call would vanish.
        "nounwind {": f'nounwind "vmcu"="{name}" {{',
    }
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], _bodies()[_BODIES[name]])


@cache
def _bodies() -> dict[str, str]:
    """The functions of `helpers.ll` by name."""
    text = files("vmcu.toolchain").joinpath("helpers.ll").read_text()
    return {found[1]: found[0] for found in re.finditer(r"^define .*?@(\w+)\(.*?^}\n", text, re.MULTILINE | re.DOTALL)}
