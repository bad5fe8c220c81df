"""The cameras of a machine: V4L2 nodes by name, and sensors on the CSI connector."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devices.sysfs import entries, read_int, read_text

# Nodes of the Raspberry Pi's codecs and image pipeline: pictures go in, or wait for libcamera.
PIPELINE = re.compile(r"bcm2835-(codec|isp)|rpivid|rpi-hevc|rp1-cfe|pispbe|unicam|hantro|mtk-")
# A sub-device is a sensor where its name ends in its I2C bus and address: `imx219 10-0010`.
SENSOR = re.compile(r"(?P<sensor>[a-z]+[0-9][a-z0-9_]*) [0-9]+-00[0-9a-f]{2}")
LENS = re.compile(r"dw97|dw98|ak73|vcm|lens|eeprom")
LIBCAMERA_PROGRAMS = ("rpicam-vid", "libcamera-vid")
PICAMERA2 = "usr/lib/python3/dist-packages/picamera2"


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: `node` for `--source`, None for a CSI sensor, whose source is `picamera`.

    `problem` says in one line what keeps it from being opened and the cure, None where nothing
    speaks against it.
    """

    bus: Literal["v4l2", "csi"]
    name: str
    node: Path | None
    problem: str | None


def cameras(root: Path = Path("/")) -> tuple[Camera, ...]:
    """Return the cameras: V4L2 capture nodes in the order of their numbers, then CSI sensors."""
    folder = root / "sys/class/video4linux"
    found = [
        _v4l2(root, entry, read_text(entry / "name") or entry.name)
        for entry in entries(folder)
        if _is_capture(entry)
    ]
    problem = None if libcamera(root) else _NO_LIBCAMERA
    for entry in entries(folder):
        match = SENSOR.fullmatch(read_text(entry / "name") or "")
        if entry.name.startswith("v4l-subdev") and match and not LENS.search(match["sensor"]):
            found.append(Camera("csi", match["sensor"], None, problem))
    return tuple(found)


def libcamera(root: Path = Path("/")) -> tuple[str, ...]:
    """Return what can read a CSI camera here: programs of libcamera, picamera2; () for nothing."""
    programs = [name for name in LIBCAMERA_PROGRAMS if (root / "usr/bin" / name).is_file()]
    return tuple(programs + (["picamera2"] if (root / PICAMERA2).is_dir() else []))


_NO_LIBCAMERA = (
    "nothing here reads CSI cameras: sudo apt install rpicam-apps-lite python3-picamera2"
)


def _is_capture(entry: Path) -> bool:
    # A USB camera has a second node for metadata: index 1.
    name = read_text(entry / "name") or ""
    is_video = entry.name.removeprefix("video").isdecimal()
    return is_video and not PIPELINE.match(name) and read_int(entry / "index") in (0, None)


def _v4l2(root: Path, entry: Path, name: str) -> Camera:
    node = root / "dev" / entry.name
    if not node.exists():
        problem = (
            f"/dev/{entry.name} does not exist: a container needs it passed through "
            f"(--device=/dev/{entry.name})"
        )
        return Camera("v4l2", name, node, problem)
    denied = not os.access(node, os.R_OK | os.W_OK)
    problem = (
        f"no permission to read and write /dev/{entry.name}: sudo usermod -aG video $USER, "
        "then log in again"
    )
    return Camera("v4l2", name, node, problem if denied else None)
