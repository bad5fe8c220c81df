import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest
from manifest import NAMED, RESNET, V1, VWW, is_broken, models, readable

from edge.sinks.video import frame_count

ROOT = Path(__file__).resolve().parents[2]
EDGE = [sys.executable, "-c", "from edge.cli import main; main()"]
DEADLINE_S = 60.0
IMAGENET = "coral/labels/imagenet_labels.txt"
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGE, *map(str, words)],
        capture_output=True, text=True, env=environment(), cwd=cwd, timeout=DEADLINE_S,
    )  # fmt: skip


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and see that it is gone at the end whatever the test found."""
    child = subprocess.Popen(
        [*EDGE, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def until(true) -> None:
    """Wait for what a child brings about."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def lines_of(path: Path) -> list[dict]:
    text = path.read_text() if path.exists() else ""
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def scenes_of(path: Path) -> list[dict]:
    return [line for line in lines_of(path) if line["type"] == "scene"]


@pytest.fixture
def data(shared: Path) -> Path:
    return shared / "data"


LABELS = {RESNET: CIFAR, VWW: ["no_person", "person"]}


@pytest.mark.parametrize("model", NAMED)
def test_classifier_gives_its_named_top_result(model: str, data: Path, tmp_path: Path):
    for index, name in enumerate(NAMED[model]):
        cv2.imwrite(str(tmp_path / f"{index}.png"), readable(data / name))
    labels = data / IMAGENET
    if model in LABELS:
        labels = tmp_path / "labels.txt"
        labels.write_text("\n".join(LABELS[model]))
    done = run("run", data / model, "--labels", labels, "--source", tmp_path, "--threshold", 0.05)
    assert done.returncode == 0, done.stderr
    found = [line.split(": ", 1)[1] for line in done.stdout.splitlines()[: len(NAMED[model])]]
    expected = list(NAMED[model].values())
    assert [re.sub(r" \d\.\d\d.*", "", line) for line in found] == expected


# The manifest's models that are broken or hold an operator no runtime has.
BROKEN = {
    "coral/model_invoking_error.tflite": "fake-op-double",
    "tflite-micro/audio_preprocessor_float.tflite": "SignalWindow",
    "tflite-micro/audio_preprocessor_int8.tflite": "SignalWindow",
    "tflite-micro/keyword_scrambled_8bit.tflite": "",  # only one of the runtimes dies of it
    "tflite-micro/person_detect.tflite": "quantized_dimension",
    "tflite-micro/person_detect_vela.tflite": "Arm Ethos-U",
}


# Those that need an Edge TPU, and what is said where neither it nor their CPU model is there.
COMPILED = {
    "coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite": (69, "its CPU model is missing: "),
    "coral/split_concat_edgetpu.tflite": (65, "does not take one picture"),
}


def test_every_broken_model_of_the_manifest_is_in_the_table(data: Path):
    broken = {name for name, notes in models(data).items() if is_broken(notes)}
    assert broken == set(BROKEN) | set(COMPILED)


@pytest.mark.parametrize("model", BROKEN)
def test_broken_model_is_one_clear_line(model: str, data: Path):
    done = run("run", data / model, "--source", data / "coral/images/cat.bmp")
    assert done.returncode == 65
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("edge: ")
    assert BROKEN[model] in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("model", COMPILED)
def test_compiled_model_alone_is_one_clear_line(model: str, data: Path, tmp_path: Path):
    shutil.copy(data / model, tmp_path)
    alone = tmp_path / Path(model).name
    done = run("run", alone, "--source", data / "coral/images/cat.bmp", "--backend", "cpu")
    code, says = COMPILED[model]
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("edge: ")
    assert says in line
    assert done.stdout == ""


def test_what_was_guessed_and_chosen_is_said(data: Path):
    done = run("run", data / V1, "--source", data / "coral/images/parrot.jpg")
    assert "guessed: " in done.stderr
    assert re.search(r"on (litert|tflite-runtime) \d", done.stderr)
    assert "class 89" in done.stdout or "macaw" in done.stdout
    assert re.search(r"frames: 1 in, 1 answered, 0 dropped, 0 skipped", done.stdout)


def test_picture_without_a_detection_still_names_the_best(data: Path):
    words = ["--labels", data / IMAGENET, "--source", data / "coral/images/cat.bmp"]
    done = run("-q", "run", data / V1, *words, "--threshold", 0.99)
    assert re.search(r"cat\.bmp: nothing above its threshold; best: \S+ cat 0\.\d\d", done.stdout)


