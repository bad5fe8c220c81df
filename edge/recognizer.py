"""A model, ready: give it a picture, get what is on it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge import bundle as bundles
from edge.bundle import Bundle, Input
from edge.errors import BadDataError, UsageError
from edge.infer.backend import Choice
from edge.infer.cpu import open_cpu
from edge.infer.engine import Engine
from edge.infer.runtime import Runtime, pick
from edge.scene import Frame, Prepared, Scene, Timings
from edge.vision import DECODERS, TAKES
from edge.vision.decoder import Decoder
from edge.vision.prepare import prepare

CAMERA = "picture"  # the camera's name in a scene that no camera took


def decoder_of(bundle: Bundle) -> Decoder:
    """Return the decoder that the bundle names; raises BadDataError where it is unknown."""
    name = bundle.decode.decoder
    if name not in DECODERS:
        raise BadDataError(f"no decoder {name!r}; known decoders: {', '.join(DECODERS)}")
    return DECODERS[name]


def picture_input(bundle: Bundle) -> Input:
    """Return the one image input; raises BadDataError where the model wants something else.

    Inputs that the model's own outputs feed are none of the frame's.
    """
    fed = {name for name, _ in bundle.states}
    asked = [spec for spec in bundle.inputs if spec.name not in fed]
    if len(asked) == 1 and asked[0].kind == "image":
        return asked[0]
    got = ", ".join(f"{i.kind} {i.name} {list(i.shape)}" for i in bundle.inputs) or "none"
    raise BadDataError(f"model '{bundle.name}' does not take one picture; its inputs: {got}")


def require_decoder(bundle: Bundle) -> None:
    """Raise BadDataError where a bare model's outputs suit no decoder: nothing would be named."""
    if bundle.folder is not None or bundle.task != "raw":
        return
    got = ", ".join(f"{o.name} {o.dtype} {list(o.shape)}" for o in bundle.outputs) or "none"
    takes = "; ".join(f"{name} takes {what}" for name, what in TAKES.items())
    raise BadDataError(
        f"no decoder takes what model '{bundle.name}' gives: {got}. Decoder {takes}. "
        "Labels (--labels FILE) may tell more of the outputs"
    )


class Recognizer:
    """Answers one picture at a time, in the caller's thread; a context manager."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take an open engine, which `close` closes; `clock` counts seconds."""
        self.bundle = bundle
        self._engine = engine
        self._decode = decoder_of(bundle)
        self._input = picture_input(bundle)
        self._clock = clock
        self._now = now
        self._count = 0

    def __call__(self, bgr: NDArray[np.uint8]) -> Scene:
        """Return what is on a picture, BGR uint8 (height, width, 3).

        Raises BadDataError for another array, UnavailableError when no backend answers.
        """
        start = self._clock()
        picture = prepare(bgr, self._input)
        prepared = self._clock()
        answer = self._engine.submit(Prepared(CAMERA, (picture.pixels,))).result()
        answered = self._clock()
        found = self._decode(answer.outputs, self.bundle, picture.geometry)
        done = self._clock()
        frame = Frame(CAMERA, self._count, int(start * 1e9), self._now(), bgr)
        self._count += 1
        prepare_ms, decode_ms = (prepared - start) * 1e3, (done - answered) * 1e3
        timings = Timings(0.0, prepare_ms, answer.infer_ms, decode_ms)
        return Scene(frame, found, answer.backend, timings, answer.changes)

    def close(self) -> None:
        """Close the engine and its backends."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_recognizer(
    model: Bundle | Path | str,
    *,
    labels: Path | str | None = None,
    runtime: str = "auto",
    threads: int | None = None,
) -> Recognizer:
    """Return a recognizer on the CPU for a bundle, its folder, or a `.tflite` with `labels`.

    `runtime` is auto, litert or tflite-runtime. A bare file, which may be anybody's, is first
    built and run once in a child. Raises EdgeError: not found, bad data, no runtime.
    """
    chosen = pick(runtime)
    bundle = model if isinstance(model, Bundle) else read_model(Path(model), labels, chosen)
    decoder_of(bundle), picture_input(bundle)
    if bundle is not model and bundle.folder is None:
        from edge.infer.judge import judge  # an own bundle is answered without it

        judge(bundle, chosen)
        require_decoder(bundle)
    count = 1 if threads is None else threads
    cpu = Choice("cpu", lambda: open_cpu(bundle, chosen, count))
    return Recognizer(bundle, Engine([cpu], shapes=[o.shape for o in bundle.outputs]))


def read_model(
    path: Path, labels: Path | str | None = None, runtime: Runtime | None = None
) -> Bundle:
    """Return the bundle at a path; `labels` has one label a line, for a bare `.tflite` only.

    Where `runtime` verifies files itself, the record is not compared with the file: the backend
    compares it with the interpreter, which is much quicker to ask. A bundle with a model for the
    Edge TPU is compared: there the record must be right before either backend answers.
    """
    if labels is None:
        asked_later = runtime is not None and runtime.verifies_models
        compiled = (path / bundles.EDGETPU_MODEL).is_file()
        return bundles.read(path, against_model=compiled or not asked_later)
    if path.is_dir():
        raise UsageError(f"{path} is a bundle and has its own labels; labels are for a .tflite")
    return bundles.read_bare(path, Path(labels))
