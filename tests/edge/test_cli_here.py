"""`edge devices here`: this machine, made machines, and what each fault does to the exit code."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from machine_trees import (
    MODELS,
    STRANGERS,
    add_apex,
    add_machine,
    add_pci_card,
    add_sensor,
    add_usb_tpu,
    add_video,
    elf,
    write,
)

import devices
from edge.cli import cli, main
from edge.cli.here import edgetpu_checks
from edge.cli.python_here import opencv_check, runtime_checks
from edge.errors import UnavailableError
from edge.infer import runtime

LIBRARY = "usr/lib/aarch64-linux-gnu/libedgetpu.so.1"
PI_4 = MODELS["rpi-4"][0]


def ask(root: Path, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["--json", "devices", "here", "--root", str(root)])
    assert result.exit_code == code, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def checks(root: Path, name: str, code: int = 0) -> list[tuple[str, str, str]]:
    found = ask(root, code)["checks"]
    return [(each["state"], each["text"], each["cure"]) for each in found if each["name"] == name]


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """Return a whole Raspberry Pi 4: a stick, its library, two cameras, a cool processor."""
    add_machine(tmp_path, *PI_4)
    add_usb_tpu(tmp_path, "2-1", "1a6e:089a", bus=2, device=3)
    write(tmp_path, "sys/bus/usb/devices/2-1/speed", "5000")
    write(tmp_path, LIBRARY, elf())
    add_video(tmp_path, 0, "HD Webcam")
    add_sensor(tmp_path, 0, "imx219 10-0010")
    write(tmp_path, "usr/bin/rpicam-vid", b"")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "0")
    return tmp_path


@pytest.mark.parametrize("board", MODELS)
def test_every_board_is_named_by_its_made_machine(tmp_path: Path, board: str) -> None:
    model, compatible = MODELS[board][0]
    record = ask(add_machine(tmp_path, model, compatible))
    assert record["board"] == board
    assert checks(tmp_path, "board")[0][1] == f"{devices.find(board).name} ({board}): {model}"
    assert record["machine"]["model"] == model


@pytest.mark.parametrize(
    ("host", "stick", "card"),
    [
        ("rpi-5", "coral-usb", "coral-m2"),
        ("coral-dev-board", "coral-usb", "coral-dev-board"),
        ("coral-dev-board-mini", "coral-usb", "coral-dev-board-mini"),
    ],
)
def test_accelerators_are_named_as_boards(tmp_path: Path, host: str, stick: str, card: str) -> None:
    add_machine(tmp_path, *MODELS[host][0])
    add_usb_tpu(tmp_path, "1-1", "18d1:9302", bus=1, device=2)
    add_apex(tmp_path, 0, "0000:01:00.0")
    write(tmp_path, LIBRARY, elf())
    found = [(tpu["bus"], tpu["board"]) for tpu in ask(tmp_path)["edge_tpus"]]
    assert found == [("usb", stick), ("pci", card)]


@pytest.mark.parametrize(("model", "compatible"), STRANGERS[:-1])
def test_a_stranger_is_quoted(tmp_path: Path, model: str, compatible: tuple[str, ...]) -> None:
    ((state, text, _),) = checks(add_machine(tmp_path, model, compatible), "board")
    assert state == "info"
    assert f"it says {model!r} in /proc/device-tree/model; compatible {compatible[0]}" in text


def test_a_whole_board_passes_every_check(pi: Path) -> None:
    result = CliRunner().invoke(cli, ["devices", "here", "--root", str(pi)])
    assert result.exit_code == 0, result.output
    for words in (
        "Raspberry Pi 4 Model B (rpi-4): Raspberry Pi 4 Model B Rev 1.4",
        "Debian GNU/Linux 12 (bookworm), kernel 6.12.25+rpt-rpi-v8",
        "aarch64, 64 bits",
        "3,793 MiB (3,977,584,640 bytes)",
        "usb:0 (Coral USB Accelerator, 2-1, 5000 Mbit/s)",
        f"/{LIBRARY} (aarch64, 64 bits)",
        "HD Webcam (/dev/video0)",
        "imx219 (CSI, --source picamera)",
        "48.2 C (cpu-thermal)",
        "no check failed",
    ):
        assert words in result.stdout
    assert str(pi) not in result.stdout
    assert "warn" not in result.stdout
    assert "->" not in result.stdout


def test_a_tree_that_says_nothing_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    record = ask(tmp_path)
    assert {check["state"] for check in record["checks"]} == {"info"}
    assert checks(tmp_path, "board")[0][1] == "none of the catalogue; it says nothing"


def break_stick(root: Path) -> None:
    (root / "dev/bus/usb/002/003").unlink()


def break_library(root: Path) -> None:
    (root / LIBRARY).unlink()


def truncate_library(root: Path) -> None:
    write(root, LIBRARY, b"")


def swap_library(root: Path) -> None:
    write(root, LIBRARY, elf(40, 32))


def break_camera(root: Path) -> None:
    (root / "dev/video0").unlink()


def add_dead_card(root: Path) -> None:
    add_pci_card(root, "0000:01:00.0")


def lose_card(root: Path) -> None:
    write(add_apex(root, 0, "0000:01:00.0"), "temp", "-89700")


def take_armv6(root: Path) -> None:
    write(root, "bin/sh", elf(243))
    write(root, LIBRARY, elf(243))


@pytest.mark.parametrize(
    ("fault", "name", "said", "cure"),
    [
        (break_stick, "Edge TPU", "2-1, 5000 Mbit/s): /dev/bus/usb/002/003 does", "container"),
        (add_dead_card, "Edge TPU", "M.2 Accelerator, 0000:01:00.0): PCI card", "gasket-dkms"),
        (lose_card, "Edge TPU", "reports -89.7 C", ""),
        (break_library, "libedgetpu.so.1", "not in the loader's folders", "libedgetpu1-std"),
        (truncate_library, "libedgetpu.so.1", "is no ELF library", "--reinstall"),
        (swap_library, "libedgetpu.so.1", "armv7l, 32 bits; this system is aarch64", ""),
        (break_camera, "camera", "HD Webcam (/dev/video0): /dev/video0 does not", "--device"),
        (take_armv6, "architecture", "no TFLite runtime is built for it", "aarch64, armv7l"),
    ],
)  # fmt: skip
def test_what_cannot_work_fails_with_its_cure(
    pi: Path, fault: Callable[[Path], None], name: str, said: str, cure: str
) -> None:
    fault(pi)
    failed = [each for each in checks(pi, name, code=1) if each[0] == "fail"]
    assert len(failed) == 1
    assert said in failed[0][1] + ": " + failed[0][2]
    assert cure in failed[0][2]
    assert failed[0][2]


@pytest.mark.parametrize(
    ("name", "content", "check", "said", "cure"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "83000", "temperature", "83.0 C", "cool it"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "50005", "throttling",
         "now: under-voltage, throttled; since the start: under-voltage, throttled", "supply"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "80000", "throttling",
         "since the start: soft temperature limit", "cool it"),
    ],
)  # fmt: skip
def test_what_works_worse_is_a_warning(
    pi: Path, name: str, content: str, check: str, said: str, cure: str
) -> None:
    write(pi, name, content)
    ((state, text, advice),) = checks(pi, check)
    assert (state, said in text, cure in advice) == ("warn", True, True)


def test_a_32_bit_system_on_a_64_bit_board_is_a_warning(pi: Path) -> None:
    write(pi, "bin/sh", elf(40, 32))
    write(pi, LIBRARY, elf(40, 32))
    ((state, text, cure),) = checks(pi, "architecture")
    assert (state, text) == ("warn", "armv7l, 32 bits on a 64-bit processor")
    assert "the extra legacy" in cure


def test_a_stick_on_usb_2_is_said(pi: Path) -> None:
    write(pi, "sys/bus/usb/devices/2-1/speed", "480")
    ((state, text, _),) = checks(pi, "Edge TPU")
    assert state == "ok"
    assert "480 Mbit/s: USB 2, slower" in text


def test_large_pages_fail_only_with_a_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.sysconf", lambda _: 16_384)
    found = {check.name: check for check in edgetpu_checks((), Path("/"))}
    assert (found["page size"].state, found["page size"].text) == ("info", "16,384 bytes")
    add_apex(tmp_path, 0, "0000:01:00.0")
    tpus = devices.probe.edge_tpus(tmp_path)
    found = {check.name: check for check in edgetpu_checks(tpus, Path("/"))}
    assert found["page size"].state == "fail"
    assert "kernel=kernel8.img" in found["page size"].cure


def test_this_machine_has_a_runtime_and_a_python() -> None:
    result = CliRunner().invoke(cli, ["--json", "devices", "here"])
    record = json.loads(result.stdout)
    states = {(check["name"], check["state"]) for check in record["checks"]}
    assert {("Python", "ok"), ("runtime", "ok"), ("OpenCV", "ok")} <= states
    assert result.exit_code == int(any(state == "fail" for _, state in states))


@pytest.mark.parametrize("root", ["no", "."])
def test_a_root_without_a_machine_ends_with_66(
    root: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "devices", "here", "--root", str(tmp_path / root)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 66
    assert capsys.readouterr().err.startswith("edge: no sys and no proc in ")


def pick_of(**answers: str) -> Callable[[str], runtime.Runtime]:
    """Return a picker: a version, or why a runtime does not work."""

    def pick(name: str) -> runtime.Runtime:
        answer = answers[name.replace("-", "_")]
        if answer[0].isdecimal():
            return runtime.Runtime(name, answer, lambda: None, {})  # type: ignore[arg-type, return-value]
        raise UnavailableError(f"runtime {name}: {answer}")

    return pick


ABSENT = "not installed; pip install it"
BROKEN = "installed, but fails: numpy; with a semicolon (with numpy 2.0); pip install it"


@pytest.mark.parametrize(
    ("litert", "other", "states"),
    [
        ("2.3.0", "2.14.0", ["ok", "ok"]),
        ("2.3.0", ABSENT, ["ok", "info"]),
        (ABSENT, "2.14.0", ["ok", "info"]),
        ("2.3.0", BROKEN, ["ok", "warn"]),
        (ABSENT, BROKEN, ["fail", "fail"]),
    ],
)
def test_one_runtime_that_works_is_enough(litert: str, other: str, states: list[str]) -> None:
    found = list(runtime_checks(pick_of(litert=litert, tflite_runtime=other)))
    assert [check.state for check in found] == states
    cured = dict.fromkeys(("warn", "fail"), "pip install it")
    assert [check.cure for check in found] == [cured.get(state, "") for state in states]


@pytest.mark.parametrize(
    ("installed", "importable", "state", "said"),
    [
        ({"opencv-python-headless": "4.11"}, True, "ok", "opencv-python-headless 4.11"),
        ({}, True, "ok", "of the system"),
        ({}, False, "fail", "not installed"),
        ({"opencv-python": "4", "opencv-python-headless": "4"}, True, "fail", "overwrite"),
    ],
)
def test_opencv_is_there_once(
    installed: dict[str, str], importable: bool, state: str, said: str
) -> None:
    check = opencv_check(installed, importable)
    assert check.state == state
    assert said in check.text