def test_tensorflow_is_never_imported(data: Path):
    code = (
        "import sys; from edge.cli import cli\n"
        "cli.main(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras')))"
    )
    words = ["-q", "run", data / V1, "--source", data / "coral/images/cat.bmp"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True, text=True, env=environment(), timeout=DEADLINE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_output_of_a_clip_holds_every_frame(data: Path, tmp_path: Path):
    done = run(
        "--json", "run", data / VWW, "--source", data / "tensorflow-examples/carving_ice.mp4",
        "--video", tmp_path / "out.webm", "--jsonl", tmp_path / "out.jsonl",
        "--stills", tmp_path / "stills", "--rotate", 90, "--roi", "0,0,1,0.5", "--frames", 40,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    statistics = json.loads(done.stdout)
    assert (statistics["frames_in"], statistics["answered"]) == (40, 40)
    assert set(statistics["stages"]) == {"read", "prepare", "infer", "decode"}
    assert statistics["backends"] == {"cpu": 40}
    scenes = scenes_of(tmp_path / "out.jsonl")
    assert [s["index"] for s in scenes] == list(range(40))
    assert frame_count(tmp_path / "out.webm") == 40
    stills = sorted((tmp_path / "stills").iterdir())
    assert len(stills) == sum(bool(s["detections"]) for s in scenes) > 0
    assert cv2.imread(str(stills[0])).shape == (86, 172, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_run_leaves_whole_files(number: signal.Signals, data: Path, tmp_path: Path):
    clip = data / "intel-sample-videos/one-by-one-person-detection.mp4"
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.webm"
    words = ["run", data / VWW, "--source", clip, "--jsonl", jsonl, "--video", video]
    with started("--json", *words) as child:
        until(lambda: len(lines_of(jsonl)) > 5)
        child.send_signal(number)
        out, err = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0, err
    answered = json.loads(out)["answered"]
    assert answered < 1394
    assert [s["index"] for s in scenes_of(jsonl)] == list(range(answered))
    assert frame_count(video) == answered
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "out.webm"]


def test_killed_run_leaves_whole_lines_and_no_video_under_its_name(data: Path, tmp_path: Path):
    clip = data / "intel-sample-videos/bottle-detection.mp4"
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.webm"
    words = ["run", data / VWW, "--source", clip, "--jsonl", jsonl, "--video", video]
    with started(*words) as child:
        until(lambda: len(lines_of(jsonl)) > 5)
        child.kill()
        child.communicate()
    assert len(lines_of(jsonl)) > 5
    assert not video.exists()


def test_full_disk_is_named_once_and_the_rest_goes_on(data: Path, tmp_path: Path):
    clip = data / "tensorflow-examples/carving_ice.mp4"
    words = ["--source", clip, "--jsonl", "/dev/full", "--video", tmp_path / "out.webm"]
    done = run("-q", "run", data / VWW, *words, "--frames", 20)
    assert done.returncode == 74
    assert done.stderr.count("edge: cannot write '/dev/full': No space left on device") == 1
    assert frame_count(tmp_path / "out.webm") == 20


def test_lines_on_standard_output_are_nothing_else(data: Path):
    clip = data / "tensorflow-examples/carving_ice.mp4"
    done = run("run", data / VWW, "--source", clip, "--jsonl", "-", "--frames", 5)
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds == ["scene", "scene", "entered", "scene", "scene", "scene", "left"]
    assert "5 answered" in done.stderr


def test_reader_that_leaves_ends_the_run(data: Path):
    clip = data / "intel-sample-videos/one-by-one-person-detection.mp4"
    with started("run", data / VWW, "--source", clip, "--jsonl", "-") as child:
        assert json.loads(child.stdout.readline())["index"] == 0
        child.stdout.close()
        err = child.stderr.read()
        assert child.wait(DEADLINE_S) == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_page_shows_the_run(data: Path):
    clip = data / "intel-sample-videos/one-by-one-person-detection.mp4"
    with started("run", data / VWW, "--source", clip, "--web=127.0.0.1:0") as child:
        url = ""
        while not url:
            line = child.stderr.readline()
            assert line, "the run ended without naming its page"
            url = line.strip().removeprefix("live page: ") if "live page: " in line else ""
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:  # noqa: S310
            assert b"stream.mjpg" in answer.read()
        stream = url + "stream.mjpg"
        with urllib.request.urlopen(stream, timeout=DEADLINE_S) as answer:  # noqa: S310
            assert answer.readline() == b"--frame\r\n"
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nothing.tflite", "--source", "0"], 66, "nothing.tflite"),
        ([V1, "--source", "nothing.mp4"], 66, "no file 'nothing.mp4'"),
        ([V1, "--source", "77"], 69, "no camera 77"),
        ([V1, "--source", "MANIFEST.md"], 65, "no video that OpenCV reads"),
        (["MANIFEST.md", "--source", "0"], 65, "MANIFEST.md"),
        ([V1, "--labels", "nothing.txt", "--source", "0"], 66, "nothing.txt"),
        ([V1, "--source", "coral/images/cat.bmp", "--jsonl", "no/a.jsonl"], 74, "no/a.jsonl"),
        ([V1, "--source", "coral/images/cat.bmp", "--window"], 69, "no window"),
    ],
)
def test_mistake_is_one_line_with_its_exit_code(words: list, code: int, says: str, data: Path):
    env = {k: v for k, v in environment().items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    done = subprocess.run(
        [*EDGE, "-q", "run", *words],
        capture_output=True, text=True, env=env, cwd=data, timeout=DEADLINE_S,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_all_wrong_options_are_named_at_once(data: Path):
    done = run(
        "run", data / V1, "--source", "0", "--backend", "gpu", "--runtime", "onnx",
        "--roi", "1,1,0,0", "--web=0.0.0.0:80", "--video", "a.mkv", "--rotate", "45",
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 6
    for word in (
        "--rotate takes 0, 90, 180, 270 degrees clockwise; got '45'",
        "gpu",
        "onnx",
        "--roi",
        "--web",
        "a.mkv",
    ):
        assert word in done.stderr
