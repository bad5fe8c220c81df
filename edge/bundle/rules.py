"""What each key of `model.toml` may hold, and how a table is checked against it."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args

from edge.bundle.parts import FORMAT, Role, Task
from edge.records import dataclass

DECODERS = ("classify", "ssd", "centroid", "boxes", "none")
# What an output may hold: every type of fixed size, so that the schema need not be loaded here.
OUTPUT_DTYPES = (
    "int2", "int4", "bool", "int8", "uint8", "int16", "uint16", "float16", "bfloat16", "int32",
    "uint32", "float32", "int64", "uint64", "float64", "complex64", "complex128",
)  # fmt: skip
NAME = re.compile(r"[a-z][a-z0-9_]*")
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key must hold, in code and in words, and what stands for its absence."""

    test: Callable[[Any], bool]
    allowed: str
    default: Any = _REQUIRED


def is_number(value: Any) -> bool:
    """Tell whether a value of a TOML file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(default: Any = _REQUIRED) -> Rule:
    return Rule(lambda v: isinstance(v, str), "text", default)


def _choice(choices: tuple[str, ...], default: Any = _REQUIRED) -> Rule:
    return Rule(lambda v: v in choices, " | ".join(choices), default)


def _integer(low: int, high: int, default: Any = _REQUIRED) -> Rule:
    return Rule(lambda v: _is_int(v) and low <= v <= high, f"a whole number {low}..{high}", default)


def _number(low: float, high: float, default: Any = _REQUIRED) -> Rule:
    return Rule(lambda v: is_number(v) and low <= v <= high, f"a number {low}..{high}", default)


def _numbers(words: str, default: Any, test: Callable[[Any], bool] = is_number) -> Rule:
    return Rule(
        lambda v: isinstance(v, list) and 0 < len(v) < 100 and all(map(test, v)), words, default
    )


def _tables(words: str) -> Rule:
    return Rule(lambda v: isinstance(v, list) and bool(v) and all(map(_is_table, v)), words)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


_ANY_TABLE = Rule(_is_table, "a table", {})


def _shape(least: int, words: str) -> Rule:
    return Rule(
        lambda v: isinstance(v, list) and len(v) <= 8 and all(_is_int(x) and x >= least for x in v),
        words,
    )


_TENSOR = {
    "name": _text(),
    "shape": _shape(0, "a list of whole numbers"),
    "scale": _number(0.0, math.inf),
    "zero_point": _integer(-(2**31), 2**31 - 1),
}
INPUT = _TENSOR | {
    "kind": _choice(("image", "tensor")),
    "dtype": _choice(("int8", "uint8")),
    "color": _choice(("rgb", "bgr", "gray"), "rgb"),
    "resize": _choice(("stretch", "letterbox", "crop"), "stretch"),
    "interpolation": _choice(("linear", "area", "nearest"), "linear"),
    "fill": _integer(0, 255, 114),
    "mean": _numbers("a list of numbers", [0.0]),
    "std": _numbers("a list of numbers above 0", [255.0], lambda v: is_number(v) and v > 0),
}
OUTPUT = _TENSOR | {
    "role": _choice(get_args(Role)),
    "shape": _shape(-1, "a list of whole numbers, -1 where only an answer tells the size"),
    "dtype": _choice(OUTPUT_DTYPES),
}
DECODE = {
    "decoder": _choice(DECODERS, "none"),
    "background": Rule(lambda v: isinstance(v, bool), "true | false", False),
    "stride_px": _integer(1, 4096, 8),
    "distance_unit_px": _integer(1, 4096, 32),
    "nms_iou": _number(0.0, 1.0, 0.5),
}
THRESHOLDS = {"default": _number(0.0, 1.0, 0.5), "label": _ANY_TABLE}
INTERVAL = {key: _number(-math.inf, math.inf) for key in ("value", "low", "high")} | {
    "n": _integer(0, 2**31)
}
SCORE = {
    "metric": _choice(("top1", "map50", "f1_iou50", "f1_centroid")),
    "float": _ANY_TABLE,
    "int8": _ANY_TABLE,
}
TOP = {
    "format": _integer(1, FORMAT),
    "name": Rule(
        lambda v: isinstance(v, str) and NAME.fullmatch(v) is not None, f"[{NAME.pattern}]"
    ),
    "version": _integer(0, 2**63 - 1, 1),
    "task": _choice(get_args(Task)),
    "created": Rule(lambda v: isinstance(v, datetime), "a date and time", None),
    "created_by": _text(""),
    "license": _text("proprietary"),
    "input": _tables("at least one [[input]]"),
    "output": _tables("at least one [[output]]"),
    "decode": _ANY_TABLE,
    "thresholds": _ANY_TABLE,
    "score": Rule(_is_table, "a table", None),
    "data": _ANY_TABLE,
    "requires": _ANY_TABLE,
    "golden": _ANY_TABLE,
    "files": _ANY_TABLE,
}


def take(
    where: str, table: Mapping[str, Any], rules: Mapping[str, Rule], faults: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (values by rule, keys without a rule); what breaks a rule is added to `faults`."""
    values = {}
    for key, rule in rules.items():
        name = f"{where}{key}"
        if key not in table:
            if rule.default is _REQUIRED:
                faults.append(f"{name} is missing; it is {rule.allowed}")
            values[key] = None if rule.default is _REQUIRED else rule.default
        elif not rule.test(table[key]):
            faults.append(f"{name} is {table[key]!r}; it must be {rule.allowed}")
            values[key] = None if rule.default is _REQUIRED else rule.default
        else:
            values[key] = table[key]
    return values, {key: value for key, value in table.items() if key not in rules}
