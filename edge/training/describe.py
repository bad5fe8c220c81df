"""What a bundle says of a user's model: inputs, outputs, task and labels, told or found out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge import tflite
from edge.bundle import Decode, Input, Output, Role, Task
from edge.errors import BadDataError
from edge.training.calibration import Material, Samples, realise
from edge.training.load import FloatModel, Port
from edge.training.pixels import guess, is_picture

Numbers = float | tuple[float, ...]
CLASSIFY, RAW = Decode("classify"), Decode("none")
LOOKED_AT = 64  # samples that decide how pixels go in, and whether outputs are scores


@dataclass(frozen=True, slots=True)
class Pictures:
    """How pictures are prepared; None for what is to be found out."""

    mean: Numbers | None = None
    std: Numbers | None = None
    color: str | None = None
    resize: str = "stretch"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What the model is for; labels in the order of its classes."""

    task: Task
    decode: Decode
    roles: tuple[Role, ...]
    labels: tuple[str, ...]


def describe_inputs(
    model: FloatModel,
    material: Material,
    hints: Sequence[Input] | None,
    pictures: Pictures,
    notes: list[str],
) -> tuple[Input, ...]:
    """Return the model's inputs, scale still 0.0; what was found out goes to `notes`.

    Raises BadDataError where hints do not fit the model.
    """
    if hints is not None:
        return _hinted(model, hints)
    return tuple(
        _found_out(model, index, port, material, pictures, notes)
        for index, port in enumerate(model.inputs)
    )


def _hinted(model: FloatModel, hints: Sequence[Input]) -> tuple[Input, ...]:
    if len(hints) != len(model.inputs):
        raise BadDataError(f"{len(hints)} inputs described; the model has {len(model.inputs)}")
    faults = [
        f"input {hint.name!r} is described as {list(hint.shape)}; the model has {list(port.shape)}"
        for hint, port in zip(hints, model.inputs, strict=True)
        if tuple(hint.shape) not in (port.shape, ())
    ]
    if faults:
        raise BadDataError(*faults)
    return tuple(
        replace(hint, shape=port.shape, dtype="int8", scale=0.0, zero_point=0)
        for hint, port in zip(hints, model.inputs, strict=True)
    )


def _found_out(
    model: FloatModel,
    index: int,
    port: Port,
    material: Material,
    pictures: Pictures,
    notes: list[str],
) -> Input:
    plain = Input(port.name, "tensor", port.shape, "int8", 0.0, 0)
    asked = pictures.mean is not None or pictures.std is not None
    if not (is_picture(port, material) or (asked and len(port.shape) == 4)):
        return plain
    color = pictures.color or ("gray" if port.shape[3] == 1 else "rgb")
    raw = replace(plain, kind="image", color=color, resize=pictures.resize, mean=(0.0,), std=(1.0,))  # type: ignore[arg-type]
    if asked:
        mean, std = _numbers(pictures.mean, 0.0), _numbers(pictures.std, 1.0)
        return replace(raw, mean=mean, std=std)
    pixels = _pixels(material, raw) if len(model.inputs) == 1 else None
    found = guess(model, index, material, pixels)
    notes.append(
        f"input {port.name!r}: {color}, {pictures.resize}, mean {found.mean:g}, std {found.std:g}, "
        f"since {found.why}; say otherwise with --mean and --std"
    )
    return replace(raw, mean=(found.mean,), std=(found.std,))


def _numbers(value: Numbers | None, default: float) -> tuple[float, ...]:
    if value is None:
        return (default,)
    return tuple(value) if isinstance(value, tuple) else (float(value),)


def _pixels(material: Material, raw: Input) -> Samples | None:
    """Return some samples as plain pixel values 0..255, None where floats were given."""
    if material.rows and np.asarray(material.rows[0][0]).dtype != np.uint8:
        return None
    return realise(material.thinned(LOOKED_AT), (raw,))


def describe_purpose(
    model: FloatModel,
    samples: Samples,
    material: Material,
    labels: Sequence[str],
    notes: list[str],
) -> Purpose:
    """Return what a user's model is for, by its outputs and labels.

    A single output (1, C) with C labels, or C class folders, is a classifier.
    """
    port = model.outputs[0]
    classes = port.shape[-1] if len(port.shape) == 2 else 0
    raw = Purpose("raw", RAW, raw_roles(model), tuple(labels))
    if len(model.outputs) > 1 or classes < 2:
        if classes == 1 and (labels or material.truth):
            notes.append(
                "one output value is no classifier here: the bundle is raw; end the model with "
                "Dense(2, activation='softmax') to have its classes named"
            )
        return raw
    labels = labels or _folder_labels(material, classes, notes)
    if not labels:
        notes.append(f"no labels for {classes} classes: the bundle is raw; give --labels FILE")
        return raw
    if len(labels) != classes:
        raise BadDataError(f"{len(labels)} labels; the model has {classes} classes")
    role: Role = "scores" if _are_scores(model, samples) else "logits"
    return Purpose("classify", CLASSIFY, (role,), tuple(labels))


