"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF of int8, written as linalg in the arithmetic of LiteRT's reference kernels.

TOSA has no operation for either. What they keep from run to run, the last output and the cells of an LSTM, the memory of an
SVDF, comes in as operands and goes out as further results (`vmcu.frontends.tflite.state`).

An LSTM is a loop over time. The products of the four gates with the input and with the last output are requantised apart
and added in 16 bits; logistic and tanh are those of `fixed_gates`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mlir import ir
from mlir.dialects import arith, scf

from vmcu.frontends.tflite import schema, words
from vmcu.frontends.tflite.ends import scale_of, zero_of
from vmcu.frontends.tflite.fixed_gates import MOST_BITS, divide
from vmcu.frontends.tflite.fixed_point import quantise_scale
from vmcu.frontends.tflite.model import Model, Operator, Tensor
from vmcu.frontends.tflite.schema import operator_code as code
from vmcu.frontends.tflite.tosa import reshape
from vmcu.frontends.tflite.words import ON_WORDS, Word, accumulate
from vmcu.ir.build import i8

LSTM, SVDF = code("UNIDIRECTIONAL_SEQUENCE_LSTM"), code("SVDF")
#: Which inputs of an operator are kept from run to run.
KEPT = {LSTM: (18, 19), SVDF: (4,)}
_TANH = 4  # ActivationFunctionType
_INT16, _INT8 = (-32768, 32767), (-128, 127)
#: The gates in the order in which they are computed here: three logistic ones, then the one with tanh. Numbers of weights of
#: the input, of weights of the last output, and of the bias.
_GATES = ((1, 5, 12), (2, 6, 13), (4, 8, 15), (3, 7, 14))
_OPTIONAL = {
    "peephole connections": (9, 10, 11), "a projection": (16, 17), "layer normalisation": (20, 21, 22, 23)
}  # fmt: skip


def lstm_fault(model: Model, operator: Operator) -> str | None:
    """What is wrong with an LSTM, if it is not one of the supported form."""

    def has(number: int) -> bool:
        return number < len(operator.inputs) and operator.inputs[number] >= 0

    found = [what for what, numbers in _OPTIONAL.items() if any(map(has, numbers))]
    if found:
        return f"it has {found[0]}"
    if not all(has(number) for gate in _GATES for number in gate):
        return "it has no weights or no bias of its own for each of four gates"
    if operator.option(0, "<b") != _TANH:
        return "its activation is not TANH"
    if not 0 <= operator.option(1, "<f") < math.inf:
        return f"it clips cells at {operator.option(1, '<f')}"
    if len(operator.intermediates) < 5 or not model.tensors[operator.intermediates[4]].is_quantised:
        return "it does not tell the scale of its hidden state"
    for gate in _GATES:
        for number, kind in zip(gate, (schema.INT8, schema.INT8, schema.INT32)):
            tensor = model.tensors[operator.inputs[number]]
            if tensor.type != kind or not tensor.is_constant or len(tensor.scales) != 1:
                return f"tensor {tensor} is no constant {schema.type_name(kind)} of one scale"
    if wrong := _lstm_shape_fault(model, operator):
        return f"tensor {wrong} is not as large as the others want it"
    cell = model.tensors[operator.inputs[19]]
    if cell.type != schema.INT16 or not 0 <= _integer_bits(cell) <= MOST_BITS:
        return f"the cells {cell} are not of int16 with a scale of 2^-15 to 2^{MOST_BITS - 15}, a power of two"
    return None


def _lstm_shape_fault(model: Model, operator: Operator) -> Tensor | None:
    """A tensor whose size does not go with those of the others."""
    source, last, cell = (model.tensors[operator.inputs[number]] for number in (0, 18, 19))
    result, size = model.tensors[operator.outputs[0]], math.prod(cell.shape)
    steps, columns = math.prod(source.shape[:-1]), source.shape[-1] if source.shape else 0
    wanted: list[tuple[Tensor, tuple[int, ...]]] = [(last, (size,)), (result, (steps * size,))]
    for gate in _GATES:
        shapes = ((size, columns), (size, size), (size,))
        wanted += [(model.tensors[operator.inputs[number]], shape) for number, shape in zip(gate, shapes)]
    return next((each for each, shape in wanted if (each.shape != shape if each.is_constant
                                                    else math.prod(each.shape) != shape[0])), None)  # fmt: skip


def svdf_fault(model: Model, operator: Operator) -> str | None:
    """What is wrong with an SVDF, if it is not one of the supported form."""
    features, time, memory = (model.tensors[operator.inputs[number]] for number in (1, 2, 4))
    for tensor, kind in ((features, schema.INT8), (time, schema.INT16)):
        if tensor.type != kind or not tensor.is_constant or len(tensor.scales) != 1:
            return f"tensor {tensor} is no constant {schema.type_name(kind)} of one scale"
    source, result = model.tensors[operator.inputs[0]], model.tensors[operator.outputs[0]]
    if len(features.shape) != 2 or len(time.shape) != 2 or features.shape[0] != time.shape[0]:
        return f"its weights {features} and {time} are no matrices of as many rows"
    units = features.shape[0] // max(operator.option(0), 1)
    bias = model.tensors[operator.inputs[3]] if operator.inputs[3] >= 0 else None
    sizes = [(source, features.shape[1]), (memory, math.prod(time.shape)), (result, units)]
    sizes += [] if bias is None else [(bias, units)]
    for each, count in sizes:
        if math.prod(each.shape) != count:
            return f"tensor {each} has not the {count} elements that its weights want"
    if bias is not None and (bias.type != schema.INT32 or not bias.is_constant):
        return f"its bias {bias} is no constant of int32"
    if memory.type != schema.INT16 or not memory.is_quantised:
        return f"its memory {memory} is not of int16 with a scale"
    if time.shape[1] < 2:
        return "its memory is one step long"
    if operator.option(0) < 1 or features.shape[0] % operator.option(0):
        return f"{features.shape[0]} filters are not of rank {operator.option(0)}"
    return None


