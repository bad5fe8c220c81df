"""What the outputs of a bare model are taken for: its task, its decoder, a role for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edge import tflite
from edge.bundle.anchors import POSTPROCESS, find_anchors, postprocess_options
from edge.bundle.labels import MAX_LABELS
from edge.bundle.model import file_quant, output_shape
from edge.bundle.parts import Decode, Role, Task
from edge.metadata import TensorInfo

# The outputs of the operator that ends an SSD, in its order.
POSTPROCESS_ROLES: tuple[Role, ...] = ("boxes", "classes", "scores", "count")
# Words of the names that exporters and metadata give these outputs; the first that fits counts.
_NAMES: tuple[tuple[str, Role], ...] = (
    ("num", "count"), ("count", "count"), ("score", "scores"), ("class", "classes"),
    ("categor", "classes"), ("box", "boxes"), ("location", "boxes"),
)  # fmt: skip
# Operators that only change the form of scores.
_PASSING = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
# What converters give every SOFTMAX and LOGISTIC, uint8 and int8.
_SCORE_QUANTS = ((1 / 256, 0), (1 / 256, -128))
_LEAST_ANCHORS = 10
_LEAST_STRIDE_PX = 4  # below it a map of classes is a segmentation
_NMS_IOU = 0.5
_NONE = Decode()


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read the outputs: `roles` has one entry per output, in the order of the file.

    `slices` counts the scores of a box, a cell or a picture, None where nothing says;
    `background` tells whether the first of them is the background, None where nothing says.
    With `offset` the model leaves it out, so that labels may begin with it or not.
    """

    roles: tuple[Role, ...]
    task: Task = "raw"
    decode: Decode = _NONE
    slices: int | None = None
    background: bool | None = None
    offset: bool = False
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outputs:
    """A bare model: its graph and bytes, what metadata say of its outputs, the user's labels.

    `input_px` is the (height, width) of its picture, None where it takes none.
    """

    graph: tflite.Graph
    model: bytes
    infos: tuple[TensorInfo, ...]
    labels: tuple[str, ...]
    input_px: tuple[int, int] | None


def read_outputs(known: Outputs) -> Reading:
    """Return how the outputs are read: the first decoder that suits them, else raw."""
    return next(
        (reading for suits in _READERS if (reading := suits(known))),
        Reading(tuple("raw" for _ in known.graph.outputs)),
    )


def _postprocessed(known: Outputs) -> Reading | None:
    """Take the outputs of TFLite_Detection_PostProcess, wherever they stand among all."""
    graph = known.graph
    made = (op for op in graph.operators if op.custom and op.op == POSTPROCESS)
    for op in made:
        by_index = dict(zip(op.outputs, POSTPROCESS_ROLES, strict=False))
        roles = tuple(by_index.get(index, "raw") for index in graph.outputs)
        if {"boxes", "classes", "scores"} <= set(roles):
            classes = postprocess_options(graph).get("num_classes", 0.0)
            slices = int(classes) if 1 <= classes <= MAX_LABELS else None
            return Reading(roles, "detect", Decode("ssd"), slices, offset=True)
    return None


def _listed(known: Outputs) -> Reading | None:
    """Take four outputs that look like a list of boxes: by name, else by shape and value."""
    shapes = [_shape(known.graph, index) for index in known.graph.outputs]
    if not 3 <= len(shapes) <= 4 or not any(s and s[-1] == 4 and len(s) >= 2 for s in shapes):
        return None
    roles: list[Role] = [_named_role(known, position) for position in range(len(shapes))]
    words = "by their names"
    if len(set(roles)) < len(roles) or not {"boxes", "classes", "scores"} <= set(roles):
        if not _looks_listed(shapes):
            return None
        roles = ["raw" for _ in roles]
        words = "by shape and value"
    guess = f"the outputs are a list of boxes as y0, x0, y1, x1, told from each other {words}"
    return Reading(tuple(roles), "detect", Decode("ssd"), offset=True, guesses=(guess,))


