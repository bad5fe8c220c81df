"""Where results go."""

import logging
from collections.abc import Callable
from pathlib import Path

from edge.config import STANDARD_OUTPUT, Config
from edge.errors import UnavailableError
from edge.records import dataclass
from edge.sinks.draw import Canvas
from edge.sinks.sink import Sink
from edge.sinks.standard_output import StandardOutput

__all__ = ["SINKS", "Setting", "Sink", "build_sinks"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setting:
    """What sinks know of the run: the source's rate and kind, a title, how to end it."""

    canvas: Canvas
    fps: float | None
    live: bool
    title: str
    stop: Callable[[], None]


def build_sinks(config: Config, setting: Setting) -> list[Sink]:
    """Return the sinks that the configuration names, not opened yet; the canvas stands first."""
    built = (build(config, setting) for build in SINKS.values())
    return [setting.canvas, *(sink for sink in built if sink is not None)]


def _display(config: Config, setting: Setting) -> Sink | None:
    if config.window is False:
        return None
    from edge.sinks.display import DisplaySink, why_no_window

    why = why_no_window()
    if why is None:
        return DisplaySink(setting.canvas, setting.stop, setting.title)
    if config.window:
        raise UnavailableError(f"no window: {why}")
    # nobody expects a window for a folder of pictures
    moving = setting.live or setting.fps is not None
    log.log(logging.INFO if moving else logging.DEBUG, "no window: %s", why)
    return None


def _video(config: Config, setting: Setting) -> Sink | None:
    if config.record.video is None:
        return None
    from edge.sinks.video import VideoSink

    return VideoSink(config.record.video, setting.canvas, setting.fps, setting.live)


def _stills(config: Config, setting: Setting) -> Sink | None:
    if config.record.stills is None:
        return None
    from edge.sinks.stills import StillsSink

    return StillsSink(config.record.stills, setting.canvas)


def _jsonl(config: Config, setting: Setting) -> Sink | None:
    if config.jsonl is None:
        return None
    from edge.sinks.jsonl import JsonLinesSink, StandardOutputSink

    if config.jsonl.path == STANDARD_OUTPUT:
        return StandardOutputSink(StandardOutput(setting.stop))
    return JsonLinesSink(Path(config.jsonl.path))


def _web(config: Config, setting: Setting) -> Sink | None:
    if config.web is None:
        return None
    from edge.sinks.address import parse_address

    address = parse_address(config.web.listen)
    try:
        # here, because a run without the page need not wait for the import
        from edge.sinks.web import WebSink
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"--web needs {error.name}: pip install 'embedded-edge[device]'"
        ) from None
    return WebSink(address, setting.canvas, setting.title)


SINKS: dict[str, Callable[[Config, Setting], Sink | None]] = {
    "display": _display,
    "video": _video,
    "stills": _stills,
    "jsonl": _jsonl,
    "web": _web,
}
