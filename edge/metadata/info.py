"""What a model says of itself: the fields of TFLite Metadata that this project uses."""

from dataclasses import dataclass
from typing import Literal

BUFFER_NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"

Kind = Literal["image", "feature", "boxes", "other"]
# Rows of the schema's unions and enumerations.
CONTENT: dict[int, Kind] = {1: "feature", 2: "image", 3: "boxes"}
COLORS = {1: "rgb", 2: "gray"}
NORMALIZATION, THRESHOLDING = 1, 3
AXIS_LABELS, VALUE_LABELS = 2, 3


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What metadata say of one input or output.

    `real = (x - mean) / std`, per channel or one for all; () where nothing is said. `labels` name
    the slices of the last axis, or (`labels_of` value) what the values stand for.
    """

    name: str
    description: str = ""
    kind: Kind = "feature"
    color: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    labels_of: Literal["axis", "value"] = "axis"
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a model says of itself; inputs and outputs in the order of the file."""

    name: str = ""
    description: str = ""
    version: str = ""
    author: str = ""
    license: str = ""
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
