"""How a bare machine gets its environments: which Python, which wheels, when nothing is done."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def bootstrap(monkeypatch) -> ModuleType:
    """The tool of the Makefile, which imports its neighbour by name."""
    monkeypatch.syspath_prepend(ROOT / ".ci")
    return importlib.import_module("bootstrap")


def find_python(folders: list[Path], low: str, high: str, **more: str):
    """Run find-python with nothing on PATH but `folders`."""
    command = ["/bin/sh", str(ROOT / ".ci" / "find-python"), low, high]
    path = os.pathsep.join(map(str, folders))
    environment = {"PATH": path} | more
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def executable(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_a_shim_that_fails_is_passed_over(tmp_path):
    executable(tmp_path / "shims" / "python3", "#!/bin/sh\nexit 127\n")
    executable(tmp_path / "real" / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found = find_python([tmp_path / "shims", tmp_path / "real"], HERE, HERE)
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).is_file()


def test_an_active_environment_is_not_built_upon(tmp_path):
    assert sys.prefix != sys.base_prefix
    executable(tmp_path / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found = Path(find_python([tmp_path], HERE, HERE).stdout.strip())
    assert not found.is_relative_to(sys.prefix)


@pytest.mark.parametrize(("low", "high"), [("2.7", "3.10"), ("3.14", "3.99")])
def test_no_python_in_range_gives_one_line_with_the_cure(tmp_path, low, high):
    executable(tmp_path / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found = find_python([tmp_path], low, high)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.count("\n") == 1
    assert f"no Python {low} to {high}" in found.stderr
    assert "make PYTHON=" in found.stderr


def test_a_named_python_goes_first(tmp_path):
    named = executable(tmp_path / "mine", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert find_python([tmp_path / "none"], HERE, HERE, PYTHON=str(named)).returncode == 0


def test_groups_include_each_other(bootstrap):
    groups = {"a": ["x>=1", {"include-group": "b"}], "b": ["y"]}
    assert bootstrap.group_requirements(groups, "a") == ("x>=1", "y")


def opencv_wheels(extras: tuple[str, ...]) -> list[str]:
    lines = [line for e in extras for line in PROJECT["project"]["optional-dependencies"][e]]
    return [re.split("[<>=;]", line)[0] for line in lines if line.startswith("opencv")]


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("name", [".venv", ".venv-legacy"])
def test_an_environment_holds_one_opencv_wheel(bootstrap, name, windows):
    for choice in bootstrap.choices(bootstrap.ENVIRONMENTS[name], windows):
        assert len(opencv_wheels(choice.extras)) == 1


def test_windows_are_preferred_only_where_their_libraries_are(bootstrap):
    environment = bootstrap.ENVIRONMENTS[".venv"]
    best = [bootstrap.choices(environment, windows)[0].extras for windows in (True, False)]
    assert [opencv_wheels(extras) for extras in best] == [
        ["opencv-python"],
        ["opencv-python-headless"],
    ]


def test_an_environment_without_windows_stays_when_libgl_comes_later(bootstrap):
    environment = bootstrap.ENVIRONMENTS[".venv"]
    (before,) = bootstrap.choices(environment, windows=False)
    assert before in bootstrap.choices(environment, windows=True)


def test_without_libgl_there_are_no_windows(bootstrap):
    def load(name: str) -> None:
        if name == "libGL.so.1":
            raise OSError(name)

    assert not bootstrap.has_windows(load)
    assert bootstrap.has_windows(lambda name: None)


def test_the_stamp_changes_with_all_that_decides_an_installation(bootstrap, tmp_path):
    arguments = ("-e", ".[train]", "pytest")
    base = bootstrap.stamp_text(arguments, PROJECT)
    assert bootstrap.stamp_text(arguments, PROJECT) == base
    assert bootstrap.stamp_text((*arguments, "more"), PROJECT) != base
    assert bootstrap.stamp_text(arguments, PROJECT, tmp_path) != base
    for key, value in (("version", "9"), ("dependencies", ["numpy"])):
        changed = PROJECT | {"project": PROJECT["project"] | {key: value}}
        assert bootstrap.stamp_text(arguments, changed) != base, key


def test_a_new_description_needs_no_installation(bootstrap):
    changed = PROJECT | {"project": PROJECT["project"] | {"description": "other"}}
    assert bootstrap.stamp_text((), changed) == bootstrap.stamp_text((), PROJECT)


def test_pip_from_its_own_wheel_fills_an_environment_without_ensurepip(bootstrap, tmp_path):
    import ensurepip

    wheels = Path(ensurepip.__file__).parent / "_bundled"
    wheel = bootstrap.newest_pip(wheels) or bootstrap.newest_pip(bootstrap.SYSTEM_WHEELS)
    assert wheel, "this Python has no pip wheel"
    folder = tmp_path / "bare"
    base = [bootstrap.sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(base, check=True)
    python = folder / "bin" / "python"
    assert not bootstrap.runs(python)
    assert bootstrap.install_wheel(python, wheel)
    assert bootstrap.runs(python)


def test_no_pip_anywhere_gives_one_line_with_the_cure(bootstrap, tmp_path, monkeypatch, capfd):
    # A machine of a plain user without ensurepip, without pip, and without apt.
    monkeypatch.setattr(bootstrap, "has_module", lambda name: False)
    monkeypatch.setattr(bootstrap, "SYSTEM_WHEELS", tmp_path)
    monkeypatch.setattr(bootstrap.apt, "can_install", lambda: False)
    monkeypatch.setattr(bootstrap.apt, "download", lambda packages, folder: None)
    with pytest.raises(bootstrap.BootstrapError, match=r"apt-get install python3\.\d+-venv"):
        bootstrap.create(tmp_path / "venv")
    assert "Traceback" not in capfd.readouterr().err
