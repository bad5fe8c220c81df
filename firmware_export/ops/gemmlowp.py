"""Logistic and tanh in 32-bit fixed point, step by step as gemmlowp has them, for tables.

A number in Qm has m integer bits and 31 - m fractional bits (gemmlowp, fixedpoint.h).
"""

INT32_MAX = (1 << 31) - 1
POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)  # exp(-2**(i - 2))


def high_mul(a: int, b: int) -> int:
    """Return a * b / 2**31, halves up."""
    return INT32_MAX if a == b == -(1 << 31) else (a * b + (1 << 30)) >> 31


def rounding_shift(x: int, exponent: int) -> int:
    """Return x / 2**exponent, halves away from zero."""
    half = (1 << exponent) >> 1
    return (x + half) >> exponent if x >= 0 else -((-x + half) >> exponent)


def _saturate(x: int) -> int:
    return max(-(1 << 31), min(x, INT32_MAX))


def _exp_quarter(a: int) -> int:
    x = a + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    quarter = rounding_shift(high_mul(x2, x2), 2)
    tail = rounding_shift(high_mul(quarter + x3, 715827883) + x2, 1)
    return 1895147668 + high_mul(1895147668, x + tail)


def _exp_negative(a: int, integer_bits: int) -> int:
    """Return exp(a) in Q0 of a <= 0 in Q(integer_bits)."""
    if a == 0:
        return INT32_MAX
    quarter = 1 << (31 - integer_bits - 2)
    part = (a & (quarter - 1)) - quarter
    result = _exp_quarter(_saturate(part << integer_bits))
    rest = part - a
    for i, power in enumerate(POWERS):
        if i - 2 < integer_bits and rest >> (31 - integer_bits - 2 + i) & 1:
            result = high_mul(result, power)
    return result


def _inverse_half(a: int) -> int:
    """Return 2 / (1 + a) in Q2 of a in [0, 1) in Q0: three Newton steps."""
    half = (a + INT32_MAX + 1) // 2
    x = 1515870810 + high_mul(half, -1010580540)
    for _ in range(3):
        x += _saturate(high_mul(x, (1 << 29) - high_mul(half, x)) << 2)
    return x


def logistic(a: int) -> int:
    """Return 1 / (1 + exp(-a)) in Q0 of a in Q4."""
    if a == 0:
        return 1 << 30
    positive = _saturate(_inverse_half(_exp_negative(-abs(a), 4)) << 1)
    return positive if a > 0 else INT32_MAX - positive


def tanh(a: int) -> int:
    """Return the hyperbolic tangent in Q0 of a in Q4."""
    if a == 0:
        return 0
    # twice the argument: the same bits with one integer bit more
    size = _saturate((_inverse_half(_exp_negative(-abs(a), 5)) - (1 << 29)) << 2)
    return size if a > 0 else -size
