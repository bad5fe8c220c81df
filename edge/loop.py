"""The one place where sources, engine, decoder, tracker and sinks meet.

While the engine answers frame k on a thread of its own, this thread reads and prepares frame k+1,
and hands it over before it collects k, so that the engine never waits. On live sources it collects
k first and then takes the newest frame: one that waited for the engine would be old.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edge.bundle import Bundle, Thresholds, with_twin
from edge.camera import Context, open_source
from edge.camera.faults import SourceChange
from edge.camera.images import PictureSource
from edge.camera.live import Live
from edge.camera.patience import Patience
from edge.camera.source import Source
from edge.camera.view import View
from edge.config import CameraConfig, Config, EngineConfig, ModelConfig
from edge.errors import EdgeError
from edge.infer.choices import open_engine
from edge.infer.engine import Answer, Engine
from edge.infer.runtime import Runtime, pick
from edge.recognizer import decoder_of, picture_input, read_model, require_decoder
from edge.records import dataclass
from edge.scene import Change, Event, Frame, Prepared, Scene, Timings
from edge.sinks import Setting, Sink, build_sinks
from edge.sinks.draw import Canvas
from edge.sinks.outlets import Outlets
from edge.statistics import Statistics, Tally
from edge.track import Follower, Unfollowed, follower_of
from edge.track.events import track_events
from edge.vision.decoder import Decoder
from edge.vision.geometry import Geometry
from edge.vision.prepare import prepare

log = logging.getLogger(__name__)

# A thread that runs Python hands over after this long; the default of 5 ms would let an idle
# engine wait longer than a small model takes.
SWITCH_S = 0.00005
# Frames of a clip handed over before the oldest is collected: one that is answered, one that
# waits. More did not pay.
AHEAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A frame on its way through the engine."""

    frame: Frame
    geometry: Geometry
    future: Future[Answer]
    read_ms: float
    prepare_ms: float


class Loop:
    """One camera, one model: frames in, scenes out, in order, each frame once."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        source: Source,
        *,
        stop: threading.Event | None = None,
        frames: int | None = None,
        decoder: Decoder | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take open parts, which the caller closes; `frames` ends the loop, as `stop` does."""
        self._bundle, self._engine, self._source = bundle, engine, source
        self._live = source if isinstance(source, Live) else None
        self._input = picture_input(bundle)
        self._decode = decoder or decoder_of(bundle)
        self._follower = follow(bundle, source)
        self._last: Scene | None = None
        self._stop = stop or threading.Event()
        self._frames = frames
        self._clock = clock
        self._tally = Tally()
        self._ended = False
        self._error: EdgeError | None = None
        self._start_s = clock()
        self._outlets = Outlets(())
        if self._live is not None:
            self._live.listen(lambda change: self._outlets.event(source_event(change)))

    def scenes(self) -> Iterator[Scene]:
        """Yield what is on each frame until the source ends; raises what a part raises."""
        flights: deque[Flight] = deque()
        while self._board(flights):
            yield self._collect(flights.popleft())
        if self._error is not None:
            raise self._error

    def _board(self, flights: deque[Flight]) -> bool:
        """Hand over what may be handed over now; return whether a frame is under way."""
        if self._live is None:
            most = AHEAD
        else:
            # a camera with nothing new must not hold back the answer that is there
            wait([flight.future for flight in flights])
            most = 2 if flights and self._live.ready() else 1
        while len(flights) < most and (flight := self._take()):
            flights.append(flight)
        return bool(flights)

    def run(self, sinks: Sequence[Sink]) -> Statistics:
        """Feed every scene to the sinks, which are opened first and closed at the end."""
        self._outlets = Outlets(sinks)
        self._outlets.open()
        self._start_s = self._clock()
        with _quick_hand_over():
            try:
                for scene in self.scenes():
                    self._tell(scene)
            finally:
                self._farewell()
                self._outlets.close()
        return self.statistics()

    def statistics(self) -> Statistics:
        """Return how it went until now."""
        # only live sources drop, and only folders skip
        dropped, skipped = (getattr(self._source, name, 0) for name in ("dropped", "skipped"))
        seconds = self._clock() - self._start_s
        faults = tuple(self._outlets.faults)
        cameras = {self._live.camera: self._live.statistics()} if self._live else {}
        return self._tally.statistics(dropped, skipped, seconds, faults, cameras)

    def _take(self) -> Flight | None:
        """Read, prepare and hand over one frame; None at the end."""
        enough = self._frames is not None and self._tally.frames_in >= self._frames
        if self._ended or enough or self._stop.is_set():
            return None
        start = self._clock()
        frame = self._read()
        read = self._clock()
        if frame is None:
            self._ended = True
            return None
        self._tally.frames_in += 1
        picture = prepare(frame.bgr, self._input)
        future = self._engine.submit(Prepared(frame.camera, (picture.pixels,)))
        prepare_ms = (self._clock() - read) * 1e3
        return Flight(frame, picture.geometry, future, (read - start) * 1e3, prepare_ms)

    def _read(self) -> Frame | None:
        try:
            return self._source.read()
        except EdgeError as error:
            self._error = error  # raised when the frame under way has been answered
            return None

    def _collect(self, flight: Flight) -> Scene:
        answer = flight.future.result()
        start = self._clock()
        found = self._decode(answer.outputs, self._bundle, flight.geometry)
        seen = self._follower.update(found, flight.frame.monotonic_ns)
        decode_ms = (self._clock() - start) * 1e3
        timings = Timings(flight.read_ms, flight.prepare_ms, answer.infer_ms, decode_ms)
        scene = Scene(
            flight.frame, seen.detections, answer.backend, timings, answer.changes,
            entered=seen.entered, left=seen.left,
        )  # fmt: skip
        self._tally.add(scene)
        if self._live is not None:
            self._tally.add_age(self._live.age_ms(flight.frame))
        return scene

    def _tell(self, scene: Scene) -> None:
        for change in scene.changes:
            self._outlets.event(change_event(change, scene, self._bundle.name))
        for event in track_events(scene, self._bundle.name):
            self._outlets.event(event)
        self._outlets.write(scene)
        self._last = scene

    def _farewell(self) -> None:
        """Let everything that is still there leave with the last frame."""
        if self._last is not None:
            end = replace(self._last, entered=(), left=self._follower.finish())
            for event in track_events(end, self._bundle.name):
                self._outlets.event(event)


