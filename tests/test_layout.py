"""The checkout holds what it should: names at the top, short files, and nothing foreign."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP = {
    ".ci",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "devices",
    "docs",
    "edge",
    "examples",
    "firmware_export",
    "pyproject.toml",
    "tests",
}
MOST_LINES = 450
# Written in two pieces each, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a registry's host": r"py" r"pi\.org|python" r"hosted\.|deb\." r"debian|registry\." r"npm",
    "a path of one machine": r"/ro" r"ot/|/wo" r"rk/|/tm" r"p/w/|\.py" r"env/",
    "an unfinished mark": r"\bTO" r"DO\b|\bFIX" r"ME\b|\bXX" r"X\b|NotImpl" r"ementedError",
    "how the text was made": r"(?i)\bpro"
    r"mpts?\b|\bllm\b|chat"
    r"gpt|\bclau"
    r"de\b|\banthro"
    r"pic|"
    r"\bopen"
    r"ai\b|\bcopi"
    r"lot\b|\bAI (tool|agent|assistant)|coding age"
    r"nt",
    "a tracker's number or a note": r"(?i)\bissue #?\d|\bfacts\.md|\binterfaces\.md|\bdesign\.md|"
    r"contracts\.md",
}
TEXT = {".py", ".md", ".toml", ".txt", ".html", ".css", ".js", ".c", ".h", ".sh", ""}


def repository_files() -> tuple[str, ...]:
    """Return git's files as paths below the root; before a first commit those not ignored."""
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    for more in ([], ["--others", "--exclude-standard"]) if (ROOT / ".git").exists() else ():
        done = subprocess.run([*git, *more], cwd=ROOT, capture_output=True, text=True, check=True)
        if names := [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]:
            return tuple(names)
    return tuple(files_below_known_names())


def files_below_known_names() -> Iterator[str]:
    """Yield the files of a checkout that came as an archive, without git's list."""
    for name in sorted(TOP):
        top = ROOT / name
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and not {"__pycache__", ".mypy_cache"} & set(file.parts):
                yield file.relative_to(ROOT).as_posix()


FILES = repository_files()
TEXTS = tuple(name for name in FILES if Path(name).suffix in TEXT and name != "LICENSE")


def faults(text: str) -> list[str]:
    """Return `what: match` for each forbidden thing in a text."""
    found = ((what, re.search(pattern, text)) for what, pattern in FORBIDDEN.items())
    return [f"{what}: {match[0]!r}" for what, match in found if match]


def test_only_known_names_stand_at_the_top():
    assert {name.split("/")[0] for name in FILES} <= TOP


def test_every_file_is_short():
    lengths = {name: (ROOT / name).read_text().count("\n") for name in TEXTS}
    assert {name: lines for name, lines in lengths.items() if lines >= MOST_LINES} == {}


def test_no_file_holds_anything_foreign():
    found = {name: faults((ROOT / name).read_text()) for name in TEXTS}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_python_packages_are_two_levels_deep():
    deep = [n for n in FILES if n.endswith(".py") and n.split("/")[0] in ("edge", "devices")]
    assert [name for name in deep if name.count("/") > 2] == []


def test_test_folders_are_no_packages():
    """A tests/edge/__init__.py would hide the package edge from every test."""
    assert [n for n in FILES if n.startswith("tests/") and n.endswith("__init__.py")] == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/simple",
        "open('/wo" + "rk/shared/data')",
        "# TO" + "DO: later",
        "raise NotImpl" + "ementedError",
        "as Iss" + "ue #3 says",
    ],
)
def test_each_forbidden_thing_is_found(text):
    assert len(faults(text)) == 1
