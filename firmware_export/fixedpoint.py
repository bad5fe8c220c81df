"""Fixed-point scales, and the rounding profiles: which operator rounds how in which runtime.

A real factor is `multiplier / 2**31 * 2**shift` (Jacob et al., 2018, section 2.2).
"""

import math
from collections.abc import Sequence

from firmware_export.node import Rounding

# Measured against tflite-micro 0.dev2026-10 and ai-edge-litert 2.3 BUILTIN_REF: double rounding
# rounds twice, ties away from zero; single rounds the whole product once, ties up.
PROFILES: dict[Rounding, dict[str, str]] = {
    "tflm": {},
    "litert": {"FULLY_CONNECTED": "single"},
}


def rounding_of(profile: Rounding, op: str) -> str:
    """Return double or single for an operator."""
    return PROFILES[profile].get(op, "double")


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return (multiplier, shift) of a real factor; 0 below 2**-32, the greatest above 2**30."""
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return (1 << 31) - 1, 30
    return multiplier, shift


def quantize_multipliers(reals: Sequence[float]) -> tuple[list[int], list[int]]:
    """Return the multipliers and the shifts of several factors."""
    pairs = [quantize_multiplier(real) for real in reals]
    return [m for m, _ in pairs], [s for _, s in pairs]


def requantize_double(x: int, multiplier: int, shift: int) -> int:
    """Return x * multiplier / 2**31 * 2**shift, rounded twice, halves away from zero at the end."""
    high = ((x << max(shift, 0)) * multiplier + (1 << 30)) >> 31
    right = max(-shift, 0)
    half = (1 << right) >> 1
    return (high + half - (high < 0 and right > 0)) >> right


def requantize_single(x: int, multiplier: int, shift: int) -> int:
    """Return x * multiplier / 2**31 * 2**shift, rounded once, halves up."""
    total = 31 - shift
    return (x * multiplier + ((1 << total) >> 1)) >> total


def requantize(x: int, multiplier: int, shift: int, rounding: str) -> int:
    """Return x * multiplier / 2**31 * 2**shift, rounded as `rounding` (double or single) says."""
    by = requantize_single if rounding == "single" else requantize_double
    return by(x, multiplier, shift)
