"""A bare `.tflite` as a bundle: what its file does not say is inferred, and said aloud."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from edge import tflite
from edge.bundle.fitting import find_states, fit_labels
from edge.bundle.labels import named, parse_labels
from edge.bundle.model import file_quant, file_shape, output_shape
from edge.bundle.outputs import Outputs, Reading, read_outputs
from edge.bundle.parts import Bundle, Input, Output, Role, Thresholds
from edge.errors import BadDataError, NotFoundError
from edge.metadata import Metadata, TensorInfo, read_metadata

_MIN_IMAGE_PX = 8
# Least scores where nobody says any: among many classes even a right answer may score low.
FEW_CLASSES = 20
FEW_CLASSES_THRESHOLD, MANY_CLASSES_THRESHOLD = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class _Bare:
    """What is known of a bare model, and the guesses made so far."""

    graph: tflite.Graph
    metadata: Metadata
    guesses: list[str] = field(default_factory=list)


def read_bare(path: Path | str, labels: Path | str | None = None) -> Bundle:
    """Return a `.tflite` file as a bundle; labels from a file, else from its metadata.

    `guesses` has one line for each thing that was inferred. Raises NotFoundError; BadDataError
    where the model is damaged or its labels do not suit its outputs.
    """
    path = Path(path)
    model = _read_file(path, "model")
    try:
        bare = _Bare(tflite.read(model), read_metadata(model) or Metadata())
    except BadDataError as error:
        raise BadDataError(*(f"{path}: {fault}" for fault in error.faults)) from error
    labels_read, indexed = _labels_of(bare, Path(labels) if labels is not None else None)
    try:
        reading = _reading(bare, model, labels_read)
        fitted = fit_labels(reading, labels_read, indexed)
    except BadDataError as error:
        raise BadDataError(*(f"{path}: {fault}" for fault in error.faults)) from error
    inputs = tuple(_input(bare, at, reading) for at in range(len(bare.graph.inputs)))
    outputs = tuple(_output(bare, at, role) for at, role in enumerate(reading.roles))
    states = find_states(inputs, outputs) if reading.task != "raw" else ()
    bare.guesses.extend([*reading.guesses, *fitted.guesses, *map(_state_words, states)])
    return Bundle(
        name=_name(path),
        task=reading.task,
        inputs=inputs,
        outputs=outputs,
        decode=replace(reading.decode, background=fitted.background),
        labels=fitted.labels,
        model=model,
        thresholds=_thresholds(bare, reading, len(fitted.labels)),
        states=states,
        guesses=tuple(bare.guesses),
    )


def _reading(bare: _Bare, model: bytes, labels: tuple[str, ...]) -> Reading:
    graph = bare.graph
    sizes = [
        shape[1:3]
        for at, index in enumerate(graph.inputs)
        if _is_image(shape := file_shape(graph.tensors[index]), graph.tensors[index].dtype,
                     _info(bare.metadata.inputs, at))
    ]  # fmt: skip
    size = (sizes[0][0], sizes[0][1]) if sizes else None
    return read_outputs(Outputs(graph, model, bare.metadata.outputs, labels, size))


def _state_words(state: tuple[str, str]) -> str:
    return (
        f"input {state[0]!r} is a state: output {state[1]!r} of the frame before, nought at first"
    )


def _read_file(path: Path, what: str) -> bytes:
    if not path.is_file():
        raise NotFoundError(f"no {what} file {str(path)!r}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {what} file {str(path)!r}: {error.strerror}") from error


def _name(path: Path) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", path.stem.lower())
    return name if re.match("[a-z]", name) else f"m_{name}"


def _labels_of(bare: _Bare, path: Path | None) -> tuple[tuple[str, ...], bool]:
    """Return the labels by index, and whether their file said the indices."""
    if path is None:
        infos = (*bare.metadata.outputs, *bare.metadata.inputs)
        return named(next((info.labels for info in infos if info.labels), ())), False
    try:
        labels, indexed = parse_labels(_read_file(path, "label").decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadDataError(f"label file {str(path)!r} is not UTF-8: {error}") from error
    if not labels:
        raise BadDataError(f"label file {str(path)!r} is empty")
    if indexed:
        bare.guesses.append("labels: the number before each name is its index")
    return labels, indexed


def _info(infos: tuple[TensorInfo, ...], position: int) -> TensorInfo | None:
    return infos[position] if position < len(infos) else None


def _tensor_name(bare: _Bare, index: int, side: str) -> str:
    """Return the signature's name of a tensor, else its own."""
    signature = bare.graph.signature
    names = getattr(signature, side) if signature else {}
    return next((name for name, at in names.items() if at == index), bare.graph.tensors[index].name)


