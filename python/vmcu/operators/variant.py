"""The ways to compute a kernel, as names with numbers: `matmul,pixels=1,unroll=32`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """A way to compute a kernel.

    Args:
        name: empty for the plain loops that every kernel has.
        options: (name, number), what is tuned about it; what is not named here has a default.
    """

    name: str = ""
    options: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def parse(text: str) -> Variant:
        """Read what `str` writes.

        Raises:
            ValueError: an option is no number.
        """
        name, *options = text.split(",")
        pairs = (option.partition("=") for option in options)
        return Variant(name, tuple((key, int(value)) for key, _, value in pairs))

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options)])

    def get(self, option: str, default: int | None = None) -> int | None:
        """The number of an option, or `default`."""
        return dict(self.options).get(option, default)


PLAIN = Variant()
