"""The whole path in one go: pictures, training, int8, the camera loop, and what came of it."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.bundle import Bundle
from edge.camera import Source
from edge.camera.images import PictureSource
from edge.config import (
    CameraConfig,
    Config,
    EngineConfig,
    JsonlConfig,
    ModelConfig,
    RecordConfig,
    WebConfig,
)
from edge.errors import CannotWriteError, UnavailableError
from edge.infer.choices import open_engine
from edge.infer.runtime import pick
from edge.loop import Loop, open_camera, stop_on_signals
from edge.scene import Frame
from edge.sinks import Setting, build_sinks
from edge.sinks.display import why_no_window
from edge.sinks.draw import Canvas
from edge.sinks.video import to_h264
from edge.statistics import Statistics
from edge.training.clip import write_clip
from edge.training.dataset import Dataset, read_dataset
from edge.training.evaluate import Evaluation
from edge.training.fit import DEMO_PRESETS, train
from edge.training.lines import LineScore, score_jsonl
from edge.training.networks import FITTING
from edge.training.picture import score_picture
from edge.training.scenes import digits_dataset
from edge.training.trainer import Report

log = logging.getLogger(__name__)

WEBCAM_S = 30.0  # how long a webcam is watched where no window can be closed
PICTURES_FPS = 3.0  # held-out pictures follow each other slowly enough to look at them
MOST_PICTURES = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked of the demo; `camera` None: the first webcam, else a clip."""

    out: Path
    data: Path | None = None
    quick: bool = False
    web: str | None = None
    window: bool | None = None
    camera: str | None = None
    epochs: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Files:
    """What the demo leaves behind in its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """Return where the model is."""
        return self.folder / "model"

    @property
    def video(self) -> Path:
        """Return the annotated video: VP8, which every browser plays."""
        return self.folder / "demo.webm"

    @property
    def h264(self) -> Path:
        """Return the same video as H.264, there only where ffmpeg is."""
        return self.folder / "demo.mp4"

    @property
    def score(self) -> Path:
        """Return the picture of precision, recall and confusion."""
        return self.folder / "score.png"

    @property
    def events(self) -> Path:
        """Return one line a frame: what was recognised."""
        return self.folder / "events.jsonl"

    @property
    def clip(self) -> Path:
        """Return the rendered clip."""
        return self.folder / "clip.avi"

    @property
    def truth(self) -> Path:
        """Return one line a frame of the clip: what is on it."""
        return self.folder / "truth.jsonl"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo made and how it went; `clip` scores the rendered clip, if that was shown."""

    bundle: Bundle
    files: Files
    source: str
    statistics: Statistics
    clip: LineScore | None


def run_demo(options: Options, report: Report, say: Callable[[str], None]) -> Outcome:
    """Train, quantize, watch a camera or clip, and leave everything in `options.out`.

    `report` hears how far the training is, `say` a line at each step. Raises EdgeError.
    """
    files = Files(options.out)
    _make_room(files)
    if options.data is None:
        dataset = _digits(options, say)
        model, preset = "tiny-boxes", DEMO_PRESETS["plain" if options.quick else "robust"]
        epochs: int | None = preset.epochs
    else:
        dataset = read_dataset(options.data, seed=options.seed)
        model, epochs = FITTING[dataset.task], None
    for note in dataset.notes:
        say(note)
    name = "digits" if options.data is None else "model"
    bundle = train(
        dataset,
        files.bundle,
        model=model,
        name=name,
        epochs=options.epochs or epochs,
        seed=options.seed,
        progress=report,
        scored=lambda before, after: _show_scores(before, after, files, say),
    )
    stop = threading.Event()
    source = _choose_source(options, dataset, files, stop, say)
    statistics = _watch(options, bundle, source, files, stop, say)
    was_clip = source.description == f"'{files.clip}'"
    score = score_jsonl(files.events, files.truth) if was_clip else None
    return Outcome(bundle, files, source.description, statistics, score)


def next_commands(outcome: Outcome, data: Path | None) -> tuple[str, ...]:
    """Return three commands to go on with, fit for this machine."""
    folder = outcome.files.bundle
    own = f"edge train {data} --out my_model" if data else "edge demo --data YOUR_PICTURES"
    return (
        f"edge run {folder} --source 0 --web",
        f"edge fit {folder}",
        own,
    )


