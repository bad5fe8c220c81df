"""Where pictures come from."""

import glob
import os
import threading
from collections.abc import Callable
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from edge.camera import v4l2
from edge.camera.clock import Clock
from edge.camera.images import SUFFIXES, PictureSource, natural
from edge.camera.live import Live
from edge.camera.opencv import (
    Capture,
    Opener,
    VideoSource,
    hide_messages,
    is_video,
    open_capture,
)
from edge.camera.patience import Patience
from edge.camera.source import Source
from edge.camera.view import View
from edge.errors import BadDataError, NotFoundError, UnavailableError, UsageError
from edge.quiet import native_messages_hidden
from edge.records import dataclass

__all__ = ["SOURCES", "Clock", "Context", "Patience", "Source", "View", "is_live", "open_source"]

HTTP = ("http://", "https://")
STREAMS = ("rtsp://", "rtsps://", *HTTP)


@dataclass(frozen=True, slots=True)
class Context:
    """What every way to open a source may need."""

    camera: str = "camera"
    view: View = field(default_factory=View)
    clock: Clock = field(default_factory=Clock)
    stop: threading.Event = field(default_factory=threading.Event)
    opener: Opener = open_capture
    devices: Path = Path("/dev")
    patience: Patience = field(default_factory=Patience)


def open_source(spec: str, context: Context | None = None) -> Source:
    """Open what `spec` names: 0, /dev/.., FILE, DIR, GLOB, rtsp://.., http://.. or picamera[:N].

    Raises NotFoundError, BadDataError or UnavailableError, naming what exists.
    """
    context = context or Context()
    if not spec:
        raise UsageError(
            "--source is empty; it takes 0, /dev/.., FILE, DIR, GLOB, rtsp://, http:// or picamera"
        )
    return next(opens for matches, opens in SOURCES.values() if matches(spec))(spec, context)


def is_live(spec: str) -> bool:
    """Return whether `spec` names a camera or stream, without opening it."""
    return any(SOURCES[kind][0](spec) for kind in ("camera", "device", "stream", "picamera"))


def _open_camera(spec: str, context: Context) -> Source:
    name = f"camera {spec}"
    path = v4l2.device_path(spec, context.devices)
    path = v4l2.lasting_path(path, context.devices)

    def opens() -> Capture:
        return v4l2.open_camera(path, name, context.devices, context.opener, context.patience)

    return _live(opens, name, context)


def _open_stream(spec: str, context: Context) -> Source:
    name = without_password(spec)
    if not spec.lower().startswith(STREAMS):
        raise UsageError(f"no source '{name}'; addresses begin with {', '.join(STREAMS)}")

    def opens() -> Capture:
        if spec.lower().startswith(HTTP):
            from edge.camera.mjpeg import open_mjpeg  # other sources do without its imports

            motion_jpeg = open_mjpeg(spec, context.patience, name)
            if motion_jpeg is not None:
                return motion_jpeg
        capture = context.opener(spec, context.patience)
        if not capture.isOpened():
            capture.release()
            raise UnavailableError(
                f"no stream at '{name}': wrong address or password, or switched off"
            )
        return capture

    return _live(opens, name, context)


def _open_picamera(spec: str, context: Context) -> Source:
    from edge.camera.picamera import (  # other sources do without
        OPEN_S,
        camera_number,
        open_picamera,
    )

    number = camera_number(spec)
    # a small board needs long to start the child, which watches its own time
    hung_ms = max(context.patience.hung_ms, round(1500 * OPEN_S))
    patience = replace(context.patience, hung_ms=hung_ms)
    opens = partial(open_picamera, number, context.stop)
    return _live(opens, f"picamera {number}", replace(context, patience=patience))


def _live(opens: Callable[[], Capture], name: str, context: Context) -> Source:
    hide_messages()
    live = Live(
        opens,
        name,
        context.camera,
        view=context.view,
        clock=context.clock,
        stop=context.stop,
        patience=context.patience,
    )
    live.start()
    return live


def _open_folder(spec: str, context: Context) -> Source:
    entries = [p for p in Path(spec).iterdir() if not p.name.startswith(".")]
    paths = [p for p in entries if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not paths:
        folders = any(p.is_dir() for p in entries)
        cure = f"; for subfolders: '{Path(spec) / '**' / '*.jpg'}'" if folders else ""
        raise NotFoundError(f"no picture ({' '.join(SUFFIXES)}) in folder '{spec}'{cure}")
    return _pictures(paths, f"folder '{spec}'", context)


def _open_glob(spec: str, context: Context) -> Source:
    found = glob.glob(spec, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    paths = [Path(p) for p in found if Path(p).is_file()]
    if not paths:
        raise NotFoundError(f"nothing matches '{spec}'{_what_exists(Path(spec))}")
    return _pictures(paths, f"'{spec}'", context)


def _open_file(spec: str, context: Context) -> Source:
    path = Path(spec)
    if not path.exists():
        raise NotFoundError(f"no file '{spec}'{_what_exists(path)}")
    if path.suffix.lower() in SUFFIXES:
        return _pictures([path], f"'{spec}'", context)
    if not os.access(path, os.R_OK):
        raise BadDataError(f"no permission to read '{spec}'")
    with native_messages_hidden():
        capture = context.opener(spec, context.patience)
    if not is_video(capture):
        capture.release()
        raise BadDataError(
            f"'{spec}' is no video that OpenCV reads, and no picture ({' '.join(SUFFIXES)})"
        )
    return VideoSource(capture, f"'{spec}'", context.camera, context.view, context.clock)


def _pictures(paths: list[Path], description: str, context: Context) -> Source:
    ordered = sorted(paths, key=natural)
    return PictureSource(ordered, description, context.camera, context.view, context.clock)


def _what_exists(path: Path) -> str:
    """Return the nearest folder that exists, and a few names in it."""
    folder = next(p for p in (path.parent, *path.parent.parents, Path()) if p.is_dir())
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    some = ", ".join(names[:5]) + (", .." if len(names) > 5 else "")
    return f"; '{folder}' holds {some or 'nothing'}"


def without_password(address: str) -> str:
    """Return an address fit for logs: `rtsp://user:secret@host/x` as `rtsp://user:***@host/x`."""
    scheme, mark, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{mark}{user}{':***' if colon else ''}{at}{place}"


def _is_device(spec: str) -> bool:
    # /dev/shm holds ordinary files
    return spec.startswith("/dev/") and not (Path(spec).is_file() or Path(spec).is_dir())


def _has_wildcard(spec: str) -> bool:
    return glob.has_magic(spec) and not Path(spec).exists()


# tried in this order
SOURCES: dict[str, tuple[Callable[[str], bool], Callable[[str, Context], Source]]] = {
    "camera": (str.isdecimal, _open_camera),
    "device": (_is_device, _open_camera),
    "stream": (lambda spec: "://" in spec, _open_stream),
    "picamera": (lambda spec: spec.partition(":")[0].lower() == "picamera", _open_picamera),
    "folder": (lambda spec: Path(spec).is_dir(), _open_folder),
    "glob": (_has_wildcard, _open_glob),
    "file": (bool, _open_file),
}