def _looks_listed(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether these are (1, N, 4), twice (1, N) and one number."""
    if len(shapes) != 4:
        return False
    boxes = max(shapes, key=len)
    rest = sorted((s for s in shapes if s is not boxes), key=lambda s: (len(s), s))
    lists = boxes[:-1]
    return len(boxes) >= 2 and boxes[-1] == 4 and rest[1:] == [lists, lists] and rest[0] in (
        (), (1,), (1, 1)
    ) and rest[0] != lists  # fmt: skip


def _heads(known: Outputs) -> Reading | None:
    """Take encodings (1, N, 4) and scores (1, N, C) whose N anchors the file holds."""
    graph = known.graph
    shapes = [_shape(graph, index) for index in graph.outputs]
    if len(shapes) != 2 or any(len(s) != 3 or s[0] != 1 for s in shapes):
        return None
    first = shapes[0]
    at = _score_side(known, shapes)
    if at is None or first[1] != shapes[1][1] or first[1] < _LEAST_ANCHORS:
        return None
    slices = shapes[at][2]
    anchors = find_anchors(known.model, first[1], slices)
    if anchors is None:
        return None
    role, guess = _scores_role(graph, graph.outputs[at], anchors.sigmoid)
    roles: tuple[Role, ...] = ("boxes", role) if at else (role, "boxes")
    scales = ", ".join(f"{scale:g}" for scale in anchors.scales)
    guesses = [f"{first[1]} boxes are decoded with the anchors in the file; y, x, h, w scales "
               f"{scales}{'' if anchors.stated else ', as is usual'}"]  # fmt: skip
    guesses += [guess] if guess else []
    decode = Decode(
        "ssd", nms_iou=round(_NMS_IOU if anchors.nms_iou is None else anchors.nms_iou, 6)
    )
    background = False if anchors.sigmoid and anchors.background is None else anchors.background
    return Reading(roles, "detect", decode, slices, background, guesses=tuple(guesses))


def _score_side(known: Outputs, shapes: Sequence[tuple[int, ...]]) -> int | None:
    """Return which of two heads holds the scores; three classes and a background are four too."""
    fours = [shape[2] == 4 for shape in shapes]
    if fours[0] != fours[1]:
        return 1 if fours[0] else 0
    if not fours[0]:
        return None
    graph = known.graph
    named = [_named_role(known, position) in ("scores", "classes") for position in (0, 1)]
    made = [
        _is_score(graph, index) or _maker(graph, index) in ("SOFTMAX", "LOGISTIC")
        for index in graph.outputs
    ]
    told = made if made[0] != made[1] else named
    return told.index(True) if told[0] != told[1] else None


def _heat_map(known: Outputs) -> Reading | None:
    """Take one map (1, h, w, C) of class scores, smaller than the picture by a whole stride."""
    graph = known.graph
    if len(graph.outputs) != 1 or known.input_px is None:
        return None
    shape = _shape(graph, graph.outputs[0])
    if len(shape) != 4 or shape[0] != 1 or min(shape[1:3]) < 2:
        return None
    (height, width), (rows, columns), slices = known.input_px, shape[1:3], shape[3]
    stride = height // rows
    if (rows * stride, columns * stride) != (height, width) or stride < _LEAST_STRIDE_PX:
        return None
    maker = _maker(graph, graph.outputs[0])
    decode = Decode("centroid", stride_px=stride)
    said = f"the output is a heat map of {rows} x {columns} cells of {stride} px"
    reading = Reading(("heatmap",), "detect", decode, slices, guesses=(said,))
    if maker == "SOFTMAX" and slices > 1:
        return replace(reading, background=True)
    if maker == "LOGISTIC":
        return replace(reading, background=None if known.labels else False)
    if known.labels and len(known.labels) in (slices, slices - 1):
        taken = f"the heat map is made by {maker}: "
        return replace(reading, roles=("logits",), guesses=(said, taken + _ACTIVATION))
    return None


def _classes(known: Outputs) -> Reading | None:
    """Take one vector of class scores."""
    graph = known.graph
    shape = _shape(graph, graph.outputs[0]) if len(graph.outputs) == 1 else ()
    if len(shape) < 2 or shape[-1] < 2 or any(side != 1 for side in shape[:-1]):
        return None
    maker = _maker(graph, graph.outputs[0])
    reading = Reading(("scores",), "classify", Decode("classify"), shape[-1])
    if maker in ("SOFTMAX", "LOGISTIC") or _is_score(graph, graph.outputs[0]):
        return reading
    if not known.labels:
        return None
    guess = f"the output is made by {maker}: softmax is taken to get scores"
    return replace(reading, roles=("logits",), guesses=(guess,))


_ACTIVATION = "softmax is taken where a background is among the classes, else sigmoid"
_READERS: tuple[Callable[[Outputs], Reading | None], ...] = (
    _postprocessed, _classes, _heads, _listed, _heat_map,
)  # fmt: skip


def _shape(graph: tflite.Graph, index: int) -> tuple[int, ...]:
    return output_shape(graph.tensors[index])


def _named_role(known: Outputs, position: int) -> Role:
    """Return the role that the signature, the metadata or the tensor's name says."""
    index = known.graph.outputs[position]
    signature = known.graph.signature.outputs if known.graph.signature else {}
    names = [name for name, at in signature.items() if at == index]
    names += [info.name for info in known.infos[position : position + 1]]
    names += [known.graph.tensors[index].name]
    for name in names:
        for word, role in _NAMES:
            if word in name.lower():
                return role
    return "raw"


def _scores_role(graph: tflite.Graph, index: int, sigmoid: bool | None) -> tuple[Role, str]:
    """Return whether these are scores or logits, and what was guessed about it."""
    maker = _maker(graph, index)
    if not sigmoid and (maker in ("SOFTMAX", "LOGISTIC") or _is_score(graph, index)):
        return "scores", ""
    if sigmoid is not None:
        return ("logits" if sigmoid else "scores"), ""
    return "logits", f"the scores are made by {maker}: {_ACTIVATION}"


def _is_score(graph: tflite.Graph, index: int) -> bool:
    return file_quant(graph.tensors[index]) in _SCORE_QUANTS


def _maker(graph: tflite.Graph, index: int) -> str:
    """Return the operator that gives a tensor its values."""
    makers = {out: op for op in graph.operators for out in op.outputs}
    for _ in range(len(graph.operators)):
        op = makers.get(index)
        if op is None or op.op not in _PASSING or not op.inputs or op.inputs[0] < 0:
            return op.op if op else "nothing"
        index = op.inputs[0]
    return "nothing"
