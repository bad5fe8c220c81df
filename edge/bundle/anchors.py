"""The anchors of an SSD whose boxes leave the model undecoded: they lie in its file."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge import tflite
from edge.metadata import read_anchor_options

POSTPROCESS = "TFLite_Detection_PostProcess"
# What TensorFlow's SSD trainers divide encodings by, where a file does not say: y, x, h, w.
USUAL_SCALES = (10.0, 10.0, 5.0, 5.0)
_SCALE_KEYS = ("y_scale", "x_scale", "h_scale", "w_scale")


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Where N boxes are by default, and how an encoding moves them.

    `boxes` float32 (N, 4): y centre, x centre, height, width in fractions of the input. `scales`
    divide the four encodings; `stated` tells whether the file gives them. `exponential`: heights
    and widths are encoded as logarithms. `background` and `sigmoid` are None where nothing says.
    """

    boxes: NDArray[np.float32]
    scales: tuple[float, float, float, float] = USUAL_SCALES
    stated: bool = False
    exponential: bool = True
    background: bool | None = None
    sigmoid: bool | None = None
    nms_iou: float | None = None


def find_anchors(model: bytes, count: int, slices: int) -> Anchors | None:
    """Return the anchors of `count` boxes with `slices` scores each, None where the file has none.

    From the metadata for MediaPipe's detector, else from a constant of count x 4 together with
    the options of TFLite_Detection_PostProcess where the graph still holds it. Raises
    BadDataError where the file is damaged.
    """
    own = read_anchor_options(model)
    if own is not None and len(own.boxes) == count:
        return Anchors(
            np.array(own.boxes, np.float32),
            own.scales,
            stated=True,
            exponential=own.exponential,
            background=slices == own.classes + 1 if own.classes else None,
            sigmoid=own.sigmoid,
        )
    graph = tflite.read(model)
    boxes = _constant(graph, count)
    if boxes is None:
        return None
    options = postprocess_options(graph)
    scales = tuple(options.get(key, 0.0) for key in _SCALE_KEYS)
    stated = all(math.isfinite(scale) and scale > 0 for scale in scales)
    classes, nms_iou = options.get("num_classes"), options.get("nms_iou_threshold", math.nan)
    return Anchors(
        boxes,
        (scales[0], scales[1], scales[2], scales[3]) if stated else USUAL_SCALES,
        stated,
        background=slices == classes + 1 if classes else None,
        nms_iou=nms_iou if 0 <= nms_iou <= 1 else None,
    )


def postprocess_options(graph: tflite.Graph) -> dict[str, float]:
    """Return the options of the operator that decodes an SSD, {} where the graph has none."""
    found = (op for op in graph.operators if op.custom and op.op == POSTPROCESS)
    return next((dict(tflite.read_numbers(op)) for op in found), {})


def _constant(graph: tflite.Graph, count: int) -> NDArray[np.float32] | None:
    """Return the one constant of (count, 4) that can be anchors, as real numbers."""
    found = [
        real
        for tensor in graph.tensors
        if tensor.data is not None and tensor.shape in ((count, 4), (1, count, 4))
        if (real := _real(tensor)) is not None and _plausible(real)
    ]
    return found[0] if len(found) == 1 else None


def _real(tensor: tflite.Tensor) -> NDArray[np.float32] | None:
    if tensor.dtype not in ("float32", "float16", "int8", "uint8", "int16") or tensor.is_sparse:
        return None
    values = np.frombuffer(tensor.data or b"", np.dtype(tensor.dtype).newbyteorder("<"))
    real = values.reshape(-1, 4).astype(np.float32)
    if tensor.quant is None:
        return real if tensor.dtype.startswith("float") else None
    return (real - tensor.quant.zero_points[0]) * np.float32(tensor.quant.scales[0])


def _plausible(boxes: NDArray[np.float32]) -> bool:
    """Tell whether these can be boxes: finite, of positive size, centred in or near the input."""
    centres, sizes = boxes[:, :2], boxes[:, 2:]
    near = (centres > -0.5) & (centres < 1.5)
    return bool(np.isfinite(boxes).all() and (sizes > 0).all() and near.all())
