"""`edge train` that was killed goes on with --resume, to the very same bundle."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from toys import toy_pictures, write_folders

pytestmark = [pytest.mark.train, pytest.mark.full]  # three trainings

DEADLINE_S = 300.0  # TensorFlow starts first, on a machine that may be busy
EPOCHS = 24


def command(data: Path, out: Path, *more: str) -> list[str]:
    words = [str(data), "--out", str(out), "--size", "32", "--epochs", str(EPOCHS), *more]
    return [sys.executable, "-m", "edge", "train", *words, "--seed", "4", "--max-drop", "1"]


def finish(*command: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr


def kill_once_there(command: list[str], checkpoint: Path) -> int:
    """Start, kill -9 as soon as a checkpoint is there, and return the epoch that it holds."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **quiet) as child:
        deadline = time.monotonic() + DEADLINE_S
        try:
            while not checkpoint.exists() and child.poll() is None:
                assert time.monotonic() < deadline
                threading.Event().wait(0.005)
        finally:
            child.kill()
        assert child.wait(DEADLINE_S) == -signal.SIGKILL, child.stderr.read()
    with np.load(checkpoint) as file:
        return int(file["epoch"])


def content(bundle: Path) -> dict[str, object]:
    """Return all that a bundle holds, without the time at which it was made."""
    golden = np.load(bundle / "golden.npz")
    record = (bundle / "model.toml").read_text().splitlines()
    return {
        "files": sorted(path.name for path in bundle.iterdir()),
        "model": (bundle / "model.tflite").read_bytes(),
        "labels": (bundle / "labels.txt").read_text(),
        "golden": {name: golden[name].tobytes() for name in golden.files},
        "record": [line for line in record if not line.startswith("created = ")],
    }


def test_killed_command_resumes_to_the_bundle_of_an_undisturbed_one(tmp_path: Path) -> None:
    data = write_folders(tmp_path / "kinds", *toy_pictures(150, seed=5))
    for folder in ("killed", "whole"):
        (tmp_path / folder).mkdir()
    killed, whole = tmp_path / "killed" / "toys", tmp_path / "whole" / "toys"
    epoch = kill_once_there(command(data, killed), killed.with_name("toys.checkpoint.npz"))
    assert 1 <= epoch < EPOCHS
    assert not killed.exists()
    finish(*command(data, killed, "--resume"))
    finish(*command(data, whole))
    assert content(killed) == content(whole)
    assert [path.name for path in killed.parent.iterdir()] == ["toys"]  # the checkpoint has served
