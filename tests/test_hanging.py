"""A test that hangs must not hold up the run for ever."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 120.0
HANGS = """
import threading

def test_never_ends():
    threading.Event().wait()
"""


def test_every_test_has_a_limit_that_slow_machines_keep(pytestconfig: pytest.Config):
    assert 600 <= float(pytestconfig.getini("faulthandler_timeout")) <= 1800
    assert pytestconfig.getini("faulthandler_exit_on_timeout") is True


def test_test_that_hangs_is_named_and_ends_the_run(tmp_path: Path):
    path = tmp_path / "test_hangs.py"
    path.write_text(HANGS)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path,
            "-p", "no:cacheprovider", "-o", "faulthandler_timeout=1", path,
        ],
        capture_output=True, text=True, timeout=DEADLINE_S, cwd=tmp_path, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Timeout (0:00:01)!" in done.stderr
    assert f'"{path}", line 5 in test_never_ends' in done.stderr
    assert "passed" not in done.stdout
