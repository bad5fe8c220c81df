"""`edge capture`: the pictures to train on, as class folders, without near-duplicates."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.images import read_picture
from edge.capture import Album, check_label
from edge.errors import UsageError
from edge.scene import Frame
from edge.training.folders import read_folders
from edge.vision.alike import NEAR_BITS, difference_hash, distance

ROOT = Path(__file__).resolve().parents[2]
EDGE = [sys.executable, "-c", "from edge.cli import main; main()"]
DEADLINE_S = 60.0
PEOPLE = "intel-sample-videos/one-by-one-person-detection.mp4"
NOON = datetime(2026, 11, 25, 12, 0, 0, 123000, UTC)


def environment() -> dict[str, str]:
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    return {k: v for k, v in own.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}


def capture(*words: object, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGE, "--json", "capture", *map(str, words)],
        capture_output=True, text=True, env=environment(), timeout=DEADLINE_S, **more,
    )  # fmt: skip


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [*EDGE, "--json", "capture", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jpg"))


def checkers(seed: int, cells: int = 12) -> np.ndarray:
    grey = np.random.default_rng(seed).integers(0, 256, (cells, cells), np.uint8)
    large = cv2.resize(grey, (120, 120), interpolation=cv2.INTER_NEAREST)
    return np.repeat(large[..., None], 3, axis=2)


def frame(bgr: np.ndarray, index: int = 0) -> Frame:
    return Frame("camera", index, index * 1_000_000, NOON, bgr)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return a folder of three pictures, each there twice, the second time a little darker."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for seed in range(3):
        cv2.imwrite(str(folder / f"{seed}_a.png"), checkers(seed))
        cv2.imwrite(str(folder / f"{seed}_b.png"), (checkers(seed) * 0.9).astype(np.uint8))
    return folder


def test_clip_gives_pictures_that_differ(shared: Path, tmp_path: Path):
    clip = shared / "data" / PEOPLE
    done = capture("--source", clip, "--label", "person", "--out", tmp_path, "--every", 1000)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    taken = pictures(tmp_path / "person")
    assert record["kept"] == record["in_folder"] == len(taken) > 3
    fps = cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FPS)
    looked_at = record["kept"] + record["nearly_the_same"]
    assert looked_at == pytest.approx(record["frames"] / fps, abs=2)
    hashes = [difference_hash(read_picture(p)) for p in taken]
    # compression moves a bit or two
    assert min(distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > NEAR_BITS - 2
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z(_\d+)?\.jpg", p.name) for p in taken)
    assert {p.name for p in tmp_path.iterdir()} == {"person"}


def test_near_duplicates_are_left_out_and_counted(pairs: Path, tmp_path: Path):
    done = capture("--source", pairs, "--label", "checkers", "--out", tmp_path / "out")
    record = json.loads(done.stdout)
    assert (record["kept"], record["nearly_the_same"], record["frames"]) == (3, 3, 6)
    again = json.loads(
        capture("--source", pairs, "--label", "checkers", "--out", tmp_path / "out").stdout
    )
    assert (again["kept"], again["nearly_the_same"], again["in_folder"]) == (0, 6, 3)


def test_training_takes_what_was_captured(pairs: Path, shared: Path, tmp_path: Path):
    out = tmp_path / "out"
    first = json.loads(capture("--source", pairs, "--label", "checkers", "--out", out).stdout)
    assert first["next"] == f"edge capture --source {pairs} --label ANOTHER_CLASS --out {out}"
    images = shared / "data/coral/images/*.jpg"
    second = json.loads(capture("--source", images, "--label", "a photo", "--out", out).stdout)
    assert second["next"] == f"edge train {out} --out out_model"
    found = read_folders(out)
    assert found.faults == ()
    counts = {label: sum(e.label == label for e in found.entries) for label in found_labels(found)}
    assert counts == {"checkers": 3, "a photo": second["kept"]}


def found_labels(found) -> set[str]:
    return {entry.label for entry in found.entries}


def test_count_ends_the_capture(pairs: Path, tmp_path: Path):
    done = capture("--source", pairs, "--label", "x", "--out", tmp_path, "--count", 2)
    assert json.loads(done.stdout)["kept"] == len(pictures(tmp_path / "x")) == 2


def test_pictures_are_turned_and_cut_as_the_run_will(pairs: Path, tmp_path: Path):
    done = capture(
        "--source", pairs, "--label", "x", "--out", tmp_path, "--count", 1,
        "--rotate", 90, "--roi", "0,0,0.5,0.25",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = read_picture(pictures(tmp_path / "x")[0]).astype(int)
    turned = cv2.rotate(checkers(0), cv2.ROTATE_90_CLOCKWISE)
    assert seen.shape == (30, 60, 3)
    assert abs(seen - turned[:30, :60]).mean() < 4


def test_same_moment_overwrites_nothing(tmp_path: Path):
    album = Album(tmp_path / "x")
    assert all(album.add(frame(checkers(seed), seed)) for seed in range(3))
    other = Album(tmp_path / "x")
    assert other.add(frame(checkers(9)))
    names = [p.name for p in pictures(tmp_path / "x")]
    stem = "20261125T120000.123Z"
    assert names == [f"{stem}.jpg", f"{stem}_2.jpg", f"{stem}_3.jpg", f"{stem}_4.jpg"]
    assert abs(read_picture(tmp_path / "x" / names[0]).astype(int) - checkers(0)).mean() < 4


def test_disk_without_links_overwrites_nothing_either(tmp_path: Path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    album = Album(tmp_path / "x")
    assert all(album.add(frame(checkers(seed), seed)) for seed in range(3))
    assert len(pictures(tmp_path / "x")) == len(list((tmp_path / "x").iterdir())) == 3


def test_damaged_picture_that_is_there_is_named_and_stays(tmp_path: Path, caplog):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old.jpg").write_bytes(b"no picture")
    assert Album(tmp_path / "x").kept.before == 0
    assert "old.jpg" in caplog.text
    assert (tmp_path / "x" / "old.jpg").read_bytes() == b"no picture"


def test_black_pictures_are_said(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "black.png"), np.full((50, 50, 3), 6, np.uint8))
    words = ["--source", tmp_path / "black.png", "--label", "x", "--out", tmp_path / "out"]
    assert json.loads(capture(*words).stdout)["dark"] == 1
    (tmp_path / "out" / "x" / pictures(tmp_path / "out" / "x")[0].name).unlink()
    plain = subprocess.run(
        [*EDGE, "capture", *map(str, words)],
        capture_output=True, text=True, env=environment(), timeout=DEADLINE_S,
    )  # fmt: skip
    assert "1 of them are nearly black" in plain.stdout
    assert plain.stdout.splitlines()[-2] == "next:"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_capture_leaves_whole_pictures(number: signal.Signals, shared, tmp_path: Path):
    clip = shared / "data" / PEOPLE
    words = ["--source", clip, "--label", "person", "--out", tmp_path, "--every", 1]
    with started(*words) as child:
        deadline = time.monotonic() + DEADLINE_S
        while len(pictures(tmp_path / "person")) < 3:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        child.send_signal(number)
        out, err = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0, err
    left = list((tmp_path / "person").iterdir())
    assert json.loads(out)["kept"] == len(left)
    assert all(read_picture(path).size for path in left)


def test_full_disk_says_what_is_kept(tmp_path: Path):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "1.png"), checkers(1, 3))
    cv2.imwrite(str(tmp_path / "in" / "2.png"), checkers(2, 120))
    limit = (6000, 6000)  # bytes of one file: the second picture needs more
    done = capture(
        "--source", tmp_path / "in", "--label", "x", "--out", tmp_path / "out",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 74, done.stderr
    line = done.stderr.splitlines()[-1]
    assert "1 pictures of this capture are kept in" in line
    assert [p.suffix for p in (tmp_path / "out" / "x").iterdir()] == [".jpg"]


def test_page_shows_what_is_captured(shared: Path, tmp_path: Path):
    clip = shared / "data" / PEOPLE
    words = ["--source", clip, "--label", "person", "--out", tmp_path, "--web=127.0.0.1:0"]
    with started(*words) as child:
        url = ""
        while not url:
            line = child.stderr.readline()
            assert line, "the capture ended without naming its page"
            url = line.strip().removeprefix("live page: ") if "live page: " in line else ""
        stream = url + "stream.mjpg"
        with urllib.request.urlopen(stream, timeout=DEADLINE_S) as answer:  # noqa: S310
            assert answer.readline() == b"--frame\r\n"
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0


@pytest.mark.parametrize(
    "label",
    ["", " cat", "cat ", ".cat", "..", "a/b", "/", "a\nb", "a\0b", "\x1b[31m", "x" * 201],
)
def test_wrong_label_is_a_usage_error(label: str):
    with pytest.raises(UsageError, match="--label is the name of a class folder; got"):
        check_label(label)


@pytest.mark.parametrize(
    "label", ["cat", "a cat", "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}pfel", "-", "train"]
)
def test_ordinary_label_is_taken(label: str):
    check_label(label)


def test_all_wrong_words_are_named_at_once(tmp_path: Path):
    done = capture(
        "--source", "0", "--label", "a/b", "--out", tmp_path / "o", "--rotate", "1",
        "--roi", "1", "--web=0.0.0.0:80",
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 4
    for word in ("--label", "--rotate", "--roi", "--web"):
        assert word in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--source", "nothing.mp4", "--out", "o"], 66, "no file 'nothing.mp4'"),
        (["--source", "77", "--out", "o"], 69, "no camera 77"),
        (["--source", "0", "--out", "file"], 74, "cannot create 'file/x'"),
        (["--source", "a.png", "--out", "o", "--window"], 69, "no window"),
    ],
)
def test_mistake_is_one_line_with_its_exit_code(words, code, says, tmp_path: Path):
    (tmp_path / "file").touch()
    cv2.imwrite(str(tmp_path / "a.png"), checkers(1))
    done = capture("--label", "x", *words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    # an empty folder would be a class without pictures to whoever trains
    assert {p.name for p in tmp_path.iterdir()} == {"file", "a.png"}


def test_folders_that_were_there_stay_though_nothing_is_kept(tmp_path: Path):
    (tmp_path / "out" / "x").mkdir(parents=True)
    words = ["--source", "nothing.mp4", "--out", tmp_path / "out"]
    for label in ("x", "y"):
        assert capture("--label", label, *words, cwd=tmp_path).returncode == 66
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["x"]
