"""What the check on emulated boards would notice, and where it looks for packages."""

import importlib
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
TARGETS = """\
https://mirror.example/debian-security/ bookworm-security main
https://mirror.example/debian/ bookworm contrib
https://mirror.example/debian/ bookworm main
https://mirror.example/debian/ bookworm-updates main
"""


@pytest.fixture
def tool(monkeypatch):
    """Import a script of .ci, which imports its neighbours by name."""
    monkeypatch.syspath_prepend(ROOT / ".ci")
    return importlib.import_module


@pytest.fixture
def bits(tool) -> ModuleType:
    return tool("arm_bits")


def answers(bits: ModuleType, machine: str = "aarch64"):
    """Two models' answers with each kernel, five questions of six values."""
    rng = np.random.default_rng(0)
    named = {
        f"{model.path}|{kernel}|0": rng.integers(-128, 128, (5, 6)).astype(np.int8)
        for model in models(bits)
        for kernel in bits.KERNELS
    }
    return named | {"runtime": np.array(["litert 1", machine])}


def models(bits: ModuleType):
    return tuple(bits.Model(f"{kind}.tflite", kind) for kind in ("int8", "operator"))


def changed(bits: ModuleType, kind: str, kernel: str, by: int):
    """The same answers with one value changed."""
    there = answers(bits)
    name = f"{kind}.tflite|{kernel}|0"
    there[name] = there[name].copy()
    value = int(there[name][2, 3])
    there[name][2, 3] = value + by if value + by <= 127 else value - by
    return there


def test_equal_answers_pass(bits):
    found = bits.compare(answers(bits), answers(bits), models(bits))
    assert len(found) == 6
    assert not any(each.differing for each in found)


@pytest.mark.parametrize(
    ("kind", "kernel", "by", "wrong"),
    [
        ("int8", "reference", 1, True),
        ("int8", "default", 1, True),
        ("int8", "no-delegate", 40, False),
        ("operator", "reference", 1, True),
        ("operator", "no-delegate", 1, False),
        ("operator", "no-delegate", 2, True),
    ],
)
def test_one_changed_value_is_judged_by_its_kernel(tool, bits, kind, kernel, by, wrong):
    check_arm = tool("check_arm")
    found = bits.compare(answers(bits), changed(bits, kind, kernel, by), models(bits))
    assert [each.most for each in found if each.differing] == [by]
    if wrong:
        with pytest.raises(
            tool("check_wheel").WheelError, match=f"cpu: {kind}.tflite, {kernel}: 1"
        ):
            check_arm.judge(found, "cpu", "aarch64")
    else:
        assert check_arm.judge(found, "cpu", "aarch64")


def test_int8_without_xnnpack_is_reported_only(bits):
    found = bits.compare(answers(bits), changed(bits, "int8", "default", 9), models(bits))
    limits = {bits.limit(each, "armv7l") for each in found if each.kernel == "default"}
    assert limits == {None, 1}


@pytest.mark.parametrize("uniform", ["all", "questions"])
def test_uniform_answers_prove_nothing(bits, uniform):
    same = answers(bits)
    name = "int8.tflite|reference|0"
    same[name] = np.full((5, 6), 7, np.int8) if uniform == "all" else same[name][[1, 1, 1, 1, 1]]
    with pytest.raises(ValueError, match="too uniform"):
        bits.compare(same, same, models(bits))


def test_an_absent_or_foreign_answer_is_a_fault(bits):
    there = answers(bits)
    del there["operator.tflite|default|0"]
    with pytest.raises(ValueError, match=r"operator.tflite, default: no answer"):
        bits.compare(answers(bits), there, models(bits))
    there = answers(bits)
    there["int8.tflite|default|0"] = there["int8.tflite|default|0"].astype(np.uint8)
    with pytest.raises(ValueError, match=r"uint8\(5, 6\), not int8"):
        bits.compare(answers(bits), there, models(bits))


def test_every_model_can_be_asked(bits, shared):
    questions = bits.ask(shared / "data")
    for model in bits.MODELS:
        rows = bits.rows_of(questions, model)
        assert len(rows) == bits.NOISES
        assert any((rows[0][0] != row[0]).any() for row in rows), model.path


