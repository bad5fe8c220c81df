"""A Raspberry Pi's camera through a child: pictures arrive, and what goes wrong is one clear line.

picamera2 and rpicam-vid themselves are stand-ins that speak as the real ones do.
"""

import ast
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.backoff import Backoff
from edge.camera import Context, Patience, View, is_live, open_source
from edge.camera.jpegs import BrokenPictureError
from edge.camera.picamera import (
    CHILD,
    SYSTEM_PYTHON,
    PicameraCapture,
    camera_number,
    child_environment,
    open_picamera,
)
from edge.camera.picamera_child import find_jpeg
from edge.errors import UnavailableError, UsageError

STANDINS = Path(__file__).resolve().parents[2] / "standins"
PYTHON = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
DEADLINE_S = 60.0
ORANGE = [0, 128, 255]  # blue, green, red


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which neither picamera2 nor rpicam-vid is installed."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "EDGE_STANDIN_PID": str(tmp_path / "pid")}


@pytest.fixture
def library(plain: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return an environment with a picamera2."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "picamera2.py").symlink_to(STANDINS / "picamera2.py")
    return plain | {"PYTHONPATH": str(tmp_path / "packages")}


@pytest.fixture
def recorder(plain: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return an environment with an rpicam-vid; pictures get lighter from left to right."""
    write_recorder(tmp_path / "bin" / "rpicam-vid")
    bgr = np.repeat(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))[..., None], 3, axis=2)
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for path, grey in zip(paths, (10, 20), strict=True):  # pictures of a camera never stand still
        bgr[:8, :8] = grey
        assert cv2.imwrite(str(path), bgr)
    return plain | {"EDGE_STANDIN_JPEGS": os.pathsep.join(map(str, paths))}


def write_recorder(path: Path) -> None:
    path.write_text(f'#!/bin/sh\nexec {PYTHON} {STANDINS / "rpicam_vid.py"} "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def opens() -> Iterator[Callable[..., PicameraCapture]]:
    opened: list[PicameraCapture] = []

    def open_one(environment: dict[str, str], mode: str = "", **more) -> PicameraCapture:
        settings = {"python": PYTHON, "open_s": DEADLINE_S, "read_s": DEADLINE_S} | more
        surroundings = environment | {"EDGE_STANDIN": mode}
        opened.append(open_picamera(0, threading.Event(), environment=surroundings, **settings))
        return opened[-1]

    yield open_one
    for capture in opened:
        capture.release()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_picamera2_gives_pictures_in_blue_green_red(opens, library):
    capture = opens(library, size_px=(32, 24))
    for _ in range(20):
        ok, bgr = capture.read()
        assert ok
        assert bgr.shape == (24, 32, 3)
        assert bgr.dtype == np.uint8
        assert (bgr == ORANGE).all()
    assert capture.isOpened()


def test_default_size_passes_through_the_pipe_whole(opens, library):
    capture = opens(library)
    assert all((capture.read()[1] == ORANGE).all() for _ in range(5))
    assert capture.read()[1].shape == (480, 640, 3)


def test_each_picture_is_an_array_of_its_own(opens, library):
    capture = opens(library, size_px=(32, 24))
    first, second = (capture.read()[1] for _ in range(2))
    first[:] = 7
    assert (second == ORANGE).all()


def test_another_size_on_the_way_is_taken_as_it_is(opens, library):
    capture = opens(library, "smaller", size_px=(32, 24))
    sizes = [capture.read()[1].shape for _ in range(6)]
    assert sizes[0] == (24, 32, 3)
    assert sizes[-1] == (12, 16, 3)


def test_rpicam_vid_takes_the_place_of_picamera2(opens, recorder):
    capture = opens(recorder)
    for _ in range(20):
        ok, bgr = capture.read()
        assert ok
        assert bgr.shape == (48, 64, 3)
        assert abs(int(bgr[24, 40, 1]) - 160) < 8


def test_older_name_of_the_recorder_is_found(opens, recorder, tmp_path):
    (tmp_path / "bin" / "rpicam-vid").rename(tmp_path / "bin" / "libcamera-vid")
    assert opens(recorder).read()[0]


def test_cut_picture_is_named_and_the_next_is_whole(opens, recorder):
    capture = opens(recorder, "cut")
    answers = []
    for _ in range(8):
        try:
            answers.append(capture.read()[0])
        except BrokenPictureError as error:
            answers.append(str(error))
    assert answers.count(True) == 7
    assert answers[-1] is True
    assert any("is cut short" in str(answer) for answer in answers)


def test_recorder_that_dies_is_started_again(recorder, monkeypatch):
    for name, value in (recorder | {"EDGE_STANDIN": "dies"}).items():
        monkeypatch.setenv(name, value)
    patience = Patience(backoff=Backoff(0.01, 0.02))
    source = open_source("picamera", Context(patience=patience))
    frames = [source.read() for _ in range(12)]  # each life has four
    source.close()
    assert all(f is not None and f.bgr.shape == (48, 64, 3) for f in frames)
    assert source.statistics().faults["closed"] >= 1


# what goes wrong, with which of the two, at the opening or after some pictures, what is said
WRONG = [
    ("none", "library", "opening", "picamera 0: no camera 0; picamera2 finds none: is its cable"),
    (
        "busy",
        "library",
        "opening",
        "RuntimeError: Camera __init__ sequence did not complete. Is",
    ),
    (
        "none",
        "recorder",
        "opening",
        r"has ended \(exit code 255\); its last words: ERROR: \*\*\* no",
    ),
    ("dies", "library", "reading", "picamera 0: picamera2: OSError: Device timed out"),
    ("killed", "library", "reading", r"its program has ended \(signal 6\)"),
    ("dies", "recorder", "reading", r"\(exit code 255\); its last words: ERROR: \*\*\* failed to"),
    ("short", "library", "reading", "sent 2289 bytes for 32x24 pixels; needs 2304"),
]


@pytest.mark.parametrize(("mode", "which", "when", "says"), WRONG)
def test_what_goes_wrong_is_one_clear_line(mode, which, when, says, opens, request):
    environment = request.getfixturevalue(which)
    with pytest.raises(UnavailableError) as caught:  # noqa: PT012
        capture = opens(environment, mode, size_px=(32, 24))
        assert when == "reading"
        while True:
            capture.read()
    assert re.search(says, str(caught.value)), str(caught.value)
    assert len(caught.value.faults) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["library", "recorder"])
def test_child_that_says_nothing_is_given_up(which, opens, request):
    environment = request.getfixturevalue(which)
    with pytest.raises(UnavailableError, match=r"picamera 0: no picture for 0\.5 s"):
        opens(environment, "silent", open_s=0.5)
    capture = opens(environment, "stalls", read_s=1.0, size_px=(32, 24))
    with pytest.raises(UnavailableError, match="picamera 0: no picture for 1 s"):  # noqa: PT012
        while True:
            capture.read()


def test_missing_software_is_said_with_the_cure(opens, plain):
    with pytest.raises(UnavailableError, match="sudo apt install python3-picamera2") as caught:
        opens(plain)
    assert "\n" not in str(caught.value)


def test_half_installed_picamera2_says_what_it_lacks(opens, library):
    with pytest.raises(UnavailableError, match=r"apt install .*libcamera\.so\.0\.3"):
        opens(library, "half-installed")


def test_missing_system_python_is_said(opens, library, tmp_path):
    with pytest.raises(UnavailableError, match=r"no .*/nothing \(No such file"):
        opens(library, python=tmp_path / "nothing")


def test_program_that_speaks_otherwise_is_no_camera(opens, plain):
    with pytest.raises(UnavailableError, match="sent no picture but b'-s /"):
        opens(plain, python=Path("/bin/echo"))


@pytest.mark.parametrize("which", ["library", "recorder"])
def test_release_ends_every_process(which, opens, request, tmp_path):
    capture = opens(request.getfixturevalue(which))
    pid = int((tmp_path / "pid").read_text())
    assert is_running(pid)
    capture.release()
    until(lambda: not is_running(pid))
    assert not capture.isOpened()


@pytest.mark.parametrize("which", ["library", "recorder"])
def test_killed_parent_leaves_no_process_behind(which, request, tmp_path):
    environment = request.getfixturevalue(which)
    code = (
        "import threading; from pathlib import Path; from edge.camera import picamera\n"
        f"c = picamera.open_picamera(0, threading.Event(), python=Path({str(PYTHON)!r}), "
        f"environment={environment!r}, open_s=60)\n"
        "print(c._child.pid, flush=True)\n"
        "while True: c.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        pid = int((tmp_path / "pid").read_text())
        assert is_running(child)
        assert is_running(pid)
        parent.kill()
    until(lambda: not is_running(child) and not is_running(pid))


def test_stop_ends_a_wait_at_once(library):
    stop, environment = threading.Event(), library | {"EDGE_STANDIN": "stalls"}
    capture = open_picamera(
        0, stop, python=PYTHON, environment=environment, open_s=DEADLINE_S, read_s=DEADLINE_S * 10
    )
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    while capture.read()[0]:
        pass
    capture.release()
    assert time.monotonic() - start < DEADLINE_S


def test_child_does_not_see_the_packages_of_this_python():
    environment = {"PYTHONPATH": "/ours", "PYTHONHOME": "/us", "VIRTUAL_ENV": "/v", "LANG": "C"}
    assert child_environment(environment) == {"LANG": "C"}


@pytest.mark.parametrize(("spec", "number"), [("picamera", 0), ("picamera:1", 1), ("PiCamera", 0)])
def test_source_names_the_camera(spec, number):
    assert is_live(spec)
    assert camera_number(spec) == number


@pytest.mark.parametrize(
    "spec", ["picamera:", "picamera:x", "picamera:-1", "picamera:\N{SUPERSCRIPT TWO}"]
)
def test_wrong_number_is_a_usage_error(spec):
    with pytest.raises(UsageError, match="takes the number of a camera"):
        open_source(spec)


def test_source_gives_viewed_frames(recorder, monkeypatch):
    for name, value in recorder.items():
        monkeypatch.setenv(name, value)
    source = open_source("picamera", Context(view=View(90)))
    frames = [source.read() for _ in range(3)]
    source.close()
    assert source.live
    assert [f.bgr.shape for f in frames] == [(64, 48, 3)] * 3
    assert os.environ["PATH"] == recorder["PATH"]


def test_child_is_written_for_the_oldest_python_of_a_board():
    ast.parse(CHILD.read_text(), feature_version=(3, 9))


def test_end_marker_in_a_table_ends_no_picture():
    table = b"\xff\xfe\x00\x06\xff\xd9\x00\x00"
    picture = b"\xff\xd8" + table + b"\xff\xda\x00\x02" + b"scan\xff\x00" + b"\xff\xd9"
    assert find_jpeg(b"noise" + picture + b"more") == (5, 5 + len(picture))
    for size in range(len(picture)):
        assert find_jpeg(picture[:size])[1] == 0


def test_run_and_capture_take_the_source(recorder, shared, tmp_path):
    environment = os.environ | recorder | {"PATH": recorder["PATH"] + os.pathsep + os.defpath}
    edge = [sys.executable, "-c", "from edge.cli import main; main()", "-q"]
    model = shared / "data/mlperf-tiny/vww_96_int8.tflite"
    lines = tmp_path / "lines.jsonl"
    commands = {
        "run": ["run", model, "--frames", "3", "--jsonl", lines, "--no-window"],
        "capture": ["capture", "--label", "ramp", "--out", tmp_path / "out", "--count", "1"],
    }
    for name, words in commands.items():
        done = subprocess.run(
            [*edge, *map(str, words), "--source", "picamera"],
            capture_output=True, text=True, env=environment, timeout=DEADLINE_S,
        )  # fmt: skip
        assert done.returncode == 0, (name, done.stderr)
    assert lines.read_text().count('"type":"scene"') == 3
    (picture,) = (tmp_path / "out" / "ramp").iterdir()
    assert cv2.imread(str(picture)).shape == (48, 64, 3)
