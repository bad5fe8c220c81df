"""What OpenCV's VP8 writer leaves on disk is a video that a browser plays."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import play_to_its_end

pytestmark = pytest.mark.needs("chromium")

FPS = 25
FRAMES = 30


def write_webm(file: Path) -> None:
    """Write a bright square that wanders over grey, 160 x 120."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"VP80"), FPS, (160, 120))
    assert writer.isOpened()
    for index in range(FRAMES):
        frame = np.full((120, 160, 3), 90, np.uint8)
        frame[40:80, 3 * index : 3 * index + 40] = (40, 220, 250)
        writer.write(frame)
    writer.release()


def test_chromium_plays_vp8_webm_to_its_end(browser, tmp_path):
    video = tmp_path / "clip.webm"
    write_webm(video)
    ended_s = play_to_its_end(browser, video, tmp_path / "page.html", deadline_s=30)
    assert ended_s == pytest.approx(FRAMES / FPS, abs=2 / FPS)


def test_a_cut_file_is_reported_as_the_players_error(browser, tmp_path):
    video = tmp_path / "clip.webm"
    video.write_bytes(b"\x1a\x45\xdf\xa3 and then nothing of a video")
    with pytest.raises(AssertionError, match=r"."):
        play_to_its_end(browser, video, tmp_path / "page.html", deadline_s=30)
