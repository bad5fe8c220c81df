"""What a run is made of, in the shape of the daemon's configuration, version 1."""

from dataclasses import field
from pathlib import Path
from typing import Literal

from edge.records import dataclass
from edge.scene import FULL_BOX, Box

VERSION = 1
Degrees = Literal[0, 90, 180, 270]
STANDARD_OUTPUT = "-"
WEB_ADDRESS = "127.0.0.1:8080"  # of the live page, unless another is asked for
EDGETPU_LIBRARY = "libedgetpu.so.1"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which model: a bundle or a bare `.tflite`, then with a file of labels.

    `threshold`, 0..1, takes the place of all the thresholds of the bundle.
    """

    bundle: Path
    labels: Path | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What answers: `backends` in order of preference, `runtime` auto, litert or tflite-runtime.

    `edgetpu` names devices, usb:0 or pci:0, or is ("auto",) for all that are found below `root`;
    `edgetpu_library` is a name that the loader finds, or a path. `edgetpu_required`: an error
    where none of them works at the start; afterwards the CPU stands in all the same.
    """

    backends: tuple[str, ...] = ("edgetpu", "cpu")
    runtime: str = "auto"
    threads: int = 1
    edgetpu: tuple[str, ...] = ("auto",)
    edgetpu_required: bool = False
    edgetpu_library: str = EDGETPU_LIBRARY
    deadline_ms: float = 250.0
    root: Path = Path("/")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One source and how it is looked at; `name` is [a-z0-9_]+: part of file names.

    The timeouts are for live sources: to open one, and from one picture to the next.
    """

    source: str
    name: str = "camera"
    rotate_deg: Degrees = 0
    roi: Box = FULL_BOX
    open_timeout_ms: int = 3000
    read_timeout_ms: int = 3000


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """What is kept: an annotated video, a folder of annotated stills."""

    video: Path | None = None
    stills: Path | None = None


@dataclass(frozen=True, slots=True)
class JsonlConfig:
    """Where scene and event lines go; `-` is standard output."""

    path: str


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Where the live page listens: HOST:PORT on this machine."""

    listen: str


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run; a sink whose part is None is off.

    `window` None: a window where one can open; True: or else an error. `frames` ends the run.
    """

    model: ModelConfig
    cameras: tuple[CameraConfig, ...]
    engine: EngineConfig = field(default_factory=EngineConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    jsonl: JsonlConfig | None = None
    web: WebConfig | None = None
    window: bool | None = False
    frames: int | None = None
    version: int = VERSION
