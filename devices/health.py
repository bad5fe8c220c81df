"""Temperature, throttling and supply voltage of a machine."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devices.sysfs import entries, read_int, read_text

# Bits of the Raspberry Pi firmware's get_throttled (raspberrypi/documentation,
# documentation/asciidoc/computers/os/using-vcgencmd.adoc): now, and 16 bits higher since the start.
THROTTLE_BITS = {
    0: "under-voltage",
    1: "clock capped",
    2: "throttled",
    3: "soft temperature limit",
}
SINCE_START = 16
# The folder's name carries the bus address on some boards.
THROTTLED_FILES = "sys/devices/platform/soc*/soc*firmware/get_throttled"
VCGENCMD_TIMEOUT_S = 3.0
# Sensors report nonsense while they start; no board runs outside of this.
PLAUSIBLE_C = (-60.0, 200.0)

Ask = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Throttling:
    """What holds the processor back, in words: `now`, and `since_start` at any time since then."""

    now: tuple[str, ...]
    since_start: tuple[str, ...]


def temperature_c(root: Path = Path("/")) -> tuple[float, str] | None:
    """Return the highest temperature of the thermal zones and the zone's name, None without."""
    found = []
    for zone in entries(root / "sys/class/thermal"):
        value = read_int(zone / "temp") if zone.name.startswith("thermal_zone") else None
        if value is not None and PLAUSIBLE_C[0] <= value / 1000 <= PLAUSIBLE_C[1]:
            found.append((value / 1000, read_text(zone / "type") or zone.name))
    return max(found, default=None)


def throttling(root: Path = Path("/"), ask: Ask | None = None) -> Throttling | None:
    """Return what a Raspberry Pi's firmware says, None on machines without it.

    First the kernel's file, then `ask` (by default the program vcgencmd, for the real root
    only), then the alarm of the supply voltage.
    """
    for file in sorted(root.glob(THROTTLED_FILES)):
        if (word := read_int(file, 16)) is not None:
            return decode_throttled(word)
    if ask is None and root == Path("/"):
        ask = _vcgencmd
    if ask is not None and (word := _parse(ask())) is not None:
        return decode_throttled(word)
    return _voltage_alarm(root)


def decode_throttled(word: int) -> Throttling:
    """Return the words for the bits of get_throttled."""
    return Throttling(
        tuple(text for bit, text in THROTTLE_BITS.items() if word >> bit & 1),
        tuple(text for bit, text in THROTTLE_BITS.items() if word >> (bit + SINCE_START) & 1),
    )


def _parse(answer: str) -> int | None:
    name, _, value = answer.strip().partition("=")
    try:
        return int(value, 16) if name == "throttled" else None
    except ValueError:
        return None


def _vcgencmd() -> str:
    program = shutil.which("vcgencmd")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "get_throttled"],
            capture_output=True,
            text=True,
            timeout=VCGENCMD_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _voltage_alarm(root: Path) -> Throttling | None:
    for sensor in entries(root / "sys/class/hwmon"):
        if read_text(sensor / "name") == "rpi_volt":
            alarm = read_int(sensor / "in0_lcrit_alarm")
            return None if alarm is None else decode_throttled(int(alarm != 0))
    return None
