from pathlib import Path

import cv2
import pytest
from scenes import APPLE, CAT, scene

from edge.errors import CannotWriteError
from edge.sinks.draw import Canvas
from edge.sinks.stills import StillsSink, still_name


def test_only_frames_with_detections_are_kept_under_names_in_utc(tmp_path: Path):
    sink = StillsSink(tmp_path / "deep" / "stills", Canvas())
    sink.open()
    sink.write(scene(0))
    sink.write(scene(1, APPLE))
    sink.write(scene(2, CAT))
    sink.close()
    names = sorted(p.name for p in (tmp_path / "deep" / "stills").iterdir())
    assert names == [
        "20261125T101200.100Z_camera_1_apple.jpg",
        "20261125T101200.200Z_camera_2_gyptische-Katze.jpg",
    ]
    picture = cv2.imread(str(tmp_path / "deep" / "stills" / names[0]))
    assert picture.shape == (48, 64, 3)


def test_folder_that_is_a_file_is_one_clear_line(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWriteError, match="cannot create"):
        StillsSink(tmp_path / "file", Canvas()).open()


def test_folder_that_vanished_is_named_and_leaves_nothing_half_written(tmp_path: Path):
    folder = tmp_path / "stills"
    sink = StillsSink(folder, Canvas())
    sink.open()
    folder.rmdir()
    with pytest.raises(CannotWriteError, match="No such file"):
        sink.write(scene(0, APPLE))
    assert not sink.health().ok
    assert list(tmp_path.iterdir()) == []


def test_hostile_label_is_no_path():
    name = still_name(scene(0, APPLE.__class__("../../etc/passwd", 0.9)))
    assert "/" not in name
    assert "etc-passwd" in name
