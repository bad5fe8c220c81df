"""What the commands that look at a source share: their options, and the checks of what they say.

OpenCV is imported in the functions only: without it, one line says how to get it.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import click

from edge.config import WEB_ADDRESS, CameraConfig, Degrees, WebConfig
from edge.errors import UnavailableError, UsageError
from edge.scene import FULL_BOX, Box

SOURCES = "0|/dev/..|FILE|DIR|GLOB|rtsp://..|http://..|picamera[:N]"

source_option = click.option("--source", required=True, metavar=SOURCES)
rotate_option = click.option("--rotate", default="0", metavar="0|90|180|270", help="Clockwise.")
roi_option = click.option(
    "--roi", metavar="X0,Y0,X1,Y1", help="The part that counts, in fractions."
)
window_option = click.option(
    "--window/--no-window", default=None, help="Default: where a window can open."
)
web_option = click.option(
    "--web", is_flag=False, flag_value=WEB_ADDRESS, metavar="[=ADDR]", help="A live page."
)


class Words:
    """Checks the words of a command one by one, so that all the wrong ones are named at once."""

    def __init__(self) -> None:
        """Start without a fault."""
        self._faults: list[str] = []

    def check(self, check: Callable[[Any], Any], word: Any, absent: Any = None) -> Any:
        """Return what `check` makes of a word, `absent` where there is none or it is wrong."""
        if word is None:
            return absent
        try:
            return check(word)
        except UsageError as error:
            self._faults.extend(error.faults)
            return absent

    def settle(self) -> None:
        """Raise UsageError with every fault, where there is one."""
        if self._faults:
            raise UsageError(*self._faults)


def camera_of(words: Words, options: Mapping[str, Any]) -> CameraConfig:
    """Return the camera that --source, --rotate and --roi mean."""
    rotate_deg = words.check(parse_rotate, options["rotate"], 0)
    roi = words.check(parse_roi, options["roi"], FULL_BOX)
    return CameraConfig(options["source"], rotate_deg=rotate_deg, roi=roi)


def web_of(words: Words, options: Mapping[str, Any]) -> WebConfig | None:
    """Return the page that --web means, None without."""
    words.check(check_address, options["web"])
    return None if options["web"] is None else WebConfig(options["web"])


def parse_rotate(text: str) -> Degrees:
    """Return how far the picture is turned clockwise."""
    from edge.camera import view

    return view.parse_rotate(text)


def parse_roi(text: str) -> Box:
    """Return the part of the frame that counts."""
    from edge.camera import view

    return view.parse_roi(text)


def check_address(text: str) -> None:
    """Raise UsageError where the page may not listen."""
    from edge.sinks.address import parse_address

    parse_address(text)


def require_opencv(command: str) -> None:
    """Raise UnavailableError with the cure where OpenCV is absent."""
    if importlib.util.find_spec("cv2") is None:
        raise UnavailableError(f"edge {command} needs OpenCV: pip install 'embedded-edge[device]'")
