"""A camera picture made into what the model expects: size, shape, colour order."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bundle import Input
from edge.errors import BadDataError
from edge.records import dataclass
from edge.vision.geometry import SAME, Geometry, Placement, geometry, place

INTERPOLATIONS = {
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "nearest": cv2.INTER_NEAREST,
}
CONVERSIONS = {"rgb": cv2.COLOR_BGR2RGB, "gray": cv2.COLOR_BGR2GRAY}
CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A prepared picture: `pixels` uint8 (height, width, channels) in the model's colour order."""

    pixels: NDArray[np.uint8]
    geometry: Geometry = SAME


def prepare(bgr: NDArray[np.uint8], spec: Input) -> Picture:
    """Return a BGR picture, uint8 (height, width, 3), as the image input `spec` wants it.

    Resizes first and converts the colours of the small picture: 2.7 times faster than the
    other way round at 1080p. Raises BadDataError on another picture or an impossible input.
    """
    height, width = _size(spec)
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8 or bgr.size == 0:
        raise BadDataError(f"not a picture: {bgr.dtype} {bgr.shape}; needs uint8 (h, w, 3) in BGR")
    frame_px, input_px = (bgr.shape[1], bgr.shape[0]), (width, height)
    placement = place(frame_px, input_px, spec.resize)
    resized = _resize(bgr, placement, spec)
    # C order whatever the caller's strides were: the border copies the bytes as they lie
    pixels = np.ascontiguousarray(_convert(resized, spec.color))
    return Picture(pixels, geometry(frame_px, input_px, placement))


def _size(spec: Input) -> tuple[int, int]:
    channels = CHANNELS[spec.color]
    if spec.kind != "image" or len(spec.shape) != 4 or spec.shape[3] != channels:
        raise BadDataError(
            f"input '{spec.name}' is no picture: {spec.kind} {list(spec.shape)} in {spec.color}; "
            f"needs an image [1, height, width, {channels}]"
        )
    return spec.shape[1], spec.shape[2]


def _resize(bgr: NDArray[np.uint8], placement: Placement, spec: Input) -> NDArray[np.uint8]:
    tx, ty, tw, th = placement.taken_px
    px, py, pw, ph = placement.placed_px
    part = bgr[ty : ty + th, tx : tx + tw]
    if (tw, th) != (pw, ph):
        how = INTERPOLATIONS[spec.interpolation]
        part = np.asarray(cv2.resize(part, (pw, ph), interpolation=how), np.uint8)
    height, width = spec.shape[1:3]
    if (pw, ph) == (width, height):
        return part
    canvas = np.full((height, width, 3), spec.fill, np.uint8)
    canvas[py : py + ph, px : px + pw] = part
    return canvas


def _convert(bgr: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    if color == "bgr":
        return bgr
    converted = np.asarray(cv2.cvtColor(bgr, CONVERSIONS[color]), np.uint8)
    return converted[..., np.newaxis] if color == "gray" else converted
