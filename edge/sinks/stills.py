"""A JPEG of every frame on which something was seen."""

import os
import re
from pathlib import Path

import cv2

from edge.errors import CannotWriteError
from edge.scene import Event, Scene
from edge.sinks.draw import Canvas
from edge.sinks.sink import Health

QUALITY = 90


class StillsSink:
    """Writes each picture under a temporary name and renames it, so that none is ever cut.

    Names are in UTC, because an hour that repeats in autumn would overwrite pictures:
    `20261125T101200.123Z_camera_42_apple.jpg`.
    """

    def __init__(self, folder: Path, canvas: Canvas) -> None:
        """Keep the folder; `canvas` draws the boxes."""
        self._folder, self._canvas = folder, canvas
        self._health = Health(True)

    def open(self) -> None:
        """Create the folder; raises CannotWriteError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWriteError(f"cannot create '{self._folder}': {error.strerror}") from None
        if not os.access(self._folder, os.W_OK):
            raise CannotWriteError(f"cannot write into '{self._folder}': Permission denied")

    def write(self, scene: Scene) -> None:
        """Keep the picture where it holds a detection."""
        if not scene.detections:
            return
        picture = self._canvas.picture(scene)
        _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        path = self._folder / still_name(scene)
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_bytes(jpeg.tobytes())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            self._health = Health(False, f"'{self._folder}': {error.strerror}")
            raise CannotWriteError(f"cannot write '{path}': {error.strerror}") from None

    def event(self, event: Event) -> None:
        """Take no notice: an event is no picture."""

    def health(self) -> Health:
        """Return whether pictures get through."""
        return self._health

    def close(self) -> None:
        """Do nothing: every picture is whole already."""


def still_name(scene: Scene) -> str:
    """Return a name that sorts by time and says what is on the picture."""
    moment = scene.frame.time_utc
    time = moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03d}Z"
    label = re.sub(r"[^A-Za-z0-9]+", "-", scene.detections[0].label).strip("-") or "object"
    return f"{time}_{scene.frame.camera}_{scene.frame.index}_{label[:40]}.jpg"
