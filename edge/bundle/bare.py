"""A bare `.tflite` as a bundle: what its file does not say is inferred, and said aloud."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from edge import tflite
from edge.bundle.checks import file_quant, file_shape, output_shape
from edge.bundle.labels import parse_labels
from edge.bundle.parts import Bundle, Decode, Input, Output, Role, Task, Thresholds
from edge.errors import BadDataError, NotFoundError
from edge.metadata import Metadata, TensorInfo, read_metadata

POSTPROCESS = "TFLite_Detection_PostProcess"
# The outputs of that operator, in its order.
POSTPROCESS_ROLES: tuple[Role, ...] = ("boxes", "classes", "scores", "count")
# Operators that only change the form of scores.
_PASSING = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
# What converters give every SOFTMAX and LOGISTIC, uint8 and int8.
_SCORE_QUANTS = ((1 / 256, 0), (1 / 256, -128))
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
    names = _labels_of(bare, Path(labels) if labels is not None else None)
    inputs = tuple(_input(bare, position) for position in range(len(bare.graph.inputs)))
    roles = _roles(bare, bool(names))
    outputs = tuple(_output(bare, position, role) for position, role in enumerate(roles))
    task, decoder = _task(roles)
    if task == "classify" and not names:
        names = tuple(str(index) for index in range(outputs[0].shape[-1]))
        bare.guesses.append(f"no labels: the {len(names)} classes are named by their number")
    background = task == "classify" and bool(names) and names[0].lower() == "background"
    if background:
        bare.guesses.append("label 0 is 'background': it is never reported")
    bundle = Bundle(
        name=_name(path),
        task=task,
        inputs=inputs,
        outputs=outputs,
        decode=Decode(decoder=decoder, background=background),
        labels=names,
        model=model,
        thresholds=_thresholds(bare, task, len(names)),
        guesses=tuple(bare.guesses),
    )
    _refuse_wrong_labels(path, bundle)
    return bundle


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


def _labels_of(bare: _Bare, path: Path | None) -> tuple[str, ...]:
    if path is None:
        infos = (*bare.metadata.outputs, *bare.metadata.inputs)
        return next((info.labels for info in infos if info.labels), ())
    try:
        labels, indexed = parse_labels(_read_file(path, "label").decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadDataError(f"label file {str(path)!r} is not UTF-8: {error}") from error
    if not labels:
        raise BadDataError(f"label file {str(path)!r} is empty")
    if indexed:
        bare.guesses.append("labels: the number before each name is its index")
    return labels


def _refuse_wrong_labels(path: Path, bundle: Bundle) -> None:
    if bundle.task != "classify":
        return
    count = bundle.outputs[0].shape[-1]
    if len(bundle.labels) != count:
        cure = "; add 'background' as its first line" if len(bundle.labels) == count - 1 else ""
        raise BadDataError(f"{path}: {len(bundle.labels)} labels for {count} scores{cure}")


def _info(infos: tuple[TensorInfo, ...], position: int) -> TensorInfo | None:
    return infos[position] if position < len(infos) else None


def _tensor_name(bare: _Bare, index: int, side: str) -> str:
    """Return the signature's name of a tensor, else its own."""
    signature = bare.graph.signature
    names = getattr(signature, side) if signature else {}
    return next((name for name, at in names.items() if at == index), bare.graph.tensors[index].name)


def _input(bare: _Bare, position: int) -> Input:
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
    # models are trained on pictures made small without aliasing, which linear would bring
    bare.guesses.append(f"input {name!r}: the whole picture, stretched, resized by area")
    return Input(
        name, "image", shape, tensor.dtype, scale, zero_point,
        color="gray" if channels == 1 else "rgb", interpolation="area", mean=mean, std=std,
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


def _roles(bare: _Bare, has_labels: bool) -> list[Role]:
    graph = bare.graph
    boxes = next((op for op in graph.operators if op.op == POSTPROCESS), None)
    if boxes:
        roles = dict(zip(boxes.outputs, POSTPROCESS_ROLES, strict=False))
        return [roles.get(index, "raw") for index in graph.outputs]
    output = graph.tensors[graph.outputs[0]] if len(graph.outputs) == 1 else None
    if output and _is_vector(output_shape(output)):
        maker = _maker(graph, graph.outputs[0])
        if maker in ("SOFTMAX", "LOGISTIC") or file_quant(output) in _SCORE_QUANTS:
            return ["scores"]
        if has_labels:
            bare.guesses.append(f"the output is made by {maker}: softmax is taken to get scores")
            return ["logits"]
    return ["raw" for _ in graph.outputs]


def _is_vector(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and shape[-1] >= 2 and all(side == 1 for side in shape[:-1])


def _maker(graph: tflite.Graph, index: int) -> str:
    """Return the operator that gives a tensor its values."""
    makers = {out: op for op in graph.operators for out in op.outputs}
    for _ in range(len(graph.operators)):
        op = makers.get(index)
        if op is None or op.op not in _PASSING or not op.inputs or op.inputs[0] < 0:
            return op.op if op else "nothing"
        index = op.inputs[0]
    return "nothing"


def _task(roles: list[Role]) -> tuple[Task, str]:
    if set(POSTPROCESS_ROLES) <= set(roles):
        return "detect", "ssd"
    if roles in (["scores"], ["logits"]):
        return "classify", "classify"
    return "raw", "none"


def _thresholds(bare: _Bare, task: Task, classes: int) -> Thresholds:
    """Return the metadata's threshold, else one that suits the number of classes."""
    stated = [info.threshold for info in bare.metadata.outputs if info.threshold is not None]
    if stated and 0 <= stated[0] <= 1:
        return Thresholds(stated[0])
    if task == "raw":
        return Thresholds()
    default = FEW_CLASSES_THRESHOLD if classes <= FEW_CLASSES else MANY_CLASSES_THRESHOLD
    bare.guesses.append(f"scores from {default} on are reported")
    return Thresholds(default)
