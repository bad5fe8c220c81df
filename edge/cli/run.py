"""`edge run`: recognise objects on what a camera, a clip or pictures show."""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.bundle import Bundle, Thresholds
from edge.cli import show
from edge.cli.camera import (
    Words,
    camera_of,
    require_opencv,
    roi_option,
    rotate_option,
    source_option,
    web_of,
    web_option,
    window_option,
)
from edge.collector import Paused
from edge.config import (
    STANDARD_OUTPUT,
    Config,
    EngineConfig,
    JsonlConfig,
    ModelConfig,
    RecordConfig,
)
from edge.errors import CannotWriteError, EdgeError, UsageError
from edge.infer.backend import Reals
from edge.infer.runtime import PACKAGES
from edge.scene import Detection
from edge.statistics import Statistics, statistics_record, statistics_text

# What needs OpenCV is imported in the functions: without it, one line says how to get it.
if TYPE_CHECKING:
    from edge.loop import Parts
    from edge.sinks import Sink
    from edge.vision.decoder import Decoder
    from edge.vision.geometry import Geometry

log = logging.getLogger(__name__)

BACKENDS = {
    "auto": EngineConfig(),
    "edgetpu": EngineConfig(edgetpu_required=True),
    "cpu": EngineConfig(backends=("cpu",)),
}
DEVICE = r"edgetpu:((?:usb|pci):\d{1,2})"


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@source_option
@click.option("--labels", type=click.Path(path_type=Path), help="One label a line.")
@click.option("--threshold", type=click.FloatRange(0.0, 1.0), help="Least score, for all labels.")
@click.option(
    "--backend", default="auto", show_default=True, metavar="auto|edgetpu[:usb:N|:pci:N]|cpu"
)
@click.option("--runtime", default="auto", show_default=True, metavar="auto|litert|tflite-runtime")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True)
@rotate_option
@roi_option
@window_option
@click.option("--video", type=click.Path(path_type=Path), help="FILE.webm, .mp4 or .avi.")
@click.option("--stills", type=click.Path(path_type=Path), help="A JPEG of each detection.")
@click.option("--jsonl", metavar="FILE|-", help="A JSON line for each frame and event.")
@web_option
@click.option("--frames", type=click.IntRange(1), help="Stop after N frames.")
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Recognise objects with MODEL, a bundle or a .tflite file, on what SOURCE shows."""
    require_opencv("run")
    with Paused():
        config = configure(options)
        from edge.loop import Loop, open_parts, stop_on_signals
        from edge.recognizer import decoder_of

    stop = threading.Event()
    with stop_on_signals(stop):
        try:
            parts = open_parts(config, stop)
        except EdgeError:
            if stop.is_set():  # Ctrl-C ends the judging child as well, which is no fault of a model
                raise click.Abort from None
            raise
        try:
            announce(parts)
            best = Best(decoder_of(parts.bundle))
            loop = Loop(
                parts.bundle, parts.engine, parts.source,
                stop=stop, frames=config.frames, decoder=best.decode,
            )  # fmt: skip
            try:
                loop.run([*parts.sinks, *talkers(ctx, config, parts, best, stop)])
            finally:
                report(ctx, config, loop.statistics())
        finally:
            parts.close()
    faults = loop.statistics().sink_faults
    if faults:
        raise CannotWriteError(*faults)


def configure(options: Mapping[str, Any]) -> Config:
    """Return the configuration of one camera; raises UsageError with every wrong word."""
    words = Words()
    engine = words.check(parse_backend, options["backend"], EngineConfig())
    runtime = words.check(parse_runtime, options["runtime"])
    camera = camera_of(words, options)
    web = web_of(words, options)
    words.check(check_video, options["video"])
    words.settle()
    jsonl = options["jsonl"]
    return Config(
        model=ModelConfig(options["model"], options["labels"], options["threshold"]),
        cameras=(camera,),
        engine=replace(engine, runtime=runtime, threads=options["threads"]),
        record=RecordConfig(options["video"], options["stills"]),
        jsonl=None if jsonl is None else JsonlConfig(jsonl),
        web=web,
        window=options["window"],
        frames=options["frames"],
    )


def parse_backend(text: str) -> EngineConfig:
    """Return what --backend says of the engine."""
    if text in BACKENDS:
        return BACKENDS[text]
    device = re.fullmatch(DEVICE, text)
    if device is None:
        raise UsageError(
            f"no backend '{text}'; --backend takes {', '.join(BACKENDS)}, edgetpu:usb:N, "
            "edgetpu:pci:N"
        )
    return replace(BACKENDS["edgetpu"], edgetpu=(device[1],))


def parse_runtime(text: str) -> str:
    """Return a name that the runtimes know."""
    if text not in ("auto", *PACKAGES):
        raise UsageError(f"no runtime '{text}'; --runtime takes {', '.join(('auto', *PACKAGES))}")
    return text


def check_video(path: Path) -> None:
    """Raise UsageError where no codec suits the name."""
    from edge.sinks.video import codec_of

    codec_of(path)


def announce(parts: "Parts") -> None:
    """Say what runs, and what was guessed about a bare model."""
    for guess in parts.bundle.guesses:
        log.info("guessed: %s", guess)
    if parts.bundle.decode.decoder == "none":
        log.warning("model %s has no decoder: nothing will be named", parts.bundle.name)
    log.info("model %s on %s, from %s", parts.bundle.name, parts.runtime.description,
             parts.source.description)  # fmt: skip
    backends = parts.engine.statistics().backends
    for backend in backends if len(backends) > 1 else ():
        log.info("%s: %s", backend.name, backend.fault or backend.description)


class Best:
    """A decoder that remembers the best class of each picture, also below its threshold."""

    def __init__(self, decoder: "Decoder") -> None:
        """Wrap the bundle's own decoder."""
        self._decoder = decoder
        self.detection: Detection | None = None

    def decode(
        self, outputs: "Reals", bundle: Bundle, geometry: "Geometry"
    ) -> tuple[Detection, ...]:
        """Decode as the bundle says."""
        found = self._decoder(outputs, bundle, geometry)
        every = found
        if not found and bundle.task == "classify":
            every = self._decoder(outputs, replace(bundle, thresholds=Thresholds(0.0)), geometry)
        self.detection = every[0] if every else None
        return found


def talkers(
    ctx: click.Context, config: Config, parts: "Parts", best: Best, stop: threading.Event
) -> list["Sink"]:
    """Return the sinks that talk to the person: a line a picture, or a status now and then."""
    from edge.camera.images import PictureSource
    from edge.sinks.console import PicturesSink, StatusSink
    from edge.sinks.standard_output import StandardOutput

    source = parts.source
    if not isinstance(source, PictureSource):
        return [StatusSink(parts.canvas, lambda: getattr(source, "dropped", 0))]
    if ctx.obj["json"] or _prints_lines(config):
        return []
    output = StandardOutput(stop.set)
    return [PicturesSink(output, source.paths, lambda: best.detection)]


def report(ctx: click.Context, config: Config, statistics: Statistics) -> None:
    """Print how it went: on standard error where standard output carries JSON lines."""
    if _prints_lines(config):
        import json

        record = statistics_record(statistics)
        text = json.dumps(record) if ctx.obj["json"] else statistics_text(statistics)
        click.echo(text, err=True)
    elif not ctx.obj["quiet"]:
        show(ctx, statistics_record(statistics), statistics_text(statistics))


def _prints_lines(config: Config) -> bool:
    return config.jsonl is not None and config.jsonl.path == STANDARD_OUTPUT
