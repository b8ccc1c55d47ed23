"""Logistic and tanh of int16, as LiteRT's reference kernels of recurrent layers compute them: in fixed point, no tables.

A number has 15 bits behind its sign, of which some are integer bits: with 3 of them 4096 stands for 1. Results have none.
The exponential is a polynomial around -1/8 and one product for each bit above a quarter; the quotient is three steps of
Newton's method. All of it is written with the operators of Python, so that it works on MLIR's values and on NumPy's arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Value = Any  # of 32 bits: a `Word` of MLIR, or an array of int32

_ONE = 32767
_EXP_EIGHTH, _THIRD = 28918, 10923  # exp(-1/8), 1/3
#: exp(-2^k) from k = -2 on.
_POWERS = (25520, 19875, 12055, 4435, 600, 11, 0)
_NEWTON_FIRST, _NEWTON_SLOPE = 23130, -15420  # 48/17 and -32/17, with 2 integer bits
_STEPS = 3
MOST_BITS = 4  # integer bits of an argument of tanh


class Arithmetic:
    """What the functions need besides Python's operators.

    Args:
        choose: `(condition, then, otherwise)`.
        least: the smaller one of a value and a number.
    """

    def __init__(self, choose: Callable[[Value, Value, Value | int], Value], least: Callable[[Value, int], Value]):
        self.choose, self.least = choose, least

    def logistic(self, value: Value) -> Value:
        """`1 / (1 + exp(-value))` of a value with 3 integer bits."""
        is_positive = value > 0
        negative = self.choose(is_positive, -value, value)
        quotient = self._newton(self._exp(negative, 3))
        upper = self.least(quotient << 1, _ONE)
        found = self.choose(is_positive, upper, -upper + _ONE)
        return self.choose(value == 0, (_ONE + 1) // 2, found)

    def tanh(self, value: Value, bits: int) -> Value:
        """The hyperbolic tangent of a value with `bits` integer bits, at most `MOST_BITS`."""
        is_negative = value < 0
        negative = self.choose(is_negative, value, -value)
        # The same number with one integer bit more is twice as large.
        quotient = self._newton(self._exp(negative, bits + 1))
        upper = self.least((quotient - (1 << 13)) << 2, _ONE)
        return self.choose(value == 0, 0, self.choose(is_negative, -upper, upper))

    def _exp(self, value: Value, bits: int) -> Value:
        """`exp(value)` of a value of at most 0."""
        fraction = 15 - bits
        quarter = 1 << (fraction - 2)
        rest = (value & (quarter - 1)) - quarter
        x = (rest << bits) + (1 << 12)
        square = product(x, x)
        cube, fourth = product(square, x), product(square, square)
        tail = divide(product(divide(fourth, 2) + cube, _THIRD) + square, 1)
        result = product(x + tail, _EXP_EIGHTH) + _EXP_EIGHTH
        left = rest - value
        for exponent, factor in enumerate(_POWERS[: bits + 2], start=-2):
            bit = left & (1 << (fraction + exponent))
            result = self.choose(bit == 0, result, product(result, factor))
        return self.choose(value == 0, _ONE, result)

    def _newton(self, value: Value) -> Value:
        """`2 / (1 + value)` of a value from 0 to 1, with 2 integer bits."""
        half = (value + (_ONE + 1)) >> 1
        x = product(half, _NEWTON_SLOPE) + _NEWTON_FIRST
        for _ in range(_STEPS):
            x = x + (product(x, -product(half, x) + (1 << 13)) << 2)
        return x


def product(a: Value, b: Value | int) -> Value:
    """`a * b / 2^15`, a half rounded up."""
    return (a * b + (1 << 14)) >> 15


def divide(a: Value, bits: int) -> Value:
    """`a / 2^bits`, a half rounded away from zero."""
    return (a + (a >> 31) + (1 << (bits - 1))) >> bits
