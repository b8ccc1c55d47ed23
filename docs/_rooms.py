"""The rooms of the compiler and the arrows between them, read from the imports themselves.

A room is a folder (or a module that stands alone). `ROOMS` lists them from low to high: a room imports itself and lower
ones, nothing else. Imports inside functions and for type checkers count like any other.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: From low to high; rooms of one line are strangers to one another.
ROOMS: tuple[tuple[str, ...], ...] = (
    ("errors", "version"),
    ("units", "files"),
    ("dialects", "cores", "planner"),
    ("ir", "abi"),
    ("operators",),
    ("lang",),
    ("isa",),
    ("frontends",),
    ("passes",),
    ("toolchain",),
    ("run",),
    ("driver",),
    ("tuner",),
    ("report",),
    ("cli",),
    ("vmcu",),
)
_HEIGHT = {room: height for height, rooms in enumerate(ROOMS) for room in rooms}
_NATIVE = "_vmcu"  # the C++ extension


def modules() -> dict[str, Path]:
    """Every module by its name."""
    found = {}
    for base, package in ((ROOT / "python" / "vmcu", "vmcu"), (ROOT / "passes", "vmcu.passes")):
        for path in base.rglob("*.py"):
            if not path.name.startswith("_vmcu_"):
                parts = path.relative_to(base).with_suffix("").parts
                found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def room_of(module: str) -> str:
    """The room that a module is in; the package itself and its mains are the highest one."""
    parts = module.split(".")
    return "cli" if parts[1:2] == ["tools"] else parts[1] if len(parts) > 1 else "vmcu"


def imports(module: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, path, node)
            inner = [f"{base}.{each.name}" for each in node.names if each.name != _NATIVE]
            names = [each if each in known else base for each in inner]
        else:
            continue
        yield from (name for name in names if name in known)


def _base(module: str, path: Path, node: ast.ImportFrom) -> str:
    """The absolute name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def graph() -> dict[str, set[str]]:
    """What each module imports."""
    known = modules()
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def arrows(found: dict[str, set[str]]) -> dict[tuple[str, str], int]:
    """How many imports there are from one room to another."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for module, imported in found.items():
        for each in imported:
            pair = room_of(module), room_of(each)
            if pair[0] != pair[1]:
                counts[pair] += 1
    return dict(counts)


def upward(found: dict[str, set[str]]) -> list[str]:
    """Imports that run back up, as text."""
    return sorted(
        f"{module} imports {each}"
        for module, imported in found.items()
        for each in imported
        if room_of(module) != room_of(each) and _HEIGHT[room_of(module)] <= _HEIGHT[room_of(each)]
    )


def circle(found: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle, or nothing. A package's `__init__` may gather its modules."""
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for each in sorted(found[module]):
            if around := visit(each):
                return around
        done.add(path.pop())
        return []

    for module in found:
        if around := visit(module):
            return around
    return []


def lines(room: str) -> int:
    """Lines of Python in a room."""
    return sum(len(path.read_text().splitlines()) for name, path in modules().items() if room_of(name) == room)
