import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import APPLE, scene

from edge.errors import CannotWriteError, UsageError
from edge.quiet import native_messages_hidden
from edge.sinks.draw import Canvas
from edge.sinks.video import (
    CODECS,
    MAX_REPEATS,
    VideoSink,
    fit,
    frame_count,
    to_h264,
)


def frames_of(path: Path) -> list[np.ndarray]:
    with native_messages_hidden():
        capture = cv2.VideoCapture(str(path))
    found = []
    while (answer := capture.read())[0]:
        found.append(answer[1])
    capture.release()
    return found


def write(path: Path, scenes, fps: float | None = 10.0, live: bool = False) -> None:
    sink = VideoSink(path, Canvas(), fps, live)
    sink.open()
    for each in scenes:
        sink.write(each)
    sink.close()


@pytest.mark.parametrize("ending", CODECS)
def test_every_frame_is_read_back(ending: str, tmp_path: Path):
    path = tmp_path / f"clip{ending}"
    write(path, (scene(i, APPLE, height=120, width=160) for i in range(37)))
    found = frames_of(path)
    assert len(found) == frame_count(path) == 37
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    greys = [frame[5:20, 130:].mean() for frame in found]
    assert greys == sorted(greys)


def test_odd_sides_are_made_even(tmp_path: Path):
    write(tmp_path / "odd.webm", (scene(i, height=47, width=63) for i in range(3)))
    assert frames_of(tmp_path / "odd.webm")[0].shape == (48, 64, 3)


def test_first_frame_sets_the_size_of_all(tmp_path: Path):
    sizes = [(48, 64), (100, 30), (20, 20)]
    write(tmp_path / "a.avi", (scene(i, height=h, width=w) for i, (h, w) in enumerate(sizes)))
    assert [f.shape for f in frames_of(tmp_path / "a.avi")] == [(48, 64, 3)] * 3


def test_live_source_is_paced_by_the_time_of_its_frames(tmp_path: Path):
    path = tmp_path / "live.avi"
    write(path, [scene(0), scene(1), scene(5), scene(6)], fps=10.0, live=True)
    assert len(frames_of(path)) == 7


def test_long_silence_does_not_fill_the_disk(tmp_path: Path):
    path = tmp_path / "live.avi"
    write(path, [scene(0), scene(10**6)], live=True)
    assert len(frames_of(path)) == 1 + MAX_REPEATS


def test_file_has_its_name_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "clip.webm"
    sink = VideoSink(path, Canvas(), 10.0, False)
    sink.open()
    sink.write(scene(0))
    assert not path.exists()
    sink.close()
    assert frame_count(path) == 1


def test_run_without_a_frame_leaves_no_file(tmp_path: Path):
    write(tmp_path / "none.webm", [])
    assert list(tmp_path.iterdir()) == []


def test_ending_without_a_codec_is_a_usage_error():
    with pytest.raises(UsageError, match=r"ends in \.webm \(VP80\)"):
        VideoSink(Path("a.mkv"), Canvas(), None, False)


def test_missing_folder_is_one_clear_line(tmp_path: Path):
    with pytest.raises(CannotWriteError, match="no folder"):
        VideoSink(tmp_path / "no" / "a.webm", Canvas(), None, False).open()


def test_disk_that_fills_up_is_noticed(tmp_path: Path):
    sink = VideoSink(
        tmp_path / "a.webm", Canvas(), 10.0, False, free_bytes=lambda folder: 5_000_000
    )
    sink.open()
    with pytest.raises(CannotWriteError, match="only 5 MB free"):
        sink.write(scene(0))
    assert not sink.health().ok
    sink.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from scenes import scene
from edge.errors import CannotWriteError
from edge.sinks.draw import Canvas
from edge.sinks.video import VideoSink
sink = VideoSink(Path(sys.argv[2]), Canvas(), 10.0, False)
sink.open()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
noise = np.random.default_rng(1)
for index in range(60):
    each = scene(index, height=96, width=128)
    each.frame.bgr[:] = noise.integers(0, 256, each.frame.bgr.shape)
    sink.write(each)
try:
    sink.close()
except CannotWriteError as error:
    print(error)
print(sink.health().ok)
"""


@pytest.mark.parametrize("ending", CODECS)
def test_writer_that_lost_frames_without_a_word_is_found_out(ending: str, tmp_path: Path):
    path = tmp_path / f"cut{ending}"
    words = [sys.executable, "-c", LIMITED, str(Path(__file__).parents[2]), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "of 60 frames (disk full?)" in done.stdout
    assert done.stdout.endswith("False\n")
    assert not path.exists()


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_fitted_picture_has_the_size_of_the_video(height: int, width: int, h2: int, w2: int):
    size = (2 * w2, 2 * h2)
    assert fit(np.ones((height, width, 3), np.uint8), size).shape == (size[1], size[0], 3)


FFMPEG = """#!/bin/sh
for last; do :; done
[ "$STATE" = broken ] && { echo "no encoder" >&2; exit 1; }
cp "$5" "$last"
"""


def test_h264_is_left_to_ffmpeg(tmp_path: Path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text(FFMPEG)
    program.chmod(0o755)
    (tmp_path / "a.webm").write_bytes(b"video")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert to_h264(tmp_path / "a.webm", tmp_path / "a.mp4") is False
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert to_h264(tmp_path / "a.webm", tmp_path / "a.mp4") is True
    assert (tmp_path / "a.mp4").read_bytes() == b"video"
    monkeypatch.setenv("STATE", "broken")
    with pytest.raises(CannotWriteError, match="no encoder"):
        to_h264(tmp_path / "a.webm", tmp_path / "b.mp4")
    assert not list(tmp_path.glob("*b*.mp4"))
