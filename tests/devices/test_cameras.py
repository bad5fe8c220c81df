"""Cameras of made machines: capture nodes, CSI sensors, and what is none of both."""

from pathlib import Path

import pytest
from machine_trees import add_sensor, add_video, write

from devices.cameras import Camera, cameras, libcamera

pytestmark = pytest.mark.usefixtures("permission_by_the_last_digit")
PIPELINE = (
    "bcm2835-codec-decode", "bcm2835-isp-output0", "rpi-hevc-dec", "pispbe-input",
    "rp1-cfe-csi2_ch0", "unicam-image", "rpivid",
)  # fmt: skip


def test_no_camera_is_none(tmp_path: Path) -> None:
    assert cameras(tmp_path) == ()


def test_a_usb_camera_is_its_first_node(tmp_path: Path) -> None:
    add_video(tmp_path, 0, "HD Webcam C525")
    add_video(tmp_path, 1, "HD Webcam C525", index=1)
    node = tmp_path / "dev/video0"
    assert cameras(tmp_path) == (Camera("v4l2", "HD Webcam C525", node, None),)


def test_nodes_are_counted_as_numbers(tmp_path: Path) -> None:
    for number in (10, 2):
        add_video(tmp_path, number, f"camera {number}")
    assert [camera.name for camera in cameras(tmp_path)] == ["camera 2", "camera 10"]


@pytest.mark.parametrize("name", PIPELINE)
def test_nodes_of_codecs_and_pipelines_are_no_cameras(tmp_path: Path, name: str) -> None:
    add_video(tmp_path, 10, name)
    assert cameras(tmp_path) == ()


@pytest.mark.parametrize("name", ["imx219 10-0010", "ov5647 10-0036", "imx708_wide 4-001a"])
def test_a_csi_sensor_is_a_camera_without_node(tmp_path: Path, name: str) -> None:
    add_sensor(tmp_path, 0, "rp1-cfe-fe")
    add_sensor(tmp_path, 1, "csi2")
    add_sensor(tmp_path, 2, name)
    add_sensor(tmp_path, 3, "dw9807 10-000c")
    write(tmp_path, "usr/bin/rpicam-vid", b"")
    assert cameras(tmp_path) == (Camera("csi", name.split()[0], None, None),)


def test_a_csi_sensor_that_nothing_can_read_says_what_to_install(tmp_path: Path) -> None:
    add_sensor(tmp_path, 0, "imx219 10-0010")
    (camera,) = cameras(tmp_path)
    assert "sudo apt install rpicam-apps-lite" in str(camera.problem)
    (tmp_path / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    assert cameras(tmp_path)[0].problem is None
    assert libcamera(tmp_path) == ("picamera2",)


def test_a_camera_that_may_not_be_opened_names_the_group(tmp_path: Path) -> None:
    add_video(tmp_path, 0, "HD Webcam", mode=0o660)
    (camera,) = cameras(tmp_path)
    assert camera.problem == (
        "no permission to read and write /dev/video0: sudo usermod -aG video $USER, "
        "then log in again"
    )


def test_a_camera_without_node_is_in_a_container(tmp_path: Path) -> None:
    add_video(tmp_path, 0, "HD Webcam")
    (tmp_path / "dev/video0").unlink()
    (camera,) = cameras(tmp_path)
    assert "--device=/dev/video0" in str(camera.problem)
