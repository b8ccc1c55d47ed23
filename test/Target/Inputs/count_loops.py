"""Count the instructions of the loops in assembly from stdin: `... | count_loops.py [INSTRUCTION]`.

Prints a line for each loop of each function (`loop at depth 2 of f`), outermost first; then, by name, one for each
instruction of its body that is in no loop inside of it (`  smlad 64`); then how many of those touch the stack. Loops
without INSTRUCTION are left out.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator

FUNCTION = re.compile(r"^(\w+):")
LABEL = re.compile(r"^(\.L\w+):")
INSTRUCTION = re.compile(r"^\t([a-z][\w.]*)\s*(.*?)\s*(?:@.*)?$")
NARROW_OR_WIDE = re.compile(r"\.[nw]$")
# Of what sets the flags and what does not, neither is better: `adds` and `subs` are shorter `add` and `sub`.
PLAIN = {"adds": "add", "subs": "sub", "movs": "mov", "asrs": "asr", "lsrs": "lsr", "lsls": "lsl", "ands": "and"}


def read_functions(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", []
    for line in text.splitlines():
        if (match := FUNCTION.match(line)) or line.startswith("\t.size"):
            if name:
                yield name, lines
            name, lines = match[1] if match else "", []
        lines.append(line)


def find_loops(lines: list[str]) -> list[tuple[int, int]]:
    """First and last line of each loop: from a label to the last branch back to it."""
    labels = {match[1]: number for number, line in enumerate(lines) if (match := LABEL.match(line))}
    ends: dict[int, int] = {}
    for number, line in enumerate(lines):
        match = INSTRUCTION.match(line)
        if match and match[1].startswith(("b", "cb")) and match[2]:
            target = labels.get(match[2].split()[-1], number + 1)
            if target <= number:
                ends[target] = number
    return sorted(ends.items(), key=lambda loop: (loop[0], -loop[1]))


def print_loops(name: str, lines: list[str], wanted: str | None) -> None:
    loops = find_loops(lines)
    for start, end in loops:
        depth = sum(a <= start and end <= b for a, b in loops)
        inner = {at for a, b in loops if start < a and b <= end for at in range(a, b + 1)}
        found = [INSTRUCTION.match(lines[at]) for at in range(start, end + 1) if at not in inner]
        body = [match for match in found if match]
        names = Counter(NARROW_OR_WIDE.sub("", match[1]) for match in body)
        counts = Counter(PLAIN.get(op, op) for op in names.elements())
        if wanted is not None and wanted not in counts:
            continue
        print(f"loop at depth {depth} of {name}")
        for op, count in sorted(counts.items()):
            print(f"  {op} {count}")
        touching = sum("sp" in re.split(r"\W+", match[2]) for match in body)
        print(f"  of these on the stack {touching}")


if __name__ == "__main__":
    for function in read_functions(sys.stdin.read()):
        print_loops(*function, sys.argv[1] if len(sys.argv) > 1 else None)
