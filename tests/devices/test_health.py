"""Temperature and throttling: every bit of the firmware's word, and every way to reach it."""

from pathlib import Path

import pytest
from machine_trees import write

from devices.health import Throttling, decode_throttled, temperature_c, throttling

SOC = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("word", "now", "since_start"),
    [
        (0x0, (), ()),
        (0x1, ("under-voltage",), ()),
        (0x2, ("clock capped",), ()),
        (0x4, ("throttled",), ()),
        (0x8, ("soft temperature limit",), ()),
        (0x50000, (), ("under-voltage", "throttled")),
        (0x80008, ("soft temperature limit",), ("soft temperature limit",)),
        (0xF000F, decode_throttled(0xF).now, decode_throttled(0xF).now),
    ],
)
def test_each_bit_has_its_word(
    word: int, now: tuple[str, ...], since_start: tuple[str, ...]
) -> None:
    assert decode_throttled(word) == Throttling(now, since_start)


@pytest.mark.parametrize("name", [SOC, SOC.replace("/soc", "/soc@107c000000")])
@pytest.mark.parametrize("text", ["50005", "0x50005"])
def test_the_kernels_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    assert throttling(tmp_path) == decode_throttled(0x50005)


def test_the_program_is_asked_where_there_is_no_file(tmp_path: Path) -> None:
    assert throttling(tmp_path, lambda: "throttled=0x50000\n") == decode_throttled(0x50000)
    write(tmp_path, SOC, "0")
    assert throttling(tmp_path, lambda: "throttled=0x50000\n") == Throttling((), ())


@pytest.mark.parametrize("answer", ["", 'error=1 error_msg="no"', "throttled=", "throttled=x"])
def test_an_odd_answer_is_none(tmp_path: Path, answer: str) -> None:
    assert throttling(tmp_path, lambda: answer) is None


def test_vcgencmd_on_the_path_is_asked_for_the_real_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write(
        tmp_path, "vcgencmd", '#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x20002'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert throttling() == decode_throttled(0x20002)


@pytest.mark.parametrize(("alarm", "now"), [("0", ()), ("1", ("under-voltage",))])
def test_the_voltage_alarm_is_the_last_resort(
    tmp_path: Path, alarm: str, now: tuple[str, ...]
) -> None:
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal")
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt")
    write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert throttling(tmp_path) == Throttling(now, ())


def test_a_machine_without_firmware_says_nothing(tmp_path: Path) -> None:
    assert throttling(tmp_path) is None


def test_the_hottest_zone_counts_and_nonsense_does_not(tmp_path: Path) -> None:
    assert temperature_c(tmp_path) is None
    for number, (kind, value) in enumerate(
        [("cpu-thermal", "48200"), ("gpu-thermal", "51500"), ("wifi", "999000"), ("odd", "x")]
    ):
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", value)
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/type", kind)
    write(tmp_path, "sys/class/thermal/cooling_device0/temp", "90000")
    assert temperature_c(tmp_path) == (51.5, "gpu-thermal")
