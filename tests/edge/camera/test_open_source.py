import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera import Context, Patience, View, is_live, open_source, without_password
from edge.errors import BadDataError, NotFoundError, UnavailableError, UsageError
from edge.scene import Box


class DeadCapture:
    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return False

    def release(self) -> None:
        pass


class OpenCapture(DeadCapture):
    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, what: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((2, 3, 3), np.uint8)


def test_clip_gives_every_frame_in_order(shared: Path):
    source = open_source(str(shared / "data/tensorflow-examples/carving_ice.mp4"))
    frames = list(iter(source.read, None))
    source.close()
    assert [f.index for f in frames] == list(range(131))
    assert frames[0].bgr.shape == (172, 172, 3)
    assert not source.live


def test_clip_is_stamped_with_its_own_time(shared: Path):
    source = open_source(str(shared / "data/intel-sample-videos/bottle-detection.mp4"))
    first, *_, last = [source.read() for _ in range(31)]
    source.close()
    seconds = (last.monotonic_ns - first.monotonic_ns) / 1e9
    assert seconds == pytest.approx(30 / source.fps)
    assert (last.time_utc - first.time_utc).total_seconds() == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("nothing.mp4", NotFoundError, "holds a.png, labels.txt, readme.txt"),
        ("deep/er/nothing.jpg", NotFoundError, "holds a.png, labels.txt, readme.txt"),
        ("*.jpg", NotFoundError, "nothing matches"),
        ("readme.txt", BadDataError, "no video"),
        ("labels.txt", BadDataError, "no video"),
        ("empty", NotFoundError, "no picture"),
        ("full", NotFoundError, "for subfolders"),
    ],
)
def test_wrong_file_is_one_clear_line(spec: str, error: type, says: str, tmp_path: Path):
    here = tmp_path / "here"
    (here / "full" / "cats").mkdir(parents=True)
    (here / "empty").mkdir()
    for folder in ("full", "empty"):
        (here / folder).rename(tmp_path / folder)
    cv2.imwrite(str(here / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (here / "readme.txt").write_text("text")
    (here / "labels.txt").write_text("a label\n" * 100)  # enough for FFmpeg's terminal
    base = tmp_path if spec in {"full", "empty"} else here
    with pytest.raises(error, match=says) as caught:
        open_source(str(base / spec))
    assert len(caught.value.faults) == 1
    assert "\n" not in str(caught.value)


def test_glob_takes_what_matches(tmp_path: Path):
    for name in ("b2.png", "b10.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    source = open_source(str(tmp_path / "b*.png"))
    assert [p.name for p in source.paths] == ["b2.png", "b10.png"]


def test_file_with_wildcards_in_its_name_is_a_file(tmp_path: Path):
    path = tmp_path / "shot[1].png"
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    assert open_source(str(path)).read().index == 0


def test_missing_camera_names_the_cameras_that_exist(tmp_path: Path):
    (tmp_path / "video2").touch()
    with pytest.raises(UnavailableError, match=r"cameras here: \S+/video2$"):
        open_source("7", Context(devices=tmp_path))
    with pytest.raises(UnavailableError, match="does not exist; cameras here: none"):
        open_source("/dev/video-nope", Context(devices=tmp_path / "no"))


def test_camera_that_does_not_open_is_one_clear_line(tmp_path: Path):
    (tmp_path / "video0").touch()
    context = Context(devices=tmp_path, opener=lambda target, patience: DeadCapture())
    with pytest.raises(UnavailableError, match=r"camera 0 .* does not open"):
        open_source("0", context)


def test_empty_source_is_a_usage_error():
    with pytest.raises(UsageError, match="--source is empty"):
        open_source("")


@pytest.mark.parametrize("spec", ["ftp://me:secret@h/x?y", "file:///a.mp4", "://"])
def test_address_of_an_unknown_kind_is_a_usage_error(spec: str):
    with pytest.raises(UsageError, match="addresses begin with rtsp://") as caught:
        open_source(spec)
    assert "secret" not in str(caught.value)


def test_unreachable_stream_hides_the_password():
    with pytest.raises(UnavailableError) as caught:
        open_source("rtsp://me:secret@h/x", Context(opener=lambda target, patience: DeadCapture()))
    assert "secret" not in str(caught.value)
    assert without_password("http://h:80/a") == "http://h:80/a"
    assert without_password("clips/a@b:c.mp4") == "clips/a@b:c.mp4"


def test_refused_connection_is_noticed_by_the_real_opener():
    done = threading.Event()
    with pytest.raises(UnavailableError, match=r"no stream at '.*': Connection refused$"):
        open_source("http://127.0.0.1:9/stream", Context(stop=done))


@pytest.mark.parametrize("spec", ["0", "/dev/video-x", "rtsp://h/x", "HTTP://h/x", "https://h/x"])
def test_cameras_and_streams_are_live(spec: str):
    assert is_live(spec)


@pytest.mark.parametrize("spec", ["0", "1", "rtsp://h/x"])
def test_live_source_has_given_its_first_picture_when_it_is_open(spec: str, tmp_path: Path):
    for name in ("video0", "video1"):
        (tmp_path / name).touch()
    patience = Patience(drain_ms=0)
    opener = lambda target, patience: OpenCapture()  # noqa: E731
    source = open_source(spec, Context(devices=tmp_path, opener=opener, patience=patience))
    assert source.live
    assert source.read().bgr.shape == (2, 3, 3)
    assert source.fps == 30.0
    source.close()


@pytest.mark.parametrize("spec", ["a.mp4", "pictures", "*.jpg"])
def test_files_are_not_live(spec: str):
    assert not is_live(spec)


def test_view_is_applied_at_the_source(shared: Path):
    spec = str(shared / "data/coral/images/cat_720p.jpg")
    plain = open_source(spec).read().bgr
    view = View(90, Box(0.0, 0.0, 0.5, 0.25))
    seen = open_source(spec, Context(view=view)).read().bgr
    turned = cv2.rotate(plain, cv2.ROTATE_90_CLOCKWISE)
    height, width = turned.shape[:2]
    assert np.array_equal(seen, turned[: round(height / 4), : width // 2])
