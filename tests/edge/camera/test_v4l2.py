"""Cameras in a made-up /dev: links, renumbering, permissions; the captures are the test's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engine_bench import until
from machine_trees import add_sensor, add_video

from edge.backoff import Backoff
from edge.camera import Context, Patience, open_source
from edge.camera.live import Live
from edge.camera.v4l2 import lasting_path
from edge.errors import UnavailableError

PATIENCE = Patience(closed_ms=30, drain_ms=0, backoff=Backoff(0.02, 0.05))
NAME = "usb-046d_HD_Pro_Webcam_C920_0A1B2C3D-video-index0"


class Bus:
    """A /dev with one camera, which can be pulled out and plugged in under another number."""

    def __init__(self, devices: Path) -> None:
        self.devices, self.opened = devices, []
        self.plugged = ""

    def plug_in(self, node: str, folder: str = "v4l/by-id") -> None:
        (self.devices / node).touch()
        links = self.devices / folder
        links.mkdir(parents=True, exist_ok=True)
        (links / NAME).symlink_to(f"../../{node}")
        self.plugged = node

    def pull_out(self) -> None:
        node, self.plugged = self.plugged, ""
        for link in self.devices.glob("v4l/*/*"):
            link.unlink()
        (self.devices / node).unlink()

    def opens(self, target: str, patience: Patience) -> "Node":
        self.opened.append(Path(target).name)
        return Node(self, Path(target).name)


class Node:
    def __init__(self, bus: Bus, name: str) -> None:
        self.bus, self.name, self.count = bus, name, 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, what: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.bus.plugged != self.name:
            return False, None
        self.count += 1
        return True, np.full((2, 2, 3), self.count % 256, np.uint8)

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("spec", "folder"),
    [
        ("0", "v4l/by-id"),
        ("0", "v4l/by-path"),
        ("{}/video0", "v4l/by-id"),
        ("{}/video0", "v4l/by-path"),
        ("{}/v4l/by-id/" + NAME, "v4l/by-id"),
    ],
)
def test_camera_is_found_again_under_another_number(spec: str, folder: str, tmp_path: Path):
    bus = Bus(tmp_path)
    bus.plug_in("video0", folder)
    context = Context(devices=tmp_path, opener=bus.opens, patience=PATIENCE)
    source = open_camera(spec.format(tmp_path), context)
    changes = []
    source.listen(changes.append)
    assert source.read() is not None
    bus.pull_out()
    polled_until(source, lambda: len(changes) == 1)
    assert (changes[0].type, changes[0].kind) == ("fault", "closed")
    bus.plug_in("video3", folder)
    polled_until(source, lambda: len(changes) == 2)
    assert changes[1].type == "recovered"
    source.close()
    assert (bus.opened[0], bus.opened[-1]) == ("video0", "video3")


def polled_until(source: Live, condition: Callable[[], bool]) -> None:
    def looked() -> bool:
        source.poll()
        return condition()

    until(looked)


def open_camera(spec: str, context: Context):
    from edge.camera import SOURCES

    kind = "camera" if spec.isdecimal() else "device"  # a made-up /dev is not below /dev
    return SOURCES[kind][1](spec, context)


def test_another_camera_under_the_old_number_is_not_taken_for_it(tmp_path: Path):
    bus = Bus(tmp_path)
    bus.plug_in("video0")
    context = Context(devices=tmp_path, opener=bus.opens, patience=PATIENCE)
    source = open_source("0", context)
    changes = []
    source.listen(changes.append)
    bus.pull_out()
    (tmp_path / "video0").touch()  # somebody else's
    polled_until(source, lambda: len(changes) > 0 and source.reopened >= 3)
    assert bus.opened == ["video0"]
    source.close()


def test_camera_without_links_keeps_its_path(tmp_path: Path):
    (tmp_path / "video0").touch()
    assert lasting_path(tmp_path / "video0", tmp_path) == tmp_path / "video0"
    assert lasting_path(tmp_path / "video1", tmp_path) == tmp_path / "video1"


def test_cameras_are_offered_by_name_and_codecs_are_none(tmp_path: Path):
    add_video(tmp_path, 0, "HD Webcam")
    add_video(tmp_path, 1, "HD Webcam", index=1)  # metadata
    add_video(tmp_path, 2, "not passed through")
    (tmp_path / "dev/video2").unlink()
    add_video(tmp_path, 10, "bcm2835-codec-decode")
    add_sensor(tmp_path, 0, "imx219 10-0010")
    with pytest.raises(UnavailableError) as caught:
        open_source("3", Context(devices=tmp_path / "dev"))
    here = f"{tmp_path}/dev/video0 (HD Webcam), picamera (imx219)"
    assert str(caught.value).endswith(f"cameras here: {here}")


def test_camera_without_permission_names_the_command(tmp_path: Path, monkeypatch):
    (tmp_path / "video0").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(
        UnavailableError, match=r"permission .*: sudo usermod -aG video \$USER, then"
    ):
        open_source("0", Context(devices=tmp_path))


def test_link_whose_camera_is_away_is_one_clear_line(tmp_path: Path):
    (tmp_path / "video2").touch()
    link = tmp_path / "camera"
    link.symlink_to("video0")
    with pytest.raises(UnavailableError, match=r"camera' does not exist; cameras here: \S+video2$"):
        open_camera(str(link), Context(devices=tmp_path))
