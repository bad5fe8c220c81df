"""Decode the options of builtin operators by the names that the schema gives their fields."""

import functools
import importlib
import re
from typing import Any

import tflite as schema

from edge.tflite.cursor import Cursor
from edge.tflite.graph import DTYPES, OptionValue, enum_names

_OPTION_TYPES = enum_names(schema.BuiltinOptions)
_OPTION_TYPES_2 = enum_names(schema.BuiltinOptions2)
_OPTION_ENUMS: dict[str, dict[int, str]] = {
    "padding": enum_names(schema.Padding),
    "fused_activation_function": enum_names(schema.ActivationFunctionType),
    "weights_format": enum_names(schema.FullyConnectedOptionsWeightsFormat),
    "kernel_type": enum_names(schema.LSTMKernelType),
    "mode": enum_names(schema.MirrorPadMode),
    "in_data_type": DTYPES,
    "out_data_type": DTYPES,
    "quantized_bias_type": DTYPES,
    "output_type": DTYPES,
    "out_type": DTYPES,
    "idx_out_type": DTYPES,
}


def read_options(cursor: Cursor, where: str, table: Any) -> dict[str, OptionValue]:
    """Return field name -> value of an operator's options, {} where it has none."""
    for types, kind, union in (
        (_OPTION_TYPES, table.BuiltinOptionsType(), table.BuiltinOptions()),
        (_OPTION_TYPES_2, table.BuiltinOptions2Type(), table.BuiltinOptions2()),
    ):
        if kind and union is not None:
            if kind not in types:
                cursor.faults.append(f"{where}: options of type {kind} are unknown")
                return {}
            return _decode_options(cursor, where, types[kind], union)
    return {}


def _decode_options(cursor: Cursor, where: str, kind: str, union: Any) -> dict[str, OptionValue]:
    cls, fields = _option_fields(kind)
    options = cls()
    options.Init(union.Bytes, union.Pos)
    result: dict[str, OptionValue] = {}
    for name, method, is_vector in fields:
        value: Any = cursor.numbers(options, method) if is_vector else getattr(options, method)()
        names = _OPTION_ENUMS.get(name)
        if names is not None and value not in names:
            cursor.faults.append(f"{where}: {name} {value} is unknown; known: 0..{max(names)}")
        elif value is not None:
            value = names[value] if names else value
            result[name] = cursor.text(value) if isinstance(value, bytes) else value
    return result


@functools.cache
def _option_fields(kind: str) -> tuple[Any, tuple[tuple[str, str, bool], ...]]:
    """Return the generated class of an options table and its (name, method, is a vector)."""
    cls = getattr(importlib.import_module(f"tflite.{kind}"), kind)
    methods = [m for m in vars(cls) if m[0].isupper() and m != "Init"]
    vectors = {m.removesuffix("AsNumpy") for m in methods if m.endswith("AsNumpy")}
    derived = {v + tail for v in vectors for tail in ("AsNumpy", "Length", "IsNone")}
    fields = [
        m for m in methods if m not in derived and not m.startswith("GetRoot")
        and not m.endswith("BufferHasIdentifier")
    ]  # fmt: skip
    return cls, tuple((_snake(m), m, m in vectors) for m in fields)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