def _make_room(files: Files) -> None:
    """Create the folder and drop what an earlier demo left, so that nothing old looks new."""
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
        for path in (files.video, files.h264, files.score, files.events, files.clip, files.truth):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWriteError(f"cannot write into '{files.folder}': {error.strerror}") from None


def _digits(options: Options, say: Callable[[str], None]) -> Dataset:
    say("composing scenes: real handwritten digits on two photographs, held-out ones for the test")
    return digits_dataset("plain" if options.quick else "robust", options.seed)


def _show_scores(
    before: Evaluation, after: Evaluation, files: Files, say: Callable[[str], None]
) -> None:
    score_picture(before, after, files.score)
    for metric, old in before.metrics.items():
        new = after.metrics[metric]
        say(
            f"{metric:<9} float {old.value:.3f} ({old.low:.3f} to {old.high:.3f})   "
            f"int8 {new.value:.3f} ({new.low:.3f} to {new.high:.3f})   on {new.n} held-out pictures"
        )


def _choose_source(
    options: Options,
    dataset: Dataset,
    files: Files,
    stop: threading.Event,
    say: Callable[[str], None],
) -> Source:
    """Return the webcam if one opens, else the clip or the held-out pictures."""
    for spec in [options.camera] if options.camera else first_webcam(Path("/dev")):
        try:
            return open_camera(CameraConfig(spec, "demo"), stop)
        except UnavailableError as error:
            if options.camera:
                raise
            say(f"no webcam: {error}")
    if options.data is None:
        say("no webcam here: held-out digits move over the held-out photograph instead")
        write_clip(files.clip, files.truth, seed=options.seed)
        return open_camera(CameraConfig(str(files.clip), "demo"), stop)
    paths = [sample.path for sample in dataset.test if sample.path is not None]
    step = max(len(paths) // MOST_PICTURES, 1)
    say("no webcam here: the held-out pictures are shown instead")
    return PictureSource(paths[::step][:MOST_PICTURES], "held-out pictures", "demo")


def first_webcam(devices: Path) -> list[str]:
    """Return the camera to try, as `--source` takes it; none where `devices` has no video0."""
    return ["0"] if (devices / "video0").exists() else []


class Paced:
    """A source that a person watches: frames come at their own rate, not as fast as they can."""

    live = False

    def __init__(
        self,
        source: Source,
        fps: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Slow `source` down to `fps` frames a second."""
        self.description, self.fps = source.description, fps
        self._source, self._clock, self._sleep = source, clock, sleep
        self._due_s: float | None = None

    def read(self) -> Frame | None:
        """Return the next frame when it is due, or None at the end."""
        now = self._clock()
        due = now if self._due_s is None else max(self._due_s, now)
        self._sleep(due - now)
        self._due_s = due + 1.0 / self.fps
        return self._source.read()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _watch(
    options: Options,
    bundle: Bundle,
    source: Source,
    files: Files,
    stop: threading.Event,
    say: Callable[[str], None],
) -> Statistics:
    """Run the camera loop until the source ends, the window is closed, or the time is over."""
    config = Config(
        model=ModelConfig(files.bundle),
        cameras=(CameraConfig(source.description, "demo"),),
        record=RecordConfig(video=files.video),
        jsonl=JsonlConfig(str(files.events)),
        web=WebConfig(options.web) if options.web else None,
        window=options.window,
    )
    fps = source.fps or PICTURES_FPS
    setting = Setting(Canvas(), fps, source.live, f"edge demo: {bundle.name}", stop.set)
    sinks = build_sinks(config, setting)
    has_window = options.window is not False and why_no_window() is None
    shown = options.web is not None or has_window
    watched = Paced(source, fps) if shown and not source.live else source
    say(f"recognising: {source.description}")
    with stop_on_signals(stop), open_engine(bundle, pick(), EngineConfig()) as engine:
        timer = threading.Timer(WEBCAM_S, stop.set)
        if source.live and not shown:
            timer.start()
        try:
            statistics = Loop(bundle, engine, watched, stop=stop).run(sinks)
        finally:
            timer.cancel()
            source.close()
    if files.video.exists() and shutil.which("ffmpeg"):
        to_h264(files.video, files.h264)
    return statistics
