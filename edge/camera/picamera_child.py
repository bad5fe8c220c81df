"""Pictures of a Raspberry Pi camera for a pipe; runs under the system's Python, on its own.

Started as a file by `edge.camera.picamera`, which takes only the shape of the messages from here:
picamera2 comes from apt with a numpy of its own. Each message is a header (magic, kind, width,
height, bytes) and a body: `B` BGR pixels, `J` one JPEG, `E` why there are no pictures. The child
ends when its standard input does. Written for Python 3.9.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # the modules beside this file have the names of other people's modules

import ctypes
import os
import shutil
import signal
import struct
import subprocess
import threading
from typing import Any, BinaryIO, Iterator, Tuple  # noqa: UP035 - Python 3.9

LIBC = ctypes.CDLL(None)
HEADER = struct.Struct(">4scHHI")  # magic, kind, width_px, height_px, body_bytes
MAGIC = b"EDGE"
RECORDERS = ("rpicam-vid", "libcamera-vid")  # the second is its older name
SET_PARENT_DEATH_SIGNAL = 1  # of prctl
CHUNK_BYTES = 1 << 16
MOST_BYTES = 1 << 26
CURE = (
    "neither picamera2 nor rpicam-vid is installed: sudo apt install python3-picamera2 "
    "(or rpicam-apps)"
)


def main() -> int:
    """Send pictures of the camera given by number, width and height until nobody reads."""
    number, width, height = (int(word) for word in sys.argv[1:4])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between the pictures
    try:
        from_picamera2(out, number, width, height)
    except ImportError as error:
        recorder = next(filter(None, map(shutil.which, RECORDERS)), None)
        if recorder is None:
            because = "" if error.name == "picamera2" else f" (picamera2: {error})"
            send(out, b"E", 0, 0, (CURE + because).encode())
            return 1
        return from_recorder(out, recorder, number, width, height)
    except BrokenPipeError:
        return 0
    except Exception as error:
        text = f"picamera2: {type(error).__name__}: {error}"
        send(out, b"E", 0, 0, text.encode())
        return 1
    return 0


def send(out: BinaryIO, kind: bytes, width: int, height: int, body: bytes) -> None:
    """Write one message; raises BrokenPipeError once nobody reads."""
    out.write(HEADER.pack(MAGIC, kind, width, height, len(body)))
    out.write(body)
    out.flush()


def from_picamera2(out: BinaryIO, number: int, width: int, height: int) -> None:
    """Send what picamera2 captures, for ever."""
    from picamera2 import Picamera2

    found = Picamera2.global_camera_info()
    if number >= len(found):
        names = ", ".join(f"{i} {each.get('Model', '?')}" for i, each in enumerate(found))
        text = f"no camera {number}; picamera2 finds {names or 'none: is its cable in place?'}"
        send(out, b"E", 0, 0, text.encode())
        return
    end_with_input()
    camera = Picamera2(number)
    # libcamera names formats by the order in a word: in memory RGB888 is blue, green, red
    main_stream = {"size": (width, height), "format": "RGB888"}
    camera.configure(camera.create_video_configuration(main=main_stream))
    camera.start()
    while True:
        pixels: Any = camera.capture_array("main")
        send(out, b"B", pixels.shape[1], pixels.shape[0], pixels.tobytes())


def from_recorder(out: BinaryIO, recorder: str, number: int, width: int, height: int) -> int:
    """Send what rpicam-vid records; as JPEG, whose sizes and ends show when something is wrong."""
    size = ["--width", str(width), "--height", str(height)]
    # verbose, it writes a greeting into the very stream of pictures
    quiet = ["--nopreview", "--verbose", "0", "--timeout", "0", "--flush"]
    command = [recorder, "--camera", str(number), *size, *quiet, "--codec", "mjpeg", "-o", "-"]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet
    )
    assert child.stdout is not None  # noqa: S101 - asked for
    end_with_input()
    try:
        for jpeg in split_jpegs(child.stdout):
            send(out, b"J", 0, 0, jpeg)
    except BrokenPipeError:
        child.kill()
    return child.wait()


def die_with_parent() -> None:
    """Ask Linux to end this process with its parent, however that ends."""
    LIBC.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def end_with_input() -> None:
    """End this process, from another thread, when standard input closes: the parent is gone."""

    def wait() -> None:
        while os.read(0, CHUNK_BYTES):
            pass
        os._exit(0)  # the kernel closes the camera; a library might hang in its farewell

    threading.Thread(target=wait, daemon=True).start()


def split_jpegs(stream: Any) -> Iterator[bytes]:
    """Yield each JPEG of a stream, a cut one as far as it goes."""
    data = b""
    while True:
        more = stream.read1(CHUNK_BYTES)
        data += more
        begin, end = find_jpeg(data)
        while end > 0:
            yield data[begin:end]
            data = data[end:]
            begin, end = find_jpeg(data)
        if not more or len(data) > MOST_BYTES:
            return


def find_jpeg(data: bytes) -> Tuple[int, int]:  # noqa: UP006 - Python 3.9
    """Return where the first JPEG begins and ends; an end of 0: it has not arrived yet.

    Segments before the scan are stepped over: a table may hold the bytes of an end marker. In the
    scan 0xFF stands before 0, a restart, a table or the end; the start of the next one is a cut.
    """
    begin = data.find(b"\xff\xd8\xff")
    at = begin + 2
    while begin >= 0 and at + 4 <= len(data):
        if data[at] != 0xFF:
            return begin, at + 1
        scan = data[at + 1] == 0xDA
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if scan:
            end, cut = data.find(b"\xff\xd9", at), data.find(b"\xff\xd8\xff", at)
            if 0 <= cut < end or (cut >= 0 > end):
                return begin, cut
            return begin, end + 2 if end >= 0 else 0
    return max(begin, 0), 0


if __name__ == "__main__":
    sys.exit(main())
