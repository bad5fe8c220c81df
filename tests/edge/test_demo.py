"""`edge demo` leaves a model that recognises, and everything that shows it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import play_to_its_end

from edge import bundle as bundles
from edge.scene import Frame

pytestmark = pytest.mark.train

LEAST_F1 = 0.88
MOST_DROP = 0.03
LABELS = ("banana", "kiwi", "tomato")


def run_demo(folder: Path, *words: str) -> dict:
    """Run the command as a person does, in a folder of its own; return what --json prints."""
    command = [sys.executable, "-m", "edge", "--json", "demo", "--no-window", *words]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"HOME": str(folder)}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("quick")
    return folder / "edge-demo", run_demo(folder, "--quick")


@pytest.fixture(scope="module")
def thorough(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("thorough")
    return folder / "edge-demo", run_demo(folder)


def overlap(a: list[float], b: list[float]) -> float:
    """Return the IoU of two boxes, worked out here once more."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)


def f1_of(events: Path, truth: Path) -> float:
    """Score scene lines against the truth without any code of the project."""
    scenes = [json.loads(line) for line in events.read_text().splitlines()]
    found = {s["index"]: s["detections"] for s in scenes if s["type"] == "scene"}
    right = said = wanted = 0
    for line in truth.read_text().splitlines():
        frame = json.loads(line)
        left = list(frame["objects"])
        answers = sorted(found[frame["index"]], key=lambda d: -d["score"])
        said, wanted = said + len(answers), wanted + len(left)
        for answer in answers:
            same = [o for o in left if o["label"] == answer["label"]]
            best = max(same, key=lambda o: overlap(o["box"], answer["box"]), default=None)
            if best is not None and overlap(best["box"], answer["box"]) >= 0.5:
                left.remove(best)
                right += 1
    return 2 * right / (said + wanted)


def check_gate(folder: Path, record: dict) -> None:
    f1 = f1_of(folder / "events.jsonl", folder / "truth.jsonl")
    assert f1 >= LEAST_F1
    assert record["clip"]["f1"] == pytest.approx(f1, abs=1e-6)
    score = bundles.read(folder / "model").score
    assert score is not None
    assert score.metric == "f1_iou50"
    assert score.int8.value >= LEAST_F1
    assert score.float.value - score.int8.value <= MOST_DROP


def test_quick_int8_finds_held_out_digits_on_the_clip(quick):
    check_gate(*quick)


@pytest.mark.full
def test_thorough_int8_finds_held_out_digits_on_the_clip(thorough):
    check_gate(*thorough)


def assert_entered_before_left(lines: list[dict]) -> None:
    """Check that every number enters, is seen, and leaves, in this order."""
    there: set[int] = set()
    for line in lines:
        if line["type"] == "scene":
            seen = [d["track"] for d in line["detections"] if d["track"] is not None]
            assert len(set(seen)) == len(seen)
            assert set(seen) <= there
        elif line["type"] in ("entered", "left"):
            assert (line["track"] in there) == (line["type"] == "left")
            there ^= {line["track"]}
    assert not there
    assert any(line["type"] == "entered" for line in lines)


def test_every_frame_of_the_clip_is_answered_once_and_drawn(quick):
    folder, record = quick
    frames = len((folder / "truth.jsonl").read_text().splitlines())
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    scenes = [line for line in lines if line["type"] == "scene"]
    assert [line["index"] for line in scenes] == list(range(frames))
    assert_entered_before_left(lines)
    assert record["statistics"]["answered"] == frames
    assert frames_of(folder / "demo.webm") == frames


def test_the_demo_leaves_nothing_half_written(quick):
    folder, _ = quick
    hidden = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert not hidden
    assert not [
        path for path in folder.rglob("*") if "part" in path.suffixes or ".new" in path.name
    ]


def test_the_score_picture_is_a_picture(quick):
    folder, _ = quick
    picture = cv2.imread(str(folder / "score.png"))
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_the_three_next_commands_can_be_typed(quick):
    folder, record = quick
    assert len(record["next"]) == 3
    fit = next(command for command in record["next"] if " fit " in command)
    words = fit.split()
    assert words[0] == "edge"
    done = subprocess.run(
        [sys.executable, "-m", "edge", *words[1:]],
        cwd=folder.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("chromium")
def test_chromium_plays_the_demos_video_to_its_end(quick, browser, tmp_path):
    folder, record = quick
    video = Path(shutil.copy(folder / "demo.webm", tmp_path))
    ended_s = play_to_its_end(browser, video, tmp_path / "page.html", deadline_s=90)
    assert ended_s == pytest.approx(record["statistics"]["answered"] / 15.0, abs=0.5)


@pytest.mark.needs("ffmpeg")
def test_the_h264_video_holds_the_same_frames(quick):
    folder, record = quick
    assert frames_of(folder / "demo.mp4") == record["statistics"]["answered"]


def test_own_pictures_are_learnt_and_the_held_out_ones_shown(shared, tmp_path):
    from edge.demo import Options, run_demo

    data = tmp_path / "fruit"
    for split, count in {"train": 40, "val": 6, "test": 10}.items():
        for label in LABELS:
            photos = sorted((shared / "data" / "grocery10" / split / label).iterdir())[:count]
            (data / split / label).mkdir(parents=True)
            for photo in photos:
                shutil.copy(photo, data / split / label)
    said: list[str] = []
    options = Options(tmp_path / "out", data, window=False, epochs=15)
    outcome = run_demo(options, lambda _: None, said.append)
    assert outcome.statistics.answered == 30
    assert outcome.bundle.labels == LABELS
    assert outcome.files.video.exists()
    assert any("held-out pictures are shown" in line for line in said)


def frames_of(video: Path) -> int:
    capture = cv2.VideoCapture(str(video))
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Pictures:
    """Three frames, as fast as one likes."""

    live, description, fps = False, "three", None

    def __init__(self) -> None:
        self.left: Iterator[Frame | None] = iter([object(), object(), object()])  # type: ignore[list-item]
        self.closed = False

    def read(self) -> Frame | None:
        return next(self.left, None)

    def close(self) -> None:
        self.closed = True


def test_a_watched_clip_is_not_faster_than_its_own_rate():
    from edge.demo import Paced

    clock, source = Clock(), Pictures()
    paced = Paced(source, 4.0, clock, clock.sleep)
    moments = []
    while paced.read() is not None:
        moments.append(clock.now)
    paced.close()
    assert moments == [100.0, 100.25, 100.5]
    assert source.closed


def test_the_first_webcam_is_looked_for_where_devices_are(tmp_path):
    from edge.demo import first_webcam

    assert first_webcam(tmp_path) == []
    (tmp_path / "video0").touch()
    assert first_webcam(tmp_path) == ["0"]
