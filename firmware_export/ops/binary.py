"""Operators of two inputs that broadcast, either of which may be constant."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firmware_export.fixedpoint import quantize_multiplier
from firmware_export.node import (
    Call,
    Node,
    activation_range,
    elements,
    quantised,
    scale,
    shape,
    unknown_activation,
    zero_point,
)
from firmware_export.ops.views import array, base, collapse, source

LEFT_SHIFT = 20  # head room that keeps the addends' fractions
Fields = tuple[tuple[str, str], ...]


def _clamp(node: Node) -> Fields:
    low, high = activation_range(node.output(), node.option("fused_activation_function", "NONE"))
    return (("act_min", str(low)), ("act_max", str(high)))


def _zero_points(node: Node) -> Fields:
    return (
        ("zero_point0", str(zero_point(node.input(0)))),
        ("zero_point1", str(zero_point(node.input(1)))),
        ("out_zero_point", str(zero_point(node.output()))),
    )


def _factors(**factors: float) -> Fields:
    pairs = {key: quantize_multiplier(real) for key, real in factors.items()}
    return tuple(
        field
        for key, (multiplier, shift) in pairs.items()
        for field in ((f"multiplier{key}", str(multiplier)), (f"shift{key}", str(shift)))
    )


def add_fields(node: Node) -> Fields:
    """Return the members of `add_t`."""
    first, second, out = (float(scale(t)) for t in (node.input(0), node.input(1), node.output()))
    twice = 2.0 * max(first, second)
    factors = {"0": first / twice, "1": second / twice, "_out": twice / ((1 << LEFT_SHIFT) * out)}
    return (
        ("count", str(elements(node.output()))), ("left_shift", str(LEFT_SHIFT)),
        *_factors(**factors), *_zero_points(node), *_clamp(node),
    )  # fmt: skip


def _mul_fields(node: Node) -> Fields:
    first, second, out = (scale(t) for t in (node.input(0), node.input(1), node.output()))
    real = float(first * second / out)
    if node.rounding == "tflm":
        real = float(first) * float(second) / float(out)
    return (*_factors(**{"": real}), *_zero_points(node), *_clamp(node))


def _prelu_fields(node: Node) -> Fields:
    into, slope, out = (float(scale(t)) for t in (node.input(0), node.input(1), node.output()))
    factors = {"": into / out, "_below": into * slope / out}
    return (*_factors(**factors), *_zero_points(node))


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator of the table: its C function of two bytes, and the scales that that takes."""

    one: str
    kernels: tuple[str, ...]
    scales: tuple[str, Callable[[Node], Fields]] | None = None
    fast: str = ""  # the kernel for two inputs of one shape, which takes the scales themselves

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        first, second, out = node.input(0), node.input(1), node.output()
        found = [*quantised(first, second, out), *unknown_activation(node)]
        try:
            if np.broadcast_shapes(shape(first), shape(second)) != shape(out):
                raise ValueError
            if not found:
                collapse(*self._views(node))
        except ValueError:
            found.append(
                f"broadcast of {list(shape(first))} and {list(shape(second))} to "
                f"{list(shape(out))} is not supported: reshape before it"
            )
        return found

    def _views(self, node: Node) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sides = shape(node.output())
        first, second = (np.broadcast_to(base(node.input(i)), sides) for i in (0, 1))
        return first, second, base(node.output())

    def call(self, node: Node) -> Call:
        """Return the call of `elementwise`, or of the fast kernel; in place where one shape."""
        (in0, constants0), (in1, constants1) = (source(node, i) for i in (0, 1))
        is_plain = shape(node.input(0)) == shape(node.input(1))
        fields: Fields = self.scales[1](node) if self.scales else ()
        kernels, function = (*self.kernels, f"{self.one}_one", "elementwise"), "elementwise"
        if is_plain and self.fast:
            kernels, function = (*self.kernels, self.fast), self.fast
        else:
            dims, (step0, step1, _) = collapse(*self._views(node))
            text = ", ".join(f".{name} = {value}" for name, value in fields)
            scales = f"&(const {self.scales[0]}){{ {text} }}" if self.scales else "NULL"
            fields = (
                ("dims", array(dims)), ("step0", array(step0)), ("step1", array(step1)),
                ("one", f"{self.one}_one"), ("scales", scales),
            )  # fmt: skip
        return Call(
            kernels, function, fields, (*constants0, *constants1), inputs=(in0, in1),
            lead_bytes=0 if is_plain else None, in_place=(0, 1),
        )  # fmt: skip


REQUANTIZE = ("fixed_point", "requantize_double")
BINARY = {
    "ADD": Binary("add", (*REQUANTIZE, "add_type"), ("add_t", add_fields), fast="add"),
    "MAXIMUM": Binary("maximum", ()),
    "MINIMUM": Binary("minimum", ()),
    "MUL": Binary("mul", REQUANTIZE, ("mul_t", _mul_fields)),
    "PRELU": Binary("prelu", REQUANTIZE, ("prelu_t", _prelu_fields)),
    "SUB": Binary("sub", (*REQUANTIZE, "add_type"), ("add_t", add_fields)),
}