def _input(bare: _Bare, position: int, reading: Reading) -> Input:
    index = bare.graph.inputs[position]
    tensor = bare.graph.tensors[index]
    info = _info(bare.metadata.inputs, position)
    shape = file_shape(tensor)
    scale, zero_point = file_quant(tensor)
    name = _tensor_name(bare, index, "inputs")
    if not _is_image(shape, tensor.dtype, info):
        return Input(name, "tensor", shape, tensor.dtype, scale, zero_point)
    mean, std = _normalization(bare, name, tensor.dtype, scale, zero_point, info)
    channels = shape[3]
    if not (info and info.color) and channels == 3:
        bare.guesses.append(f"input {name!r}: colours in the order red, green, blue")
    # classifiers are trained on pictures made small without aliasing, which linear would bring;
    # the SSD trainers resize linearly
    interpolation: Literal["linear", "area"] = (
        "linear" if reading.decode.decoder == "ssd" else "area"
    )
    how = "linearly" if interpolation == "linear" else "by area"
    bare.guesses.append(f"input {name!r}: the whole picture, stretched, resized {how}")
    return Input(
        name, "image", shape, tensor.dtype, scale, zero_point,
        color="gray" if channels == 1 else "rgb", interpolation=interpolation, mean=mean, std=std,
    )  # fmt: skip


def _is_image(shape: tuple[int, ...], dtype: str, info: TensorInfo | None) -> bool:
    """Tell whether an input holds a picture: metadata know; else three channels or a gray square.

    One channel on a rectangle is more often a spectrogram.
    """
    if len(shape) != 4 or shape[0] != 1 or dtype not in ("int8", "uint8", "float32"):
        return False
    _, height, width, channels = shape
    if info and info.kind != "other":
        return info.kind == "image" and channels in (1, 3)
    square = channels == 1 and height == width
    return min(height, width) >= _MIN_IMAGE_PX and (channels == 3 or square)


def _normalization(
    bare: _Bare, name: str, dtype: str, scale: float, zero_point: int, info: TensorInfo | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (mean, std) of `real = (pixel - mean) / std`.

    A uint8 model takes pixels as they are (so do the readers of TFLite Metadata), an int8 model
    without metadata pixels - 128: mean and std are those that give just that through its scale.
    """
    if info and info.mean and info.std and dtype != "uint8":
        return info.mean, info.std
    if dtype == "float32":
        bare.guesses.append(
            f"input {name!r}: float without normalization in its metadata: pixels as -1..1"
        )
        return (127.5,), (127.5,)
    offset = 128 if dtype == "int8" else 0
    taken = "pixel - 128" if offset else "the pixel itself"
    bare.guesses.append(f"input {name!r}: {dtype} value = {taken}")
    if not scale:
        return (float(offset),), (1.0,)
    return (float(zero_point + offset),), (1.0 / scale,)


def _output(bare: _Bare, position: int, role: Role) -> Output:
    index = bare.graph.outputs[position]
    tensor = bare.graph.tensors[index]
    name = _tensor_name(bare, index, "outputs")
    return Output(name, role, output_shape(tensor), tensor.dtype, *file_quant(tensor))


def _thresholds(bare: _Bare, reading: Reading, classes: int) -> Thresholds:
    """Return the metadata's threshold, else one that suits the task and the number of classes."""
    stated = [info.threshold for info in bare.metadata.outputs if info.threshold is not None]
    if stated and 0 <= stated[0] <= 1:
        return Thresholds(stated[0])
    if reading.task == "raw":
        return Thresholds()
    many = reading.task == "classify" and classes > FEW_CLASSES
    default = MANY_CLASSES_THRESHOLD if many else FEW_CLASSES_THRESHOLD
    bare.guesses.append(threshold_guess(default))
    return Thresholds(default)


def threshold_guess(threshold: float) -> str:
    """Return the line for a threshold that nobody stated."""
    return f"scores from {threshold} on are reported"
