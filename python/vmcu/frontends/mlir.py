"""MLIR file (text or bytecode) that holds TOSA or linalg on tensors."""

from __future__ import annotations

from pathlib import Path

from mlir import ir

from vmcu.errors import InputError


def load_mlir(path: Path) -> ir.Module:
    """Read a module; a single function of another name is renamed `@main`.

    Raises:
        InputError: the file does not parse or verify (with MLIR's own diagnostics), or has several functions and no
            `@main`.
    """
    # Parsing the file rather than its bytes keeps its name in the diagnostics.
    try:
        module = ir.Module.parseFile(str(path))
    except ir.MLIRError as error:
        raise InputError(f"{path}: {first_diagnostic(error)}") from None
    _rename_single_function(path, module)
    return module


def first_diagnostic(error: ir.MLIRError) -> str:
    """What MLIR says first of what it cannot parse, and where."""
    for diagnostic in error.error_diagnostics:
        return f"{diagnostic.message} ({diagnostic.location})"
    return str(error).splitlines()[0]


def _rename_single_function(path: Path, module: ir.Module) -> None:
    functions = [op for op in module.body.operations if op.operation.name == "func.func"]
    public = [op for op in functions if "sym_visibility" not in op.attributes]
    if len(public) == 1:
        public[0].attributes["sym_name"] = ir.StringAttr.get("main", module.context)
        return
    names = ", ".join(f"@{op.name.value}" for op in public) or "none"
    raise InputError(f"{path}: a model is one public function, found {names}")
