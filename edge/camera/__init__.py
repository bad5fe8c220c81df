"""Where pictures come from."""

import glob
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.camera.clock import Clock
from edge.camera.images import SUFFIXES, PictureSource, natural
from edge.camera.opencv import LiveSource, Opener, VideoSource, open_capture
from edge.camera.source import Source
from edge.camera.view import View
from edge.errors import BadDataError, NotFoundError, UnavailableError, UsageError

__all__ = ["SOURCES", "Clock", "Context", "Source", "View", "is_live", "open_source"]

STREAMS = ("rtsp://", "rtsps://", "http://", "https://")


@dataclass(frozen=True, slots=True)
class Context:
    """What every way to open a source may need."""

    camera: str = "camera"
    view: View = field(default_factory=View)
    clock: Clock = field(default_factory=Clock)
    stop: threading.Event = field(default_factory=threading.Event)
    opener: Opener = open_capture
    devices: Path = Path("/dev")


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
    target = int(spec) if spec.isdecimal() else spec
    name = f"camera {spec}"
    path = context.devices / f"video{spec}" if spec.isdecimal() else Path(spec)
    there = _cameras(context.devices)
    if not path.exists():
        raise UnavailableError(f"no {name}: '{path}' does not exist; cameras here: {there}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise UnavailableError(
            f"no permission for {name} ('{path}'): add the user to the group video and log in again"
        )
    capture = context.opener(target)
    if not capture.isOpened():
        capture.release()
        raise UnavailableError(
            f"{name} ('{path}') does not open: used by another program, or a node without "
            f"pictures; cameras here: {there}"
        )
    return _live(capture, name, context)


def _open_stream(spec: str, context: Context) -> Source:
    name = without_password(spec)
    capture = context.opener(spec)
    if not capture.isOpened():
        capture.release()
        raise UnavailableError(f"no stream at '{name}': wrong address or password, or switched off")
    return _live(capture, name, context)


def _open_picamera(spec: str, context: Context) -> Source:
    from edge.camera.picamera import camera_number, open_picamera  # other sources do without

    number = camera_number(spec)
    return _live(open_picamera(number, context.stop), f"picamera {number}", context)


def _live(capture: object, name: str, context: Context) -> Source:
    return LiveSource(capture, name, context.camera, context.view, context.clock, context.stop)


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
    capture = context.opener(spec)
    if not capture.isOpened():
        capture.release()
        raise BadDataError(
            f"'{spec}' is no video that OpenCV reads, and no picture ({' '.join(SUFFIXES)})"
        )
    return VideoSource(capture, f"'{spec}'", context.camera, context.view, context.clock)


def _pictures(paths: list[Path], description: str, context: Context) -> Source:
    ordered = sorted(paths, key=natural)
    return PictureSource(ordered, description, context.camera, context.view, context.clock)


def _cameras(devices: Path) -> str:
    return " ".join(str(p) for p in sorted(devices.glob("video*"), key=natural)) or "none"


def _what_exists(path: Path) -> str:
    """Return the nearest folder that exists, and a few names in it."""
    folder = next(p for p in (path.parent, *path.parent.parents, Path()) if p.is_dir())
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    some = ", ".join(names[:5]) + (", .." if len(names) > 5 else "")
    return f"; '{folder}' holds {some or 'nothing'}"


def without_password(address: str) -> str:
    """Return an address fit for logs: `rtsp://user:secret@host/x` as `rtsp://user:***@host/x`."""
    scheme, _, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"


def _is_device(spec: str) -> bool:
    # /dev/shm holds ordinary files
    return spec.startswith("/dev/") and not (Path(spec).is_file() or Path(spec).is_dir())


def _has_wildcard(spec: str) -> bool:
    return glob.has_magic(spec) and not Path(spec).exists()


# tried in this order
SOURCES: dict[str, tuple[Callable[[str], bool], Callable[[str, Context], Source]]] = {
    "camera": (str.isdecimal, _open_camera),
    "device": (_is_device, _open_camera),
    "stream": (lambda spec: spec.lower().startswith(STREAMS), _open_stream),
    "picamera": (lambda spec: spec.partition(":")[0].lower() == "picamera", _open_picamera),
    "folder": (lambda spec: Path(spec).is_dir(), _open_folder),
    "glob": (_has_wildcard, _open_glob),
    "file": (bool, _open_file),
}
