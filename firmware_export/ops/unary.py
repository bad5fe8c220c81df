"""Operators of one byte each: a table of 256 answers, computed at export time."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_export.fixedpoint import quantize_multiplier, requantize, rounding_of
from firmware_export.node import (
    Call,
    Constant,
    Node,
    elements,
    quantised,
    scale,
    zero_point,
)
from firmware_export.ops import gemmlowp

INTEGER_BITS = 4
LOWEST, HIGHEST = -128, 127


def _clip(q: int) -> int:
    return max(LOWEST, min(q, HIGHEST))


def _factor(node: Node) -> tuple[int, int]:
    return quantize_multiplier(float(scale(node.input())) / float(scale(node.output())))


def _float_factor(node: Node, slope: float = 1.0) -> tuple[int, int]:
    """Return a factor whose quotient is taken in float32."""
    return quantize_multiplier(
        float(scale(node.input()) * np.float32(slope) / scale(node.output()))
    )


def _round(value: np.float32) -> int:
    """Return the nearest integer, halves away from zero, in float32."""
    return int(np.trunc(value + np.copysign(np.float32(0.5), value)))


def _rescaled(node: Node, x: int, factor: tuple[int, int]) -> int:
    return requantize(x, *factor, rounding_of(node.rounding, node.op.op)) + zero_point(
        node.output()
    )


def _quantize(node: Node, x: int) -> int:
    return _rescaled(node, x, _factor(node))


def _sigmoid_like(node: Node, x: int, curve: Callable[[int], int], bits: int, zero: int) -> int:
    real = float(scale(node.input())) * (1 << (31 - INTEGER_BITS))
    fraction, left = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**left)
    if abs(x) >= radius:
        return HIGHEST if x > 0 else LOWEST
    raw = curve(requantize(x, multiplier, left, "double"))
    return gemmlowp.rounding_shift(raw, 31 - bits) + zero


def _logistic(node: Node, x: int) -> int:
    if node.output().dtype == "uint8":
        return _by_float(node, x, lambda v: np.float32(1.0) / (np.float32(1.0) + np.exp(-v)))
    return _sigmoid_like(node, x, gemmlowp.logistic, 8, -128)


def _tanh(node: Node, x: int) -> int:
    if node.output().dtype == "uint8":
        return _by_float(node, x, np.tanh)
    return _sigmoid_like(node, x, gemmlowp.tanh, 7, 0)


def _by_float(node: Node, x: int, curve: Callable[[np.float32], np.float32]) -> int:
    """Return float32 in, float32 out, rounded once: how LiteRT fills its own tables."""
    with np.errstate(all="ignore"):
        real = curve(scale(node.input()) * np.float32(x))
        steps = real * (np.float32(1.0) / scale(node.output()))
    if not np.isfinite(steps):
        return HIGHEST if steps > 0 else LOWEST
    return _round(np.float32(steps.clip(-1e6, 1e6))) + zero_point(node.output())


def _relu_between(low: float, high: float) -> Callable[[Node, int], int]:
    def relu(node: Node, x: int) -> int:
        if node.rounding == "tflm" and high == 6.0:
            # it clamps in steps of the input and never looks at the output's scale
            step, zero = scale(node.input()), zero_point(node.input())
            return max(zero, min(x + zero, _clip(_round(np.float32(6.0) / step) + zero)))
        step, zero = scale(node.output()), zero_point(node.output())
        least = max(LOWEST, zero + _round(np.float32(low) / step))
        most = HIGHEST if math.isinf(high) else min(HIGHEST, zero + _round(np.float32(high) / step))
        return max(least, min(_rescaled(node, x, _float_factor(node)), most))

    return relu


def _leaky_relu(node: Node, x: int) -> int:
    slope = 1.0 if x >= 0 else node.option("alpha", 0.0)
    return _rescaled(node, x, _float_factor(node, slope))


def _int16(x: int) -> int:
    return max(-(1 << 15), min(x, (1 << 15) - 1))


def _high_mul16(a: int, b: int) -> int:
    """Return a * b / 2**15, halves away from zero for negative products as gemmlowp's int16."""
    if a == b == -(1 << 15):
        return (1 << 15) - 1
    ab = a * b
    return _toward_zero(ab + ((1 << 14) if ab >= 0 else 1 - (1 << 14)), 15)


def _toward_zero(x: int, bits: int) -> int:
    return x >> bits if x >= 0 else -(-x >> bits)


def _short_factor(real: np.float32) -> tuple[int, int]:
    multiplier, exponent = quantize_multiplier(float(real))
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), exponent


