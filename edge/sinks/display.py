"""A window on the screen of the machine itself."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import cv2

from edge.errors import UnavailableError
from edge.scene import Event, Scene
from edge.sinks.draw import Canvas
from edge.sinks.sink import Health

QUIT_KEYS = (ord("q"), ord("Q"), 27)


class DisplaySink:
    """Shows every scene; q, Escape or the window's cross call `stop`."""

    def __init__(
        self, canvas: Canvas, stop: Callable[[], None], title: str = "edge", gui: Any = cv2
    ) -> None:
        """Keep what draws and what to call at the end; `gui` has OpenCV's window functions."""
        self._canvas, self._stop, self._title, self._gui = canvas, stop, title, gui
        self._health = Health(True)
        self._shown = False

    def open(self) -> None:
        """Open the window; raises UnavailableError where there can be none."""
        try:
            self._gui.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise UnavailableError(f"no window: {error.err}") from None

    def write(self, scene: Scene) -> None:
        """Show the scene and look for a key."""
        picture = self._canvas.picture(scene)
        if not self._shown:
            self._gui.resizeWindow(self._title, picture.shape[1], picture.shape[0])
        self._gui.imshow(self._title, picture)
        key = self._gui.waitKey(1) & 0xFF
        gone = self._gui.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if key in QUIT_KEYS or (self._shown and gone):
            self._health = Health(False, "the window was closed")
            self._stop()
        self._shown = True

    def event(self, event: Event) -> None:
        """Take no notice: the window shows scenes."""

    def health(self) -> Health:
        """Return whether the window is open."""
        return self._health

    def close(self) -> None:
        """Close the window."""
        self._gui.destroyAllWindows()


def why_no_window(
    environment: Mapping[str, str] = os.environ,
    build_information: Callable[[], str] = cv2.getBuildInformation,
    platform: str = sys.platform,
) -> str | None:
    """Return why no window can open here, or None where one can."""
    found = re.search(r"^\s*GUI:\s*(\S+)", build_information(), re.MULTILINE)
    if found is not None and found[1] == "NONE":
        return "this OpenCV is built without windows (opencv-python-headless); use --web or --video"
    if platform == "linux" and not (
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    ):
        return "no display: neither DISPLAY nor WAYLAND_DISPLAY is set; use --web or --video"
    return None
