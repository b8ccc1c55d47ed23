"""How much stack code takes, as LLVM says it of each function of an object.

`llc --stack-size-section` writes a section beside each function: its address, then the bytes of its frame as ULEB128. What
calls what is told by the relocations of the code.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

#: The section that `llc --stack-size-section` writes.
STACK_SIZES = ".stack_sizes"
_ADDRESS_BYTES = 4


@dataclass(frozen=True)
class Stack:
    """The functions of an object.

    Args:
        frames: bytes of stack of each function: saved registers, spills and arrays.
        calls: the functions that it names, which are those that it calls.
    """

    frames: Mapping[str, int]
    calls: Mapping[str, frozenset[str]]

    def most(self, entry: str) -> tuple[int, str]:
        """Bytes of stack that a call of `entry` takes at most, and the function that is deepest then.

        Functions of other objects count as none. No function of a program calls itself.
        """
        below = max((self.most(each) for each in self.calls.get(entry, ()) if each != entry), default=(0, entry))
        frame = self.frames.get(entry, 0)
        return frame + below[0], below[1] if below[0] else entry


def read_stack(code: bytes) -> Stack:
    """What a relocatable object with sections `STACK_SIZES` says of its functions."""
    elf = ELFFile(io.BytesIO(code))
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection), "LLVM writes a symbol table into every object"
    functions = {each["st_shndx"]: each.name for each in table.iter_symbols() if each["st_info"]["type"] == "STT_FUNC"}
    frames = {
        functions[each["sh_link"]]: _uleb128(each.data()[_ADDRESS_BYTES:])
        for each in elf.iter_sections()
        if each.name == STACK_SIZES
    }
    calls = {}
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection) and section["sh_info"] in functions:
            symbols = (table.get_symbol(each["r_info_sym"]) for each in section.iter_relocations())
            called = frozenset(each.name for each in symbols if each["st_info"]["type"] == "STT_FUNC")
            calls[functions[section["sh_info"]]] = called
    return Stack(frames, calls)


def _uleb128(data: bytes) -> int:
    """The number at the start of `data`: seven bits in each byte, the lowest first."""
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
        shift += 7
    return number
