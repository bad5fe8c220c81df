"""Finding a V4L2 camera, and finding it again when its number has changed."""

import os
from pathlib import Path

from edge.camera.images import natural
from edge.camera.opencv import Capture, Opener
from edge.camera.patience import Patience
from edge.errors import UnavailableError

LINKS = ("v4l/by-id", "v4l/by-path")  # by what a camera is, else by where it is plugged in


def device_path(spec: str, devices: Path) -> Path:
    """Return the path of camera `0` or `/dev/..`, not yet looked at."""
    return devices / f"video{spec}" if spec.isdecimal() else Path(spec)


def lasting_path(path: Path, devices: Path) -> Path:
    """Return a link that leads to this camera even after its number has changed, else `path`.

    A camera that is plugged in again gets another number while its old one is still held open.
    """
    if path.is_symlink() or not path.exists():
        return path
    target = path.resolve()
    links = (link for folder in LINKS for link in sorted((devices / folder).glob("*")))
    return next((link for link in links if link.resolve() == target), path)


def open_camera(
    path: Path, name: str, devices: Path, opener: Opener, patience: Patience
) -> Capture:
    """Return an open capture of what `path` leads to now; raises UnavailableError with the cure."""
    if not path.exists():
        raise UnavailableError(
            f"no {name}: '{path}' does not exist; cameras here: {cameras(devices)}"
        )
    node = path.resolve()
    if not os.access(node, os.R_OK | os.W_OK):
        raise UnavailableError(
            f"no permission to read and write {name} ('{path}'): sudo usermod -aG video $USER, "
            "then log in again"
        )
    capture = opener(str(node), patience)
    if not capture.isOpened():
        capture.release()
        raise UnavailableError(
            f"{name} ('{path}') does not open: used by another program, or a node without "
            f"pictures; cameras here: {cameras(devices)}"
        )
    return capture


def cameras(devices: Path) -> str:
    """Return what can be given to --source here, for people."""
    from devices.cameras import cameras as known  # only a fault needs it

    root = devices.parent
    if not (root / "sys/class/video4linux").is_dir():  # a container, which sees nodes at most
        return " ".join(str(p) for p in sorted(devices.glob("video*"), key=natural)) or "none"
    here = [camera for camera in known(root) if camera.node is None or camera.node.exists()]
    return ", ".join(f"{camera.node or 'picamera'} ({camera.name})" for camera in here) or "none"
