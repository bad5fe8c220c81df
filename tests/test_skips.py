"""A skip fails the run unless the list names it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from skips import CONDITIONS, LIST, ROOT, read_allowed, unlisted

HERE = Path(__file__).parent


def test_each_row_of_the_list_names_a_test_file_and_a_condition():
    for row in read_allowed(LIST.read_text()):
        assert list(ROOT.glob(row.tests.split("::")[0])), f"no such test file: {row.tests}"
        assert row.condition in CONDITIONS


def test_an_unknown_condition_in_the_list_is_refused():
    with pytest.raises(AssertionError, match="without-moon"):
        read_allowed("tests/test_a.py::* | without-moon | no moon today")


def test_a_row_allows_only_its_tests_and_only_while_its_condition_holds():
    rows = read_allowed("tests/test_a.py::* | without-ffmpeg | no encoder")
    skipped = ["tests/test_a.py::test_x", "tests/test_b.py::test_x"]
    assert unlisted(skipped, rows, lambda name: True) == ["tests/test_b.py::test_x"]
    assert unlisted(skipped, rows, lambda name: False) == skipped


def run_pytest(folder: Path, test: str, allowed: str) -> subprocess.CompletedProcess[str]:
    """Run a test file in a copy of what makes a skip fail."""
    (folder / "tests").mkdir()
    for name in ("conftest.py", "skips.py", "browser.py"):
        shutil.copy(HERE / name, folder / "tests" / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests" / "allowed_skips.txt").write_text(allowed)
    (folder / "tests" / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # The machine has no program at all: PATH holds nothing.
    environment = os.environ | {"PATH": str(folder), "CI": "false"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


NEEDS_FFMPEG = (
    "import pytest\n@pytest.mark.needs('ffmpeg')\ndef test_a(): pass\ndef test_b(): pass\n"
)


@pytest.mark.parametrize(
    ("test", "allowed"),
    [
        (NEEDS_FFMPEG, ""),
        ("import pytest\ndef test_a(): pytest.skip('no')\ndef test_b(): pass\n", ""),
        ("import pytest\npytest.importorskip('nothing_like_this')\n", ""),
        ("import pytest\n@pytest.mark.xfail\ndef test_a(): assert 0\ndef test_b(): pass\n", ""),
    ],
    ids=["needs", "skip", "module", "xfail"],
)
def test_an_unnamed_skip_fails_the_run(tmp_path, test, allowed):
    done = run_pytest(tmp_path, test, allowed)
    assert done.returncode != 0
    assert "NOT ALLOWED TO SKIP: tests/test_it.py" in done.stdout


def test_a_named_skip_is_counted_and_passes(tmp_path):
    allowed = "tests/test_it.py::test_a | without-ffmpeg | an encoder comes from apt\n"
    done = run_pytest(tmp_path, NEEDS_FFMPEG, allowed)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout
