"""SOFTMAX with a `beta`: the converter makes it with 1, and gets the tables of the scaled exponential afterwards.

Before: SOFTMAX with beta = 2, which the converter refuses
After:  what the converter makes of beta = 1, with tables of `exp(2 * x)` in place of those of `exp(x)`

Beta is found nowhere else: LiteRT's kernel multiplies differences by `beta * scale`, in fixed point, and takes the
exponential of the product. There are 256 differences, hence a table says it all; TOSA has one for each byte of the results.
"""

from __future__ import annotations

import math
import struct

import numpy as np
from mlir import ir

from vmcu.errors import Unsupported
from vmcu.frontends.tflite import schema, tosa
from vmcu.frontends.tflite.fixed_point import multiply_high, quantise_scale, shift_right
from vmcu.frontends.tflite.model import Model, Operator
from vmcu.ir import walk

_SOFTMAX = schema.operator_code("SOFTMAX")
_INTEGER_BITS = 5  # of a scaled difference, in 32 bits
_FRACTION_BITS = 31 - _INTEGER_BITS
_DIFFERENCES = 257  # from -256 to 0; the largest that occurs is 255
_ENTRIES = 513  # of a TOSA table


def without_beta(model: Model, data: bytes) -> bytes:
    """`data`, a file of `model`, with 1 for each beta.

    Raises:
        Unsupported: a beta that is not positive, or two of one input, which the converter would take for one operator.
    """
    changed = bytearray(data)
    for operator in _with_beta(model):
        beta = _beta(operator)
        others = [each for each in model.operators if each.code == _SOFTMAX and each.inputs == operator.inputs]
        if beta <= 0 or any(_beta(each) != beta for each in others):
            raise _unsupported(model, operator, f"beta is {beta:.6g}; supported is one positive beta for each input")
        assert operator.options is not None, "a beta that is not 0 is in the options"
        struct.pack_into("<f", changed, operator.options.slot(0), 1.0)
    return bytes(changed)


def restore_beta(model: Model, module: ir.Module) -> None:
    """Put the tables of the true betas into what the converter made of `without_beta`.

    Raises:
        Unsupported: the converter made something else of a SOFTMAX than is known here.
    """
    for operator in _with_beta(model):
        scale = float(model.tensors[operator.inputs[0]].scales[0])
        known, wanted = (_tables(each) for each in (scale, scale * _beta(operator)))
        layer = f"'{model.layer(operator)}'"
        lookups = [
            op for op in walk.walk(module.operation) if op.operation.name == "tosa.table" and walk.layer(op) == layer
        ]
        for op in lookups:
            values = np.array(ir.OpResult(op.operands[1]).owner.attributes["values"]).astype(int)[:_DIFFERENCES]
            found = [number for number, table in enumerate(known) if (table[:_DIFFERENCES] == values).all()]
            if not found:
                raise _unsupported(model, operator, f"beta is {_beta(operator):.6g}; the converter's tables are others")
            with ir.InsertionPoint(op), op.location:
                op.operation.operands[1] = tosa.constant(wanted[found[0]])
        is_merged = any(each.inputs == operator.inputs and each is not operator for each in _with_beta(model))
        if len(lookups) != len(known) and not (is_merged and not lookups):
            raise _unsupported(model, operator, f"the converter made {len(lookups)} tables, expected {len(known)}")


def _with_beta(model: Model) -> list[Operator]:
    """The SOFTMAX operators on int8 that somebody reads and whose beta is not 1."""
    read = {index for each in model.operators for index in each.inputs} | set(model.outputs)
    return [
        each
        for each in model.live_operators()
        if each.code == _SOFTMAX and _beta(each) != 1 and _is_int8(model, each) and each.outputs[0] in read
    ]


def _is_int8(model: Model, operator: Operator) -> bool:
    ends = [model.tensors[index] for index in (*operator.inputs, *operator.outputs)]
    return all(each.type == schema.INT8 and each.is_quantised for each in ends)


def _beta(operator: Operator) -> float:
    return float(operator.option(0, "<f"))


def _unsupported(model: Model, operator: Operator, why: str) -> Unsupported:
    return Unsupported(f"operator SOFTMAX at layer '{model.layer(operator)}' is not supported: {why}")


def _tables(scale: float) -> list[np.ndarray]:
    """One table for each byte of the exponentials, the highest first."""
    numbers = np.zeros(_ENTRIES, np.int64)
    numbers[:_DIFFERENCES] = exponentials(scale)
    return [(numbers >> shift & 255).astype(np.int16) for shift in (24, 16, 8, 0)]


def exponentials(scale: float) -> np.ndarray:
    """`exp(scale * difference)` times 2^31 for differences from -256 to 0, as LiteRT's kernel has it."""
    multiplier, shift = quantise_scale(min(scale * 2**_FRACTION_BITS, 2.0**31 - 1))
    left = 31 - shift
    differences = np.arange(1 - _DIFFERENCES, 1)
    radius = math.floor((2**_INTEGER_BITS - 1) * 2.0 ** (_FRACTION_BITS - left))
    scaled = multiply_high(np.maximum(differences, -radius) * 2**left, multiplier)
    return np.where(differences >= -radius, _exponential(scaled), 0)


#: `exp(-2^n)` times 2^31, for n from -2: gemmlowp's constants.
_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def _exponential(values: np.ndarray) -> np.ndarray:
    """gemmlowp's `exp_on_negative_values` of numbers with 26 bits of fraction; 31 bits in the results."""
    quarter = 1 << (_FRACTION_BITS - 2)
    rest = (values & (quarter - 1)) - quarter  # between a quarter below 0 and 0
    results = _exponential_of_rest(rest << _INTEGER_BITS)
    quarters = rest - values
    for number, factor in enumerate(_FACTORS):
        results = np.where(quarters & (quarter << number), multiply_high(results, factor), results)
    return np.where(values == 0, 2**31 - 1, results)


def _exponential_of_rest(values: np.ndarray) -> np.ndarray:
    """`exp` between -1/4 and 0, by Taylor's formula about -1/8."""
    exp_of_eighth, third = 1895147668, 715827883
    x = values + (1 << 28)
    square = multiply_high(x, x)
    fourth = shift_right(multiply_high(square, square), 2)
    rest = shift_right(multiply_high(fourth + multiply_high(square, x), third) + square, 1)
    return exp_of_eighth + multiply_high(x + rest, exp_of_eighth)
