"""Anchors in the metadata of MediaPipe's object detector: object_detector_metadata_schema.fbs."""

import math
import struct
from dataclasses import dataclass

from flatbuffers import number_types
from flatbuffers.table import Table

from edge import tflite
from edge.errors import BadDataError
from edge.metadata.view import View

BUFFER_NAME = "DETECTOR_METADATA"
IDENTIFIER = b"V001"
MOST_ANCHORS = 200_000


@dataclass(frozen=True, slots=True)
class AnchorOptions:
    """Anchors, (y centre, x centre, height, width) each, and how encodings move them.

    `scales` divide the encodings, in the same order; `classes` counts the scores of a box, 0
    where nothing is said.
    """

    boxes: tuple[tuple[float, float, float, float], ...]
    scales: tuple[float, float, float, float]
    exponential: bool
    sigmoid: bool
    classes: int


def read_anchor_options(model: bytes) -> AnchorOptions | None:
    """Return the detector's anchors of a model, None where its metadata hold none.

    Raises BadDataError where the model or these metadata are damaged.
    """
    blob = tflite.read_metadata_buffers(model).get(BUFFER_NAME)
    if blob is None:
        return None
    if blob[4:8] != IDENTIFIER:
        raise BadDataError(f"{BUFFER_NAME} begins with {blob[:8]!r}; {IDENTIFIER!r} at byte 4")
    try:
        return _options(View(Table(blob, struct.unpack_from("<I", blob)[0])))
    except (struct.error, ValueError, IndexError, TypeError, OverflowError) as error:
        raise BadDataError(f"the model's {BUFFER_NAME} is damaged: {error}") from error


def _options(root: View) -> AnchorOptions | None:
    holder, decoding = root.child(1), root.child(2)
    fixed = holder.child(0) if holder else None
    if fixed is None or decoding is None:
        return None
    number = number_types.Float32Flags
    # of an anchor the file holds x, y, width, height, and 0 by leaving it out
    boxes = tuple(
        (_float(a, 1), _float(a, 0), _float(a, 3), _float(a, 2))
        for a in fixed.children(0, MOST_ANCHORS)
    )
    x, y, w, h = (float(decoding.number(slot, number, 1.0)) or 1.0 for slot in (6, 7, 8, 9))
    if not all(math.isfinite(value) for value in (x, y, w, h, *(v for box in boxes for v in box))):
        raise ValueError("an anchor or a scale is not a number")
    return AnchorOptions(
        boxes,
        (y, x, h, w),
        exponential=bool(decoding.number(10, number_types.BoolFlags, False)),
        sigmoid=bool(decoding.number(11, number_types.BoolFlags, False)),
        classes=int(decoding.number(0, number_types.Int32Flags, 0)),
    )


def _float(view: View, slot: int) -> float:
    return float(view.number(slot, number_types.Float32Flags, 0.0))