def _hard_swish(node: Node, x: int) -> int:
    """Return x * relu6(x + 3) / 6 in 16 bits (TFLite, hard_swish.h)."""
    fine = np.float32(1.0 / 128.0) * scale(node.input())
    out_multiplier, out_exponent = _short_factor(fine / scale(node.output()))
    multiplier, exponent = _short_factor(fine / (np.float32(3.0) / np.float32(32768.0)))
    wide = _int16(x * 128)
    before_shift = _high_mul16(wide, out_multiplier)
    gate = wide
    if exponent > 0:
        gate = _int16(gate << (exponent - 1))
    gate = _high_mul16(gate, multiplier)
    if exponent > 0:
        gate = _int16(gate << 1)
    if exponent < 0:
        gate = gemmlowp.rounding_shift(gate, -exponent)
    gate = (gate + (1 << 15)) >> 1
    product = _toward_zero(gate * before_shift, 15)
    return gemmlowp.rounding_shift(product, -out_exponent) + zero_point(node.output())


def _abs(node: Node, x: int) -> int:
    if scale(node.input()) == scale(node.output()):
        return abs(x) + zero_point(node.output())
    return _rescaled(node, abs(x), _factor(node))


def _sqrt(node: Node, x: int) -> int:
    """Return the root rounded down, as LiteRT has it; TFLM has none for int8."""
    real = np.sqrt(scale(node.input()) * np.float32(max(x, 0)))
    return int(real / scale(node.output())) + zero_point(node.output())


def _inverse_sqrt(x: int) -> tuple[int, int]:
    """Return multiplier and shift of 1 / sqrt(x), x > 0 (TFLite, quantization_util)."""
    if x <= 1:
        return (1 << 31) - 1, 0
    shift = 11
    while x >= 1 << 29:
        x //= 4
        shift += 1
    left = (32 - x.bit_length() - 1) // 2 - 1
    shift -= left
    x = x << 2 * left >> 1
    three_halves = (1 << 28) + (1 << 27)
    half = gemmlowp.rounding_shift(x, 1)
    y = 1 << 28
    for _ in range(5):
        y3 = _saturated(gemmlowp.high_mul(gemmlowp.high_mul(y, y), y) << 6)
        y = _saturated((gemmlowp.high_mul(three_halves, y) - gemmlowp.high_mul(half, y3)) << 3)
    multiplier = gemmlowp.high_mul(y, round(math.sqrt(2.0) / 2.0 * (1 << 31)))
    if shift < 0:
        multiplier, shift = multiplier << -shift, 0
    return multiplier, -shift


def _saturated(x: int) -> int:
    return max(-(1 << 31), min(x, (1 << 31) - 1))


RSQRT_SHIFT = 20


def _rsqrt(node: Node, x: int) -> int:
    if x <= 0:
        return HIGHEST  # not defined below 0, where the runtimes stop
    real = 1.0 / (math.sqrt(float(scale(node.input()))) * float(scale(node.output())))
    multiplier, shift = quantize_multiplier(real)
    inverse, inverse_shift = _inverse_sqrt(x)
    data = requantize(1, inverse, inverse_shift + RSQRT_SHIFT, "double")
    return requantize(data, multiplier, shift - RSQRT_SHIFT, "double") + zero_point(node.output())


@dataclass(frozen=True, slots=True)
class Unary:
    """An operator of the table; `answer` takes the input's steps above its zero point."""

    answer: Callable[[Node, int], int]
    out: tuple[float, int] | None = None  # the one scale and zero point that int8 is defined for

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        found = quantised(node.input(), node.output())
        if not found and self.out is not None and node.output().dtype == "int8":
            step, zero = float(scale(node.output())), zero_point(node.output())
            if (step, zero) != self.out:
                found.append(
                    f"output has scale {step} and zero point {zero}: only {self.out[0]} and "
                    f"{self.out[1]} are defined"
                )
        return found

    def call(self, node: Node) -> Call:
        """Return the call of `lookup`, which may run in place."""
        fields = (("table", "@table"), ("count", str(elements(node.output()))))
        constants = (Constant("table", self.table(node)),)
        return Call(("lookup",), "lookup", fields, constants, lead_bytes=0)

    def table(self, node: Node) -> NDArray[np.int8]:
        """Return the answers (256,) to -128..127."""
        zero = zero_point(node.input())
        answers = [_clip(self.answer(node, q - zero)) for q in range(LOWEST, HIGHEST + 1)]
        return np.array(answers, np.int8)


UNARY = {
    "ABS": Unary(_abs),
    "HARD_SWISH": Unary(_hard_swish),
    "LEAKY_RELU": Unary(_leaky_relu),
    "LOGISTIC": Unary(_logistic, (1 / 256, -128)),
    "QUANTIZE": Unary(_quantize),
    "RELU": Unary(_relu_between(0.0, math.inf)),
    "RELU6": Unary(_relu_between(0.0, 6.0)),
    "RELU_N1_TO_1": Unary(_relu_between(-1.0, 1.0)),
    "RSQRT": Unary(_rsqrt),
    "SQRT": Unary(_sqrt),
    "TANH": Unary(_tanh, (1 / 128, 0)),
}
