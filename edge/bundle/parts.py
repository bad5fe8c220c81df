"""The nouns of a bundle: frozen data, no files."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from edge.records import dataclass

FORMAT = 1

Task = Literal["classify", "detect", "raw"]
Role = Literal[
    "scores", "logits", "objectness", "distances", "boxes",
    "classes", "count", "heatmap", "sizes", "raw",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """One model input; the fields from `color` on apply to images only.

    `real = (pixel_0_255 - mean) / std`, per channel, and `q = round(real / scale) + zero_point`.
    A `scale` of 0.0 means a float border.
    """

    name: str
    kind: Literal["image", "tensor"]
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    color: Literal["rgb", "bgr", "gray"] = "rgb"
    resize: Literal["stretch", "letterbox", "crop"] = "stretch"
    interpolation: Literal["linear", "area", "nearest"] = "linear"
    fill: int = 114
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)


@dataclass(frozen=True, slots=True)
class Output:
    """One model output; `real = (q - zero_point) * scale`.

    A side of `shape` is -1 where only an answer tells it; () may also stand for no known shape.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Decode:
    """How outputs become detections; `decoder` is a row of `edge.vision.DECODERS`."""

    decoder: str = "none"
    background: bool = False
    stride_px: int = 8
    distance_unit_px: int = 32
    nms_iou: float = 0.5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least scores, 0..1: one for all, some by label."""

    default: float = 0.5
    label: Mapping[str, float] = field(default_factory=dict)

    def of(self, label: str) -> float:
        """Return the least score of a label."""
        return self.label.get(label, self.default)


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95 % interval over `n` pictures."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Score:
    """The float model beside the int8 one, on the same held-out pictures."""

    metric: Literal["top1", "map50", "f1_iou50", "f1_centroid"]
    float: Interval
    int8: Interval


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model with all that is needed to use it rightly.

    `folder` is None for a bare `.tflite`; `guesses` then says, one line each, what was inferred,
    and `states` pairs inputs with the outputs that they repeat on the next frame. Format 1 has no
    word for states, so a bundle cannot hold them.
    `extra` holds the keys of model.toml that this version does not know; a rewrite keeps them.
    `cpu_missing` names the CPU model that a compiled one came without: then `model` is compiled.
    """

    name: str
    task: Task
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    decode: Decode
    labels: tuple[str, ...]
    model: bytes
    version: int = 1
    created: str = ""
    created_by: str = ""
    license: str = "proprietary"
    thresholds: Thresholds = field(default_factory=Thresholds)
    score: Score | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, Any] = field(default_factory=dict)
    golden: Mapping[str, Any] = field(default_factory=dict)
    edgetpu_model: bytes | None = None
    folder: Path | None = None
    states: tuple[tuple[str, str], ...] = ()
    guesses: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    cpu_missing: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Inputs and the outputs that BUILTIN_REF gives for them.

    One array per tensor in bundle order, (count, *shape of the tensor), in the tensor's dtype.
    """

    inputs: tuple[NDArray[Any], ...]
    outputs: tuple[NDArray[Any], ...]
