import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenes import APPLE, FAULT, scene

from edge.errors import CannotWriteError
from edge.scene import event_record, scene_record
from edge.sinks.jsonl import JsonLinesSink, as_line


def test_each_line_is_there_as_soon_as_it_is_written(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text("an older run\n")
    sink = JsonLinesSink(path)
    sink.open()
    assert path.read_text() == ""
    for index in range(3):
        sink.write(scene(index, APPLE))
        lines = path.read_text().splitlines()
        assert json.loads(lines[-1]) == scene_record(scene(index, APPLE))
    sink.event(FAULT)
    sink.close()
    assert json.loads(path.read_text().splitlines()[-1]) == event_record(FAULT)
    assert len(path.read_text().splitlines()) == 4


def test_missing_folder_is_one_clear_line(tmp_path: Path):
    with pytest.raises(CannotWriteError, match="No such file or directory"):
        JsonLinesSink(tmp_path / "no" / "events.jsonl").open()


def test_full_device_is_named_and_makes_the_sink_unhealthy():
    sink = JsonLinesSink(Path("/dev/full"))
    sink.open()
    assert sink.health().ok
    with pytest.raises(CannotWriteError, match="No space left"):
        sink.write(scene(0))
    assert not sink.health().ok
    sink.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from scenes import scene
from edge.errors import CannotWriteError
from edge.sinks.jsonl import JsonLinesSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sink = JsonLinesSink(Path(sys.argv[2]))
sink.open()
try:
    for index in range(100):
        sink.write(scene(index))
except CannotWriteError as error:
    print(error)
sink.close()
"""


def test_full_disk_leaves_only_whole_lines(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    here = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, here, str(path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    text = path.read_text()
    assert text.endswith("\n")
    assert [json.loads(line)["index"] for line in text.splitlines()] == list(
        range(len(text.splitlines()))
    )
    assert 1000 - len(as_line(scene_record(scene(0)))) - 5 <= len(text) <= 1000


HEAD = """
import sys
sys.path.insert(0, sys.argv[1])
from scenes import scene
from edge.sinks.jsonl import StandardOutputSink
from edge.sinks.standard_output import StandardOutput
stopped = []
sink = StandardOutputSink(StandardOutput(lambda: stopped.append(1)))
index = 0
while not stopped:
    sink.write(scene(index % 50))
    index += 1
assert not sink.health().ok
sys.stderr.write("stopped")
"""


def test_reader_that_leaves_ends_the_run_quietly():
    here = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", HEAD, here], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert json.loads(child.stdout.readline())["index"] == 0
    child.stdout.close()
    assert child.stderr.read() == b"stopped"
    child.stderr.close()
    assert child.wait(20) == 0


def test_no_nan_reaches_a_line():
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_line({"score": float("nan")})


def test_file_mode_lets_others_read(tmp_path: Path):
    before = os.umask(0o022)
    try:
        sink = JsonLinesSink(tmp_path / "a.jsonl")
        sink.open()
        sink.close()
    finally:
        os.umask(before)
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o644