def _folder_labels(material: Material, classes: int, notes: list[str]) -> tuple[str, ...]:
    names = sorted({name for name in material.truth if isinstance(name, str)})
    if len(names) != classes:
        return ()
    notes.append(f"labels are the class folders in the order that Keras reads: {', '.join(names)}")
    return tuple(names)


def _are_scores(model: FloatModel, samples: Samples) -> bool:
    """Return whether every answer to some samples is 0..1, as after softmax or sigmoid."""
    count = min(len(samples[0]), LOOKED_AT)
    answers = [model.call([s[i : i + 1] for s in samples])[0] for i in range(count)]
    values = np.concatenate(answers)
    return bool(values.min() >= 0 and values.max() <= 1)


def truth_numbers(material: Material, labels: Sequence[str]) -> tuple[int, ...]:
    """Return the class number of each sample, () where they are not known.

    Raises BadDataError with every class folder that is no label, or number out of range.
    """
    faults = [
        f"class folder {name!r} is no label of the model; its labels: {', '.join(labels)}"
        for name in sorted({t for t in material.truth if isinstance(t, str)} - set(labels))
    ]
    numbers = [t for t in material.truth if isinstance(t, int)]
    if numbers and not 0 <= min(numbers) <= max(numbers) < len(labels):
        faults.append(f"y goes from {min(numbers)} to {max(numbers)}; {len(labels)} labels")
    if faults:
        raise BadDataError(*faults)
    index = {label: i for i, label in enumerate(labels)}
    return tuple(index[t] if isinstance(t, str) else t for t in material.truth)


def filled_inputs(specs: Sequence[Input], graph: tflite.Graph, io: str) -> tuple[Input, ...]:
    """Return the inputs with type, scale and zero point of the converted model."""
    return tuple(
        replace(spec, shape=tensor.shape, dtype=io, scale=scale, zero_point=zero)
        for spec, (tensor, scale, zero) in zip(specs, _border(graph, graph.inputs), strict=True)
    )


def described_outputs(model: FloatModel, roles: Sequence[Role]) -> tuple[Output, ...]:
    """Return the model's outputs with these roles, scale still 0.0."""
    return tuple(
        Output(port.name, role, port.shape, "int8", 0.0, 0)
        for port, role in zip(model.outputs, roles, strict=True)
    )


def filled_outputs(specs: Sequence[Output], graph: tflite.Graph, io: str) -> tuple[Output, ...]:
    """Return the outputs with shape, type, scale and zero point of the converted model."""
    return tuple(
        replace(spec, shape=tensor.shape, dtype=io, scale=scale, zero_point=zero)
        for spec, (tensor, scale, zero) in zip(specs, _border(graph, graph.outputs), strict=True)
    )


def _border(graph: tflite.Graph, indices: Sequence[int]) -> list[tuple[tflite.Tensor, float, int]]:
    found = []
    for tensor in (graph.tensors[i] for i in indices):
        if tensor.quant is None:
            raise BadDataError(f"tensor {tensor.name!r} of the converted model has no scale")
        found.append((tensor, tensor.quant.scales[0], tensor.quant.zero_points[0]))
    return found


def raw_roles(model: FloatModel) -> tuple[Role, ...]:
    """Return the role raw for every output."""
    return tuple("raw" for _ in model.outputs)


def chosen_roles(
    model: FloatModel, given: Mapping[str, Role] | None, default: Sequence[Role]
) -> tuple[Role, ...]:
    """Return a role per output: the given ones by name, `default` or raw for the rest."""
    if given is None:
        return tuple(default)
    names = [port.name for port in model.outputs]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise BadDataError(
            f"no output {', '.join(map(repr, unknown))}; the model's outputs: {', '.join(names)}"
        )
    return tuple(given.get(name, "raw") for name in names)


def bundle_name(out: Path) -> str:
    """Return a folder's name as a bundle may be called: [a-z][a-z0-9_]*."""
    plain = re.sub(r"[^a-z0-9]+", "_", out.resolve().stem.lower()).strip("_")
    return plain if plain and plain[0].isalpha() else f"model_{plain}".strip("_")