def follow(bundle: Bundle, source: Source) -> Follower:
    """Return what follows the objects of a camera or clip; pictures have nothing in common."""
    return Unfollowed() if isinstance(source, PictureSource) else follower_of(bundle.task)


def change_event(change: Change, scene: Scene, model: str) -> Event:
    """Return the event of a backend that failed or came back, at the time of the scene."""
    return Event(
        id=os.urandom(8).hex(),
        type=change.type,
        time_utc=scene.frame.time_utc,
        camera=scene.frame.camera,
        label=change.reason,
        backend=change.backend,
        model=model,
    )


def source_event(change: SourceChange) -> Event:
    """Return the event of a camera that failed or came back."""
    return Event(
        id=os.urandom(8).hex(),
        type=change.type,
        time_utc=change.time_utc,
        camera=change.camera,
        label=f"{change.kind}: {change.reason}",
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration came to: open, and closed by `close`."""

    bundle: Bundle
    runtime: Runtime
    engine: Engine
    source: Source
    canvas: Canvas
    sinks: Sequence[Sink]

    def close(self) -> None:
        """Free camera and backends."""
        self.source.close()
        self.engine.close()


def open_parts(config: Config, stop: threading.Event | None = None) -> Parts:
    """Open all that a configuration names, the camera late; raises EdgeError.

    A bare `.tflite`, which may be anybody's, is first built and run once in a child.
    """
    stop = stop or threading.Event()
    runtime = pick(config.engine.runtime)
    bundle = load_model(config.model, runtime)
    judge_foreign(bundle, runtime)
    decoder_of(bundle), picture_input(bundle)
    source = open_camera(config.cameras[0], stop)
    try:
        canvas = Canvas()
        setting = Setting(canvas, source.fps, source.live, bundle.name, stop.set)
        sinks = build_sinks(config, setting)
        engine = open_engine(bundle, runtime, config.engine)
    except BaseException:
        source.close()
        raise
    return Parts(bundle, runtime, engine, source, canvas, sinks)


def load_model(config: ModelConfig, runtime: Runtime) -> Bundle:
    """Return the model with the thresholds that this run shall have."""
    bundle = with_twin(config.bundle, lambda path: read_model(path, config.labels, runtime))
    return bundle if config.threshold is None else with_threshold(bundle, config.threshold)


def with_threshold(bundle: Bundle, threshold: float) -> Bundle:
    """Return the model with one threshold, 0..1, for all labels; it is not guessed any more."""
    guesses = bundle.guesses
    if guesses:
        from edge.bundle.bare import threshold_guess  # a bundle is run without it

        guessed = threshold_guess(bundle.thresholds.default)
        guesses = tuple(guess for guess in guesses if guess != guessed)
    return replace(bundle, thresholds=Thresholds(threshold), guesses=guesses)


def judge_foreign(bundle: Bundle, runtime: Runtime) -> None:
    """Build and run a model that came without a bundle in a child first; raises EdgeError.

    So it does where its outputs suit no decoder.
    """
    if bundle.folder is None and not bundle.cpu_missing:  # a compiled one lives in a child anyway
        from edge.infer.judge import judge  # a run of an own bundle starts without it

        judge(bundle, runtime)
        require_decoder(bundle)


def open_camera(config: CameraConfig, stop: threading.Event) -> Source:
    """Return the source; one that is live has given its first picture, or raises."""
    view = View(config.rotate_deg, config.roi)
    patience = Patience(config.open_timeout_ms, config.read_timeout_ms)
    return open_source(config.source, Context(config.name, view, stop=stop, patience=patience))


def watch(
    bundle: Bundle | Path | str, source: Source | str, *, threshold: float | None = None
) -> Iterator[Scene]:
    """Yield a Scene for each frame of a source: 0, a device, a file, folder, glob or address.

    Leaving the iteration closes camera and model. Raises EdgeError.
    """
    stop = threading.Event()
    runtime = pick()
    model = bundle if isinstance(bundle, Bundle) else load_model(ModelConfig(Path(bundle)), runtime)
    if threshold is not None:
        model = with_threshold(model, threshold)
    camera = source if not isinstance(source, str) else open_camera(CameraConfig(source), stop)
    try:
        judge_foreign(model, runtime)
        with open_engine(model, runtime, EngineConfig()) as engine, _quick_hand_over():
            yield from Loop(model, engine, camera, stop=stop).scenes()
    finally:
        camera.close()


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM set `stop`, and the second one kill."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def end(*_: object) -> None:
        stop.set()
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _quick_hand_over() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
