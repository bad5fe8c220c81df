"""The way from the record in `model.toml` to a bundle and back."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from edge.bundle.parts import FORMAT, Bundle, Decode, Input, Interval, Output, Score, Thresholds
from edge.bundle.rules import (
    DECODE,
    INPUT,
    INTERVAL,
    OUTPUT,
    SCORE,
    THRESHOLDS,
    TOP,
    Rule,
    is_number,
    take,
)

# Which keys of [decode] say something, by decoder.
_DECODE_KEYS = {
    "boxes": ("stride_px", "distance_unit_px", "nms_iou"),
    "centroid": ("stride_px", "nms_iou"),
    "ssd": ("nms_iou",),
}
# What [files] may list; whatever else stands there is a newer version's.
FILES = ("model.tflite", "model_edgetpu.tflite", "labels.txt", "golden.npz")
_TENSOR_KEYS = ("name", "shape", "dtype", "scale", "zero_point")
_IMAGE_KEYS = ("color", "resize", "interpolation", "fill", "mean", "std")


def from_record(record: Mapping[str, Any], faults: list[str]) -> dict[str, Any] | None:
    """Return the fields of a Bundle that the record gives, None where faults were added."""
    before = len(faults)
    top, extra = take("", record, TOP, faults)
    inputs = _array("input", top, INPUT, faults, extra)
    outputs = _array("output", top, OUTPUT, faults, extra)
    decode = _nested("decode", top, DECODE, faults, extra)
    thresholds = _nested("thresholds", top, THRESHOLDS, faults, extra)
    for label, value in thresholds["label"].items():
        if not is_number(value) or not 0 <= value <= 1:
            faults.append(f"thresholds.label.{label} is {value!r}; it must be a number 0..1")
    score = _score(top, faults, extra) if top["score"] is not None else None
    files = {name: entry for name, entry in top["files"].items() if name not in FILES}
    if files:
        extra["files"] = files
    if len(faults) > before:
        return None
    return {
        **{key: top[key] for key in ("name", "version", "task", "created_by", "license")},
        **{key: top[key] for key in ("data", "requires", "golden")},
        "created": _utc_text(top["created"]) if top["created"] else "",
        "inputs": tuple(Input(**_frozen(values)) for values in inputs),
        "outputs": tuple(Output(**_frozen(values)) for values in outputs),
        "decode": Decode(**decode),
        "thresholds": Thresholds(**thresholds),
        "score": Score(**score) if score else None,
        "extra": extra,
    }


def _nested(
    key: str,
    table: Mapping[str, Any],
    rules: Mapping[str, Rule],
    faults: list[str],
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Take a table inside a table; its unknown keys go to `extra` under the same name."""
    values, rest = take(f"{key}.", table[key], rules, faults)
    if rest:
        extra[key] = rest
    return values


def _array(
    key: str,
    table: Mapping[str, Any],
    rules: Mapping[str, Rule],
    faults: list[str],
    extra: dict[str, Any],
) -> list[dict[str, Any]]:
    taken = [
        take(f"{key}[{index}].", each, rules, faults) for index, each in enumerate(table[key] or [])
    ]
    if any(rest for _, rest in taken):
        extra[key] = [rest for _, rest in taken]
    return [values for values, _ in taken]


def _score(top: Mapping[str, Any], faults: list[str], extra: dict[str, Any]) -> dict[str, Any]:
    values = _nested("score", top, SCORE, faults, extra)
    before = len(faults)
    for key in ("float", "int8"):
        interval, rest = take(f"score.{key}.", values[key], INTERVAL, faults)
        if rest:
            extra.setdefault("score", {})[key] = rest
        if len(faults) == before:
            values[key] = Interval(**interval)
    return values


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def _utc_text(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_record(bundle: Bundle, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the record of a bundle, with the keys that an older reading did not know."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "name": bundle.name,
        "version": bundle.version,
        "task": bundle.task,
    }
    if bundle.created:
        record["created"] = datetime.fromisoformat(bundle.created)
    record |= {"created_by": bundle.created_by, "license": bundle.license}
    record["input"] = [_input_record(spec) for spec in bundle.inputs]
    record["output"] = [
        {"name": spec.name, "role": spec.role, **_picked(spec, _TENSOR_KEYS[1:])}
        for spec in bundle.outputs
    ]
    keys = ("decoder", "background", *_DECODE_KEYS.get(bundle.decode.decoder, ()))
    record["decode"] = _picked(bundle.decode, keys)
    record["thresholds"] = {
        "default": bundle.thresholds.default,
        "label": dict(bundle.thresholds.label),
    }
    if bundle.score:
        record["score"] = dataclasses.asdict(bundle.score)
    for key in ("data", "requires", "golden"):
        if getattr(bundle, key):
            record[key] = dict(getattr(bundle, key))
    record["files"] = {name: dict(entry) for name, entry in files.items()}
    return _merged(record, bundle.extra)


def _input_record(spec: Input) -> dict[str, Any]:
    keys = _TENSOR_KEYS[1:] + (_IMAGE_KEYS if spec.kind == "image" else ())
    return {"name": spec.name, "kind": spec.kind, **_picked(spec, keys)}


def _picked(data: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    values = {key: getattr(data, key) for key in keys}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def _merged(record: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with the unknown keys of `extra`; what is known wins."""
    for key, value in extra.items():
        known = record.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping):
            _merged(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            for each, rest in zip(known, value, strict=False):
                _merged(each, rest)
        elif key not in record:
            record[key] = value
    return record


def unknown_keys(extra: Mapping[str, Any], where: str = "") -> list[str]:
    """Return the dotted names of keys that this version does not know."""
    names: list[str] = []
    for key, value in extra.items():
        if where == "" and key in TOP and isinstance(value, dict):
            names += [f"{key}.{name}" for name in value]
        elif where == "" and key in TOP and isinstance(value, list):
            names += [f"{key}[{i}].{name}" for i, rest in enumerate(value) for name in rest]
        else:
            names.append(key)
    return names