@pytest.mark.parametrize(
    ("system", "codename", "address"),
    [
        ("debian", "bookworm", "https://mirror.example/debian/"),
        ("debian", "trixie", ""),
        ("ubuntu", "bookworm", ""),
    ],
)
def test_packages_come_from_this_machines_own_archive(tool, system, codename, address):
    assert tool("arm_root").archive_of(TARGETS, system, codename) == address


def test_a_current_root_is_not_made_again(tool, tmp_path, monkeypatch):
    arm_root = tool("arm_root")
    packages = arm_root.Packages("suite", "arm64", ("python3",))
    folder = tmp_path / "root"
    made = []

    def fetch(packages, work):
        made.append(packages)
        return []

    def run(command):
        raise AssertionError(command)

    monkeypatch.setattr(arm_root, "fetch", fetch)
    monkeypatch.setattr(arm_root.apt, "run", run)
    monkeypatch.setattr(arm_root, "settle", lambda root, programs: root.mkdir())
    assert arm_root.make(packages, folder) == arm_root.make(packages, folder) == folder
    assert made == [packages]
    other = arm_root.Packages("suite", "arm64", ("python3", "more"))
    arm_root.make(other, folder)
    assert made == [packages, other]
    assert [entry.name for entry in tmp_path.iterdir()] == ["root"]


def test_the_environments_python_names_itself(tool, tmp_path):
    arm_python = tool("arm_python")
    board = tool("check_arm").BOARDS[0]
    emulator = tmp_path / "an emulator"
    emulator.write_text('#!/bin/sh\necho "$QEMU_CPU" "$@"\n')
    emulator.chmod(0o755)
    venv = arm_python.Venv(board, tmp_path / "venv", tmp_path / "root", emulator)
    arm_python.create(venv)
    said = arm_python.answers(venv.python, "", ["-c", "two words"], tmp_path).split()
    program = venv.root / "usr" / "bin" / "python3.11"
    cpu = board.processors[0]
    assert said == [cpu, "-L", str(venv.root), "-0", str(venv.python), str(program), "-c", "two",
                    "words"]  # fmt: skip
    said = arm_python.answers(venv.python, "another", [], tmp_path).split()
    assert said[0] == "another"


def test_a_wheel_takes_the_place_of_the_older_one(tool, tmp_path):
    arm_python = tool("arm_python")
    board = tool("check_arm").BOARDS[0]
    venv = arm_python.Venv(board, tmp_path / "venv", tmp_path / "root", tmp_path / "emulator")
    for name in ("edge/gone.py", "embedded_edge-0.0.dist-info/METADATA", "numpy/kept.py"):
        (venv.site / name).parent.mkdir(parents=True, exist_ok=True)
        (venv.site / name).touch()
    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as archive:
        archive.writestr("edge/new.py", "")
        archive.writestr("embedded_edge-0.1.dist-info/METADATA", "")
    arm_python.replace(venv, tmp_path / "wheel.whl")
    files = {str(file.relative_to(venv.site)) for file in venv.site.rglob("*") if file.is_file()}
    assert files == {"edge/new.py", "embedded_edge-0.1.dist-info/METADATA", "numpy/kept.py"}


def test_what_the_boards_need_is_in_the_project(tool):
    arm_python, check_arm = tool("arm_python"), tool("check_arm")
    for board in check_arm.BOARDS:
        assert len(arm_python.requirements(board)) == len(board.apart)


def test_without_network_a_plain_user_is_told_and_root_fails(tool, tmp_path, monkeypatch, capsys):
    check_arm = tool("check_arm")

    def unreachable(*_):
        raise check_arm.arm_root.FetchError("apt cannot fetch it")

    monkeypatch.setattr(check_arm.arm_root, "reason_to_skip", lambda: "")
    monkeypatch.setattr(check_arm, "reason_to_skip", lambda board: "")
    monkeypatch.setattr(check_arm, "check_all", unreachable)
    for can_install, code in ((True, 1), (False, 0)):
        monkeypatch.setattr(check_arm.apt, "can_install", lambda can=can_install: can)
        assert check_arm.main([str(tmp_path)]) == code
        told = capsys.readouterr()
        line = "check_arm: apt cannot fetch it" if code else "skipped: arm: apt cannot fetch it"
        assert (told.err if code else told.out).strip() == line


def test_an_unknown_board_is_no_success(tool, tmp_path, capsys):
    assert tool("check_arm").main([str(tmp_path), "arm65"]) == 2
    assert "no board ['arm65']; known are ['armhf', 'arm64'" in capsys.readouterr().err
