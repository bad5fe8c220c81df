"""`edge run` on network cameras that fail, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from network_cameras import NetworkCamera

ROOT = Path(__file__).resolve().parents[2]
EDGE = [sys.executable, "-c", "from edge.cli import main; main()"]
VWW = "data/mlperf-tiny/vww_96_int8.tflite"
DEADLINE_S = 60.0
PATIENT_S = 10.0  # of somebody who pressed Ctrl-C, on a busy machine


class Run:
    """`edge --json run` with its lines in a file."""

    def __init__(self, source: str, shared: Path, tmp_path: Path) -> None:
        self.jsonl, self.log = tmp_path / "out.jsonl", tmp_path / "log"
        words = ["--json", "run", shared / VWW, "--source", source, "--jsonl", self.jsonl]
        with self.log.open("w") as log:
            self.child = subprocess.Popen(
                [*EDGE, *map(str, words)],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip

    def events(self, kind: str) -> list[dict]:
        """Return the lines of a type: scene, fault or recovered."""
        text = self.jsonl.read_text() if self.jsonl.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]
        return [line for line in lines if line["type"] == kind]

    def until(self, condition: Callable[[], object]) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.child.poll() is None, self.log.read_text()
            assert time.monotonic() < end_s, self.log.read_text()
            time.sleep(0.01)

    def interrupt(self) -> dict:
        """Press Ctrl-C and return the statistics that it prints."""
        self.child.send_signal(signal.SIGINT)
        out, _ = self.child.communicate(timeout=PATIENT_S)
        assert self.child.returncode == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()
        return json.loads(out)


@contextmanager
def running(source: str, shared: Path, tmp_path: Path) -> Iterator[Run]:
    run = Run(source, shared, tmp_path)
    try:
        yield run
    finally:
        run.child.kill()
        run.child.communicate()


def test_run_lives_through_a_camera_that_goes_and_comes(shared: Path, tmp_path: Path):
    """Killed, started again, stopped: three events; Ctrl-C ends it during the blocked read."""
    with NetworkCamera("mjpeg") as server, running(server.address, shared, tmp_path) as run:
        run.until(lambda: run.events("scene"))
        server.kill()
        run.until(lambda: run.events("fault"))
        server.restart()
        run.until(lambda: run.events("recovered"))
        before = len(run.events("scene"))
        run.until(lambda: len(run.events("scene")) > before)
        server.stop()
        run.until(lambda: len(run.events("fault")) > len(run.events("recovered")))
        statistics = run.interrupt()
    fault = run.events("fault")[0]
    assert fault["label"].startswith("closed: unplugged")
    assert (fault["camera"], fault["model"], fault["backend"]) == ("camera", None, None)
    camera = statistics["cameras"]["camera"]
    assert {"closed", "stalled"} <= set(camera["faults"])
    assert sum(camera["faults"].values()) == len(run.events("fault"))
    assert camera["recovered"] == len(run.events("recovered"))
    assert 0 < statistics["age"]["p50_ms"] <= statistics["age"]["p99_ms"]
    log = run.log.read_text()
    assert log.count(": closed: ") == camera["faults"]["closed"]
    assert "refused" not in log  # each retry is for debugging only


@pytest.mark.full
def test_ctrl_c_ends_a_run_that_waits_before_its_next_attempt(shared: Path, tmp_path: Path):
    with NetworkCamera("mjpeg") as server, running(server.address, shared, tmp_path) as run:
        run.until(lambda: run.events("scene"))
        server.kill()
        run.until(lambda: run.events("fault"))
        assert run.interrupt()["answered"] == len(run.events("scene"))


@pytest.mark.needs("gstreamer")
def test_ctrl_c_ends_a_blocked_rtsp_read(shared: Path, tmp_path: Path):
    with NetworkCamera("rtsp") as server, running(server.address, shared, tmp_path) as run:
        run.until(lambda: len(run.events("scene")) > 3)
        server.stop()
        time.sleep(0.5)  # the read is blocked now; at 30 pictures a second it cannot be sooner
        assert run.interrupt()["answered"] == len(run.events("scene"))


@pytest.mark.full
def test_ctrl_c_ends_a_blocked_opening(shared: Path, tmp_path: Path):
    with NetworkCamera("mjpeg") as server:
        server.stop()
        with running(server.address, shared, tmp_path) as run:
            run.until(lambda: connected(server.port))
            run.child.send_signal(signal.SIGINT)
            run.child.communicate(timeout=PATIENT_S)
            assert run.child.returncode in (0, 1)
            assert "Traceback" not in run.log.read_text()
        server.go_on()


def connected(port: int) -> bool:
    """Return whether somebody has a connection to a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


def test_camera_that_is_absent_at_the_start_ends_the_run(shared: Path, tmp_path: Path):
    with NetworkCamera("mjpeg") as server:
        server.kill()
        with running(server.address, shared, tmp_path) as run:
            run.child.communicate(timeout=DEADLINE_S)
            assert run.child.returncode == 69
    assert run.log.read_text().count("\n") == 1
    assert "no stream at 'http://127.0.0.1:" in run.log.read_text()