def write_lstm(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> list[ir.Value]:
    """The outputs of all steps, the last output, the last cells."""
    lstm = _Lstm.of(model, operator)
    given = _by_number(operator, operands)
    source, last, cells = given[0], given[18], given[19]
    steps, size = lstm.steps, lstm.size
    whole = reshape(source, [steps, source.type.shape[-1]])
    # Row t is the output before step t.
    zeros = words.constant(np.zeros((steps + 1, size), np.int8))
    history = words.replace_part(zeros, (0, 0), reshape(last, [1, size]), (1, size))
    begin, end, one = (arith.constant(ir.IndexType.get(), each) for each in (0, steps, 1))
    loop = scf.ForOp(begin, end, one, [history, reshape(cells, [size])])
    with ir.InsertionPoint(loop.body):
        now, (outputs, old) = loop.induction_variable, loop.inner_iter_args
        output, new = lstm.write_step(words.row(whole, now), words.row(outputs, now), old)
        outputs = words.replace_part(outputs, (arith.addi(now, one), 0), output, (1, size))
        scf.yield_([outputs, new])
    outputs, left = loop.results
    return [
        reshape(words.part(outputs, (1, 0), (steps, size)), model.tensors[operator.outputs[0]].shape),
        reshape(words.part(outputs, (steps, 0), (1, size)), last.type.shape),
        reshape(left, cells.type.shape),
    ]


@dataclass(frozen=True, eq=False)
class _Product:
    """Weights `[gates * size, columns]`, sums to begin with, and multipliers and shifts of their results."""

    weights: np.ndarray
    sums: np.ndarray
    multipliers: np.ndarray
    shifts: np.ndarray

    def write(self, vector: ir.Value) -> ir.Value:
        """The sums in 32 bits."""
        return words.total([(words.constant(self.weights), "ij"), (vector, "j")], words.constant(self.sums), accumulate)


@dataclass(frozen=True, eq=False)
class _Lstm:
    """An LSTM as numbers; `cells` are the integer bits of a cell."""

    steps: int
    size: int
    source: _Product
    last: _Product
    cells: int
    clip: int
    hidden: tuple[int, int]
    hidden_zero: int

    @staticmethod
    def of(model: Model, operator: Operator) -> _Lstm:
        source, last, cell = (model.tensors[operator.inputs[number]] for number in (0, 18, 19))
        hidden = model.tensors[operator.intermediates[4]]
        size = model.tensors[operator.inputs[5]].shape[0]
        weights, recurrent, biases = zip(
            *([model.tensors[operator.inputs[number]] for number in gate] for gate in _GATES)
        )
        scale = np.float32(2**-15 / float(hidden.scales[0]) * 2**-15)
        clip = np.float32(operator.option(1, "<f")) / cell.scales[0]
        return _Lstm(
            math.prod(source.shape[:-1]),
            size,
            _product(weights, source, biases),
            _product(recurrent, last, None),
            _integer_bits(cell),
            int(min(max(float(clip), _INT16[0]), _INT16[1])),
            quantise_scale(float(scale)),
            zero_of(hidden),
        )

    def write_step(self, source: ir.Value, last: ir.Value, old: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The output and the cells after one step."""
        size, products = self.size, (self.source, self.last)
        sums = [self.source.write(source), self.last.write(last)]
        scales = [words.constant(numbers) for each in products for numbers in (each.multipliers, each.shifts)]
        gates = words.each([*sums, *scales], words.empty([4 * size], _i16()), _add_scaled)
        leading, cell = words.part(gates, (0,), (3 * size,)), words.part(gates, (3 * size,), (size,))
        logistic = words.each([leading], words.empty([3 * size], _i16()), ON_WORDS.logistic)
        tanh = words.each([cell], words.empty([size], _i16()), lambda value: ON_WORDS.tanh(value, 3))
        enter, forget, leave = (words.part(logistic, (number * size,), (size,)) for number in range(3))
        new = words.each([enter, forget, tanh], old, self._move_cell, updates=True)
        return words.each([leave, new], words.empty([size], i8()), self._open), new

    def _move_cell(self, enter: Word, forget: Word, tanh: Word, cell: Word) -> Word:
        value = divide(forget * cell, 15) + divide(enter * tanh, 15 + self.cells)
        value = value.clamp(*_INT16)
        return value.clamp(-self.clip, self.clip) if self.clip > 0 else value

    def _open(self, leave: Word, cell: Word) -> Word:
        value = (leave * ON_WORDS.tanh(cell, self.cells)).scaled(*self.hidden)
        return (value + self.hidden_zero).clamp(*_INT8)


def _product(weights: Sequence[Tensor], source: Tensor, biases: Sequence[Tensor] | None) -> _Product:
    """The product of all gates with a vector, whose zero point goes into the sums; results have 12 bits behind the point."""
    matrices = [np.frombuffer(each.data, np.int8).reshape(each.shape) for each in weights]
    sums = [-zero_of(source) * each.astype(np.int32).sum(axis=1) for each in matrices]
    if biases is not None:
        sums = [known + np.frombuffer(each.data, np.int32) for known, each in zip(sums, biases)]
    scales = [quantise_scale(float(each.scales[0] * source.scales[0] / np.float32(2**-12))) for each in weights]
    rows = matrices[0].shape[0]
    multipliers, shifts = (np.repeat(column, rows) for column in zip(*scales))
    return _Product(
        np.concatenate(matrices),
        np.concatenate(sums).astype(np.int32),
        multipliers.astype(np.int32),
        shifts.astype(np.int8),
    )


def _add_scaled(source: Word, last: Word, *scales: Word) -> Word:
    """Both sums, each scaled, added in 16 bits."""
    first = source.scaled(scales[0], scales[1]).clamp(*_INT16)
    return (first + last.scaled(scales[2], scales[3])).clamp(*_INT16)


def _integer_bits(cell: Tensor) -> int:
    """Integer bits of a cell whose scale is a power of two; -1 of any other."""
    exponent = math.log2(scale_of(cell)) if cell.is_quantised and scale_of(cell) > 0 else math.nan
    return 15 + int(exponent) if exponent == int(exponent) else -1


def write_svdf(model: Model, operator: Operator, operands: Sequence[ir.Value]) -> list[ir.Value]:
    """The output, and the memory one step later."""
    source, features, time, bias, memory, result = _svdf_tensors(model, operator)
    filters, steps, rank = features.shape[0], time.shape[1], operator.option(0)
    matrix = np.frombuffer(features.data, np.int8).reshape(filters, -1)
    sums = -zero_of(source) * matrix.astype(np.int32).sum(axis=1)
    first = quantise_scale(float(source.scales[0] * features.scales[0] / memory.scales[0]))
    last = quantise_scale(float(memory.scales[0] * time.scales[0] / result.scales[0]))
    given = _by_number(operator, operands)
    vector, old = reshape(given[0], [matrix.shape[1]]), reshape(given[4], [filters, steps])
    dot = words.total(
        [(words.constant(matrix), "ij"), (vector, "j")], words.constant(sums.astype(np.int32)), accumulate
    )
    entry = words.each([dot], words.empty([filters], _i16()), lambda value: value.scaled(*first).clamp(*_INT16))
    full = words.replace_part(old, (0, steps - 1), words.folded(entry, (filters, 1)), (filters, 1))
    weights = words.constant(np.frombuffer(time.data, np.int16).reshape(filters, steps))
    parts = words.total([(weights, "ij"), (full, "ij")], words.constant(np.zeros(filters, np.int32)), accumulate)
    units = filters // rank
    start = np.zeros(units, np.int32) if bias is None else np.frombuffer(bias.data, np.int32)
    ranks = words.folded(parts, (units, rank))
    sums_of_ranks = words.total([(ranks, "ij")], words.constant(start), lambda value, sum: sum + value)

    def finish(value: Word) -> Word:
        return (value.scaled(*last) + zero_of(result)).clamp(*_INT8)

    output = words.each([sums_of_ranks], words.empty([units], i8()), finish)
    moved = words.part(full, (0, 1), (filters, steps - 1))
    zeros = words.constant(np.zeros((filters, steps), np.int16))
    new = words.replace_part(zeros, (0, 0), moved, (filters, steps - 1))
    return [reshape(output, result.shape), reshape(new, given[4].type.shape)]


def _svdf_tensors(model: Model, operator: Operator) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor, Tensor]:
    """Input, weights of features, weights of time, bias if there is one, memory, output."""
    source, features, time, bias, memory = (
        model.tensors[index] if index >= 0 else None for index in operator.inputs[:5]
    )
    assert source is not None and features is not None and time is not None and memory is not None, (
        "only a bias may lack"
    )
    return source, features, time, bias, memory, model.tensors[operator.outputs[0]]


def _by_number(operator: Operator, operands: Sequence[ir.Value]) -> dict[int, ir.Value]:
    """The operands by the numbers of the operator's inputs, of which some are not there."""
    return dict(zip((number for number, index in enumerate(operator.inputs) if index >= 0), operands))


def _i16() -> ir.Type:
    return ir.IntegerType.get_signless(16)


#: How operators are written: the outputs, and then what is kept.
WRITERS = {LSTM: write_lstm, SVDF: write_svdf}
