"""The part of a firmware that no model changes: start-up code and the run-time library.

Objects bring the helpers they call (`helpers.py`), but for arithmetic of floats that the core does not have. Zig carries
a compiler-rt that has it, as source. Compiling it takes seconds, so results are kept in the user's cache, under a key made
from everything they depend on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import platformdirs

from vmcu.cores import Target
from vmcu.toolchain.tools import run_zig, zig_folder

#: Overrides the cache folder, for machines whose home is read-only.
CACHE_VARIABLE = "VMCU_CACHE_DIR"

_MACHINE = ("-target", "thumb-freestanding-eabi")
_C_FLAGS = (
    *("-std=c11", "-O2", "-g0", "-ffreestanding", "-ffunction-sections", "-fomit-frame-pointer"),
    "-fno-builtin",  # or a loop that copies becomes a call of memcpy
    "-fno-unroll-loops",
)
# Fast rather than small: the linker drops every function that is not called.
_LIBRARY_FLAGS = ("-OReleaseFast", "-ffunction-sections", "-fdata-sections", "-fno-compiler-rt", "-fstrip")


def runtime_library(target: Target) -> Path:
    """An archive with compiler-rt for `target`, from the cache where possible.

    Raises:
        MissingTool, ToolFailed: Zig is not there or failed.
    """
    flags = (*_MACHINE, f"-mcpu={target.zig_cpu}", *_LIBRARY_FLAGS)

    def build(folder: Path) -> Path:
        source = zig_folder() / "lib" / "compiler_rt.zig"
        run_zig(("build-lib", str(source), *flags, "-femit-bin=library.a"), folder)
        return folder / "library.a"

    return _cached(f"runtime-{target.name}.a", flags, build)


def startup_object(target: Target) -> Path:
    """The compiled start-up code for `target`, from the cache where possible.

    Raises:
        MissingTool, ToolFailed: Zig is not there or failed.
    """
    source = files("vmcu.toolchain").joinpath("startup.c").read_text()
    flags = (*_MACHINE, f"-mcpu={target.zig_cpu}", *_C_FLAGS, *(("-DVMCU_FPU",) if target.features.fpu else ()))

    def build(folder: Path) -> Path:
        (folder / "startup.c").write_text(source)
        run_zig(("cc", *flags, "-c", "startup.c", "-o", "startup.o"), folder)
        return folder / "startup.o"

    return _cached(f"startup-{target.name}.o", (source, *flags), build)


def cache_folder() -> Path:
    """The folder that keeps outputs between runs."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("vmcu"))


def _cached(name: str, depends_on: tuple[str, ...], build: Callable[[Path], Path]) -> Path:
    version = importlib.metadata.version("ziglang")
    key = hashlib.sha256("\0".join((version, *depends_on)).encode()).hexdigest()[:16]
    kept = cache_folder() / key / name
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and renamed, so that two processes at once never read half a file.
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        os.replace(build(Path(folder)), kept)
    return kept
