"""Measured variants of kernels: what was tried on a core, and which one to take.

A cache maps a kernel's shape on a core to the variants that were measured. One that covers common shapes comes with the
package; what people tune themselves lies in their cache folder (`VMCU_CACHE` names another one). The driver hands that
file to the pass that chooses, which reads nothing else: same measurements, same code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import platformdirs

from vmcu.errors import InputError
from vmcu.files import make_folder, write_file

SHIPPED = Path(__file__).parent / "measured.json"
#: Bytes of code that a kernel may have beyond its smallest fast variant.
CODE_BUDGET = 512
#: What counts as a fast variant: at most this many times the cycles of the fastest.
FAST = 1.05
#: What small code may cost: at most this many times the cycles of the fastest variant.
BEARABLE = 1.5


@dataclass(frozen=True)
class Measured:
    """A variant of a kernel, compiled alone and run on the emulated core.

    Args:
        variant: its text (`vmcu.operators.Variant`); empty for plain loops.
        cycles: modelled.
        code: bytes of the object's text.
        scratch: bytes of stack for lanes.
    """

    variant: str
    cycles: int
    code: int
    scratch: int


@dataclass(frozen=True)
class Cache:
    """Measurements by core and shape, as `key` names them."""

    entries: Mapping[str, tuple[Measured, ...]] = field(default_factory=dict)

    @staticmethod
    def load(path: Path) -> Cache:
        """Read what `save` wrote; a file that does not exist is an empty cache.

        Raises:
            InputError: the file is not a cache.
        """
        if not path.exists():
            return Cache()
        if path.is_dir():
            raise InputError(f"{path} is not a cache of measurements: it is a folder")
        try:
            entries = json.loads(path.read_text())
            return Cache({name: tuple(Measured(*each) for each in found) for name, found in entries.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is not a cache of measurements: {error}") from None

    def save(self, path: Path) -> None:
        """Write one line for each shape, sorted: the file can be compared and merged.

        Raises:
            InputError: the file cannot be written.
        """
        lines = (
            f"{json.dumps(name)}: {json.dumps([list(asdict(each).values()) for each in self.entries[name]])}"
            for name in sorted(self.entries)
        )
        make_folder(path.parent)
        write_file(path, "{\n" + ",\n".join(lines) + "\n}\n")

    def updated(self, entries: Mapping[str, Iterable[Measured]]) -> Cache:
        """This cache with other measurements on top."""
        return Cache({**self.entries, **{name: tuple(found) for name, found in entries.items()}})

    def choose(self, name: str, *, scratch: int | None = None, smallest: bool = False) -> str | None:
        """The variant to take; None if nothing that was measured is allowed.

        Args:
            name: the kernel's `key`.
            scratch: most bytes of stack for lanes; None for any number.
            smallest: the least code that takes at most `BEARABLE` times as long. Otherwise the fewest cycles with at most
                `CODE_BUDGET` bytes of code beyond the smallest variant that is nearly as fast (`FAST`).
        """
        found = [each for each in self.entries.get(name, ()) if scratch is None or each.scratch <= scratch]
        if not found:
            return None
        fastest = min(each.cycles for each in found)
        if smallest:
            bearable = [each for each in found if each.cycles <= BEARABLE * fastest]
            return min(bearable, key=lambda each: (each.code, each.cycles)).variant
        budget = min(each.code for each in found if each.cycles <= FAST * fastest) + CODE_BUDGET
        return min((each for each in found if each.code <= budget), key=lambda each: (each.cycles, each.code)).variant


def key(core: str, shape: str) -> str:
    """The name of a kernel's entry: the core's name and the kernel's `shape`."""
    return f"{core}: {shape}"


def user_path() -> Path:
    """Where measurements of this user are kept; the file is there once something was tuned."""
    folder = os.environ.get("VMCU_CACHE")
    return (Path(folder) if folder else platformdirs.user_cache_path("vmcu")) / "measured.json"


def shipped(*, on_top: Path | None = None) -> Cache:
    """What came with the package.

    Args:
        on_top: a file of measurements that lies on top.

    Raises:
        InputError: the file does not exist, or is not a cache.
    """
    if on_top is None:
        return _shipped()
    if not on_top.exists():
        raise InputError(f"{on_top}: there is no such file of measurements")
    return _shipped().updated(Cache.load(on_top).entries)


@cache
def _shipped() -> Cache:
    return Cache.load(SHIPPED)
