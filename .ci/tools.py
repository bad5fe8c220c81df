"""Have what tests need beyond pip: installed as root, named for anybody else."""

import ctypes
import shutil
import sys

import apt

# A program on PATH, or a library -> Debian's packages.
TOOLS = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "ffmpeg": "ffmpeg",
    "gcc": "gcc libc6-dev",  # compiles exported C for this machine
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",  # and for microcontrollers
    "qemu-system-arm": "qemu-system-arm",
    "libusb-1.0.so.0": "libusb-1.0-0",  # tflite-support in .venv-readers links to it
}


def present(tool: str) -> bool:
    """Return whether a program is on PATH, or a library can be loaded."""
    if ".so" not in tool:
        return shutil.which(tool) is not None
    try:
        ctypes.CDLL(tool)
    except OSError:
        return False
    return True


def missing() -> dict[str, str]:
    """Return what is not here, with its packages."""
    return {tool: package for tool, package in TOOLS.items() if not present(tool)}


def main() -> int:
    """Install what is missing; what stays missing is named: its tests are skipped."""
    if missing() and apt.can_install():
        apt.install(tuple(" ".join(missing().values()).split()))
    for tool, package in missing().items():
        print(
            f"skipped: tests that need {tool}, which is not here; "
            f"as root: apt-get install {package}",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
