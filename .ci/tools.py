"""Have what tests need beyond pip: installed as root, named for anybody else."""

import ctypes
import shutil
import sys
from pathlib import Path

import apt

# A program on PATH, or a library -> Debian's packages.
TOOLS = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "ffmpeg": "ffmpeg",
    "gcc": "gcc libc6-dev",  # compiles exported C for this machine
    "make": "make",  # builds exported projects
    "cmake": "cmake",
    "clang": "clang",  # a second opinion on it
    "g++": "g++",  # links it to C++
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",  # and for microcontrollers
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
    "libusb-1.0.so.0": "libusb-1.0-0",  # tflite-support in .venv-readers links to it
    # the RTSP camera of the tests, run by the system's Python
    "/usr/lib/python3/dist-packages/gi/__init__.py": "python3-gi",
    "/usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib": "gir1.2-gst-rtsp-server-1.0",
    "/usr/lib/*/gstreamer-1.0/libgstapp.so": "gstreamer1.0-plugins-base",
    "/usr/lib/*/gstreamer-1.0/libgstrtp.so": "gstreamer1.0-plugins-good",
    "/usr/lib/*/gstreamer-1.0/libgstx264.so": "gstreamer1.0-plugins-ugly",
}


def present(tool: str) -> bool:
    """Return whether a program is on PATH, a library can be loaded, or a path exists."""
    if tool.startswith("/"):
        return any(Path("/").glob(tool[1:]))
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
