import cv2
import numpy as np
import pytest
from scenes import APPLE, scene

from edge.sinks.display import DisplaySink, why_no_window
from edge.sinks.draw import Canvas

GUI, NO_GUI = "  GUI:                           QT5\n", "  GUI:                           NONE\n"


@pytest.mark.parametrize(
    ("environment", "build", "why"),
    [
        ({"DISPLAY": ":0"}, GUI, None),
        ({"WAYLAND_DISPLAY": "wayland-0"}, GUI, None),
        ({"DISPLAY": ":0"}, NO_GUI, "built without windows"),
        ({}, GUI, "neither DISPLAY nor WAYLAND_DISPLAY"),
        ({"DISPLAY": ""}, GUI, "no display"),
    ],
)
def test_reason_for_no_window_is_named(environment: dict, build: str, why: str | None):
    found = why_no_window(environment, lambda: build, "linux")
    assert found is None if why is None else why in found


def test_installed_opencv_tells_whether_it_has_windows():
    reason = why_no_window({"DISPLAY": ":0"}, platform="linux")
    assert (reason is None) == (
        "GUI:                           NONE" not in cv2.getBuildInformation()
    )


class Screen:
    """What OpenCV's window functions do, as far as a person notices."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []
        self.key = -1
        self.visible = 1.0
        self.size = (0, 0)

    def namedWindow(self, title: str, flags: int) -> None:  # noqa: N802
        self.open = True

    def resizeWindow(self, title: str, width: int, height: int) -> None:  # noqa: N802
        self.size = (width, height)

    def imshow(self, title: str, picture: np.ndarray) -> None:
        self.shown.append(picture)

    def waitKey(self, delay_ms: int) -> int:  # noqa: N802
        return self.key

    def getWindowProperty(self, title: str, what: int) -> float:  # noqa: N802
        return self.visible

    def destroyAllWindows(self) -> None:  # noqa: N802
        self.open = False


@pytest.mark.parametrize(("key", "visible"), [(ord("q"), 1.0), (27, 1.0), (-1, 0.0)])
def test_window_ends_the_run_by_key_or_cross(key: int, visible: float):
    screen, stopped = Screen(), []
    sink = DisplaySink(Canvas(), lambda: stopped.append(True), gui=screen)
    sink.open()
    sink.write(scene(0, APPLE))
    assert screen.size == (64, 48)
    assert not stopped
    screen.key, screen.visible = key, visible
    sink.write(scene(1, APPLE))
    assert stopped == [True]
    assert len(screen.shown) == 2
    sink.close()
    assert not screen.open
