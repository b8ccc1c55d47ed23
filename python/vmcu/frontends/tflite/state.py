"""Make variables inputs and outputs: what a model keeps from run to run comes in and goes out like all other tensors.

Before: VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE around operators, CALL_ONCE of a subgraph that assigns constants
After:  a plain network. The value that is read is one more input, the value that is assigned last is one more output, and
        a `State` says that both are one variable and what its value is before the first run

Operators that keep something themselves, in tensors that are variables (`KEPT`), have that as an input already; what it is
after a run becomes one more output of the operator.

A variable that is never assigned is a constant, one that is assigned before it is read keeps nothing from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vmcu.errors import Unsupported
from vmcu.frontends.tflite import schema
from vmcu.frontends.tflite.ends import zero_of
from vmcu.frontends.tflite.model import Model, Operator, State, Tensor, read_model
from vmcu.frontends.tflite.recurrent import KEPT
from vmcu.frontends.tflite.rewrite import rewire, rewrite
from vmcu.frontends.tflite.schema import operator_code as code

_VAR_HANDLE, _READ, _ASSIGN, _CALL_ONCE = map(code, ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"))
_OPERATORS = (_VAR_HANDLE, _READ, _ASSIGN, _CALL_ONCE)
#: Inputs and outputs of each.
_ENDS = {_VAR_HANDLE: (0, 1), _READ: (1, 1), _ASSIGN: (2, 0), _CALL_ONCE: (0, 0)}
_KINDS: dict[int, type[np.signedinteger]] = {schema.INT8: np.int8, schema.INT16: np.int16}
Key = tuple[bytes, bytes]  # container and name of a variable


@dataclass(frozen=True)
class Opened:
    """A file with plain inputs and outputs in place of its variables.

    Args:
        data: the file.
        states: what is kept from run to run.
        constants: the variables that are constants, values by the numbers of their tensors.
        added: tensors that an operator makes besides its outputs, by the number of its first output.
    """

    data: bytes
    states: tuple[State, ...] = ()
    constants: Mapping[int, np.ndarray] = field(default_factory=dict)
    added: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def open_states(model: Model) -> Opened:
    """The file of `model` without variables.

    Raises:
        Unsupported: an operator on variables of a form that is not supported; the message names it.
    """
    if any(each.code in KEPT for each in model.operators):
        return _open_kept(model)
    return _open_variables(model) if any(each.code in _OPERATORS for each in model.operators) else Opened(model.data)


def _open_kept(model: Model) -> Opened:
    """The same of a model with operators that keep something themselves."""
    tensors, added, kept = list(model.tensors), dict[int, tuple[int, ...]](), list[tuple[int, int]]()
    for operator in model.operators:
        made = []
        for number in KEPT.get(operator.code, ()):
            old = _find_kept(model, operator, number)
            tensors[old.index] = replace(old, is_variable=False)
            name = f"{old.label}_next".encode()
            tensors.append(replace(tensors[old.index], index=len(tensors), name=name))
            made.append(len(tensors) - 1)
            kept.append((old.index, made[-1]))
        if made:
            if len(operator.outputs) != 1:
                raise _unsupported(model, operator, f"it has {len(operator.outputs)} outputs; supported is one")
            added[operator.outputs[0]] = tuple(made)
    opened = _open_variables(read_model(rewrite(model, tensors, {})))
    plain = read_model(opened.data)
    states = [
        State(tensors[old].label, len(plain.inputs) + at, len(plain.outputs) + at, _zeros(tensors[old]))
        for at, (old, _) in enumerate(kept)
    ]
    inputs, outputs = (*plain.inputs, *(old for old, _ in kept)), (*plain.outputs, *(new for _, new in kept))
    data = rewire(plain, inputs, outputs, (), {})
    return Opened(data, (*opened.states, *states), opened.constants, added)


def _find_kept(model: Model, operator: Operator, number: int) -> Tensor:
    index = operator.inputs[number] if number < len(operator.inputs) else -1
    if index < 0 or not model.tensors[index].is_variable:
        raise _unsupported(model, operator, f"its input {number} is no tensor that keeps its value from run to run")
    tensor = model.tensors[index]
    if tensor.type not in _KINDS:
        raise _unsupported(model, operator, f"it keeps {tensor} from run to run; supported are int8 and int16")
    if not -128 <= zero_of(tensor) <= 127:
        raise _unsupported(model, operator, f"it keeps {tensor}, whose zero point is {zero_of(tensor)}")
    return tensor


def _zeros(tensor: Tensor) -> np.ndarray:
    """What LiteRT sets a variable to: of int8 its zero point."""
    if tensor.type == schema.INT16:
        return np.zeros(_sizes(tensor), np.int16)
    return np.full(_sizes(tensor), zero_of(tensor), np.int8)


def _open_variables(model: Model) -> Opened:
    """The same of a model with variables that operators read and assign."""
    if not any(each.code in _OPERATORS for each in model.operators):
        return Opened(model.data)
    variables = _Variables(model)
    for operator in model.operators:
        variables.visit(operator)
    kept = [each for each in variables.read if each in variables.assigned]
    inputs = (*model.inputs, *(variables.read[each] for each in kept))
    renamed = variables.renamed
    ends = (*model.outputs, *(variables.current[each] for each in kept))
    outputs = [renamed.get(each, each) for each in ends]
    dropped = {each.index for each in model.operators if each.code in _OPERATORS}
    states = tuple(
        State(
            key[1].decode(errors="replace"),
            len(model.inputs) + at,
            len(model.outputs) + at,
            variables.initial_value(key),
        )
        for at, key in enumerate(kept)
    )
    constants = {
        tensor: variables.initial_value(key) for key, tensor in variables.read.items() if key not in variables.assigned
    }
    return Opened(rewire(model, inputs, outputs, dropped, renamed), states, constants)


@dataclass
class _Variables:
    """What the operators so far do with variables."""

    model: Model
    handles: dict[int, Key] = field(default_factory=dict)  # by the tensors of VAR_HANDLE
    initial: dict[Key, Tensor] = field(default_factory=dict)
    read: dict[Key, int] = field(
        default_factory=dict
    )  # the tensor that a run reads first, if it reads before it assigns
    current: dict[Key, int] = field(default_factory=dict)  # the tensor with the value now
    assigned: dict[Key, Operator] = field(default_factory=dict)
    renamed: dict[int, int] = field(default_factory=dict)

    def visit(self, operator: Operator) -> None:
        _require_ends(self.model, operator)
        if operator.code == _VAR_HANDLE:
            self.handles[operator.outputs[0]] = _key(operator)
        elif operator.code == _CALL_ONCE:
            self._initialise(operator)
        elif operator.code == _READ:
            self._read(operator)
        elif operator.code == _ASSIGN:
            self._assign(operator)

    def initial_value(self, key: Key) -> np.ndarray:
        """Zeros, unless a subgraph that is called once assigns something else."""
        tensor, read = self.initial.get(key), self._tensor(self.read[key])
        kind = _KINDS[read.type]
        return (
            np.zeros(_sizes(read), kind) if tensor is None else np.frombuffer(tensor.data, kind).reshape(_sizes(read))
        )

    def _tensor(self, index: int) -> Tensor:
        return self.model.tensors[index]

    def _find(self, operator: Operator) -> Key:
        key = self.handles.get(operator.inputs[0])
        if key is None:
            raise _unsupported(self.model, operator, f"no VAR_HANDLE makes {self._tensor(operator.inputs[0])}")
        return key

    def _read(self, operator: Operator) -> None:
        key, tensor = self._find(operator), self._tensor(operator.outputs[0])
        self._expect_alike(operator, key, tensor)
        if key in self.current:
            self.renamed[tensor.index] = self.current[key]
        else:
            self.read[key] = self.current[key] = tensor.index

    def _assign(self, operator: Operator) -> None:
        key, tensor = self._find(operator), self._tensor(operator.inputs[1])
        self._expect_alike(operator, key, tensor)
        if tensor.is_constant:
            raise _unsupported(self.model, operator, f"it assigns the constant {tensor}; supported outside of CALL_ONCE "
                               "are tensors that depend on an input or a variable")  # fmt: skip
        self.current[key] = self.renamed.get(tensor.index, tensor.index)
        self.assigned[key] = operator

    def _expect_alike(self, operator: Operator, key: Key, tensor: Tensor) -> None:
        if tensor.type not in _KINDS:
            raise _unsupported(self.model, operator, f"its value {tensor} is {schema.type_name(tensor.type)}; supported "
                               "are variables of int8 and int16")  # fmt: skip
        known = self.current.get(key)
        others = [each for each in (self.initial.get(key), None if known is None else self._tensor(known)) if each]
        if any(_sizes(each) != _sizes(tensor) or each.type != tensor.type for each in others):
            raise _unsupported(self.model, operator, f"the variable is {others[0]} elsewhere, and {tensor} here")

    def _initialise(self, operator: Operator) -> None:
        if self.current:
            raise _unsupported(self.model, operator, "it comes after operators that read or assign variables")
        number = operator.option(0)
        for key, tensor in _constants(self.model, operator, read_model(self.model.data, number)):
            self.initial[key] = tensor


def _require_ends(model: Model, operator: Operator) -> None:
    found = len(operator.inputs), len(operator.outputs)
    if operator.code in _ENDS and (found != _ENDS[operator.code] or -1 in operator.inputs):
        wanted = " and ".join(f"{count} {what}" for count, what in zip(_ENDS[operator.code], ("inputs", "outputs")))
        raise _unsupported(model, operator, f"it has {found[0]} inputs and {found[1]} outputs; supported are {wanted}")


def _is_whole(tensor: Tensor) -> bool:
    """Whether a tensor is a constant as long as its shape says."""
    return tensor.is_constant and min(tensor.shape, default=1) >= 0 and len(tensor.data) == tensor.bytes


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    """The shape with a batch of 1, whether or not the file leaves it open."""
    return (1, *tensor.shape[1:]) if tensor.signature[:1] == (-1,) else tensor.shape


def _key(operator: Operator) -> Key:
    texts = (operator.options.text(each) if operator.options else None for each in (0, 1))
    container, name = (each or b"" for each in texts)
    return container, name


def _constants(model: Model, caller: Operator, graph: Model) -> Iterator[tuple[Key, Tensor]]:
    """The variables that a subgraph sets, and the constants that it assigns."""
    handles: dict[int, Key] = {}
    for operator in graph.operators:
        _require_ends(graph, operator)
        if operator.code == _VAR_HANDLE:
            handles[operator.outputs[0]] = _key(operator)
        elif (
            operator.code == _ASSIGN and operator.inputs[0] in handles and _is_whole(graph.tensors[operator.inputs[1]])
        ):
            yield handles[operator.inputs[0]], graph.tensors[operator.inputs[1]]
        else:
            found = f"its subgraph has operator {operator.name} (number {operator.index})"
            raise _unsupported(model, caller, f"{found}; supported are VAR_HANDLE and ASSIGN_VARIABLE of constants")


def _unsupported(model: Model, operator: Operator, why: str) -> Unsupported:
    where = f"at layer '{model.layer(operator)}' (number {operator.index})"
    return Unsupported(f"operator {operator.name} {where}: {why}")
