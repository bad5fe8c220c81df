"""An annotated video file."""

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import CannotWriteError, UsageError
from edge.quiet import native_messages_hidden
from edge.scene import Event, Scene
from edge.sinks.draw import Canvas
from edge.sinks.sink import Health

log = logging.getLogger(__name__)

# file ending -> the codec that OpenCV's wheels really write; they cannot write H.264
CODECS = {".webm": "VP80", ".mp4": "mp4v", ".avi": "MJPG"}
DEFAULT_FPS = 15.0  # of a camera that does not say
PICTURES_FPS = 1.0  # of a folder of pictures: a second each
MAX_REPEATS = 150  # a camera that was silent for long does not fill the file with one picture
MIN_FREE_BYTES = 10_000_000  # below this the writer would lose frames without a word
CHECK_EVERY = 30  # frames between two looks at the free space


class VideoSink:
    """Writes under a temporary name; at the end the file is read back and gets its own.

    The size is that of the first frame; others are fitted into it. A live source is paced by
    the time of its frames, so that the video runs as fast as life did.
    """

    def __init__(
        self,
        path: Path,
        canvas: Canvas,
        fps: float | None,
        live: bool,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Keep name and rate; raises UsageError on an ending without a codec."""
        codec_of(path)
        self._path, self._canvas, self._live = path, canvas, live
        self._fps = fps or (DEFAULT_FPS if live else PICTURES_FPS)
        self._free_bytes = free_bytes
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._writer: Any = None
        self._size_px = (0, 0)
        self._start_ns = 0
        self._written = 0
        self._health = Health(True)

    def open(self) -> None:
        """Prove folder and codec with a small trial; raises CannotWriteError."""
        if not self._path.parent.is_dir():
            raise CannotWriteError(f"cannot write '{self._path}': no folder '{self._path.parent}'")
        probe_codec(self._path.suffix.lower())
        try:
            self._part.touch()
        except OSError as error:
            raise CannotWriteError(f"cannot write '{self._path}': {error.strerror}") from None

    def write(self, scene: Scene) -> None:
        """Append the scene as often as its time demands: once, for clips and pictures."""
        picture = self._canvas.picture(scene)
        if self._writer is None:
            self._begin(picture, scene.frame.monotonic_ns)
        if self._written % CHECK_EVERY == 0:
            self._check_space()
        fitted = fit(picture, self._size_px)
        for _ in range(self._repeats(scene.frame.monotonic_ns)):
            self._writer.write(fitted)
            self._written += 1

    def _begin(self, picture: NDArray[np.uint8], now_ns: int) -> None:
        # the codecs halve the colours, so both sides must be even
        height, width = (side + side % 2 for side in picture.shape[:2])
        self._size_px, self._start_ns = (width, height), now_ns
        self._writer = open_writer(self._part, self._fps, self._size_px)

    def _repeats(self, now_ns: int) -> int:
        if not self._live:
            return 1
        due = round((now_ns - self._start_ns) / 1e9 * self._fps) + 1
        return min(max(due - self._written, 0), MAX_REPEATS)

    def _check_space(self) -> None:
        free = self._free_bytes(self._path.parent)
        if free < MIN_FREE_BYTES:
            self._fail(f"only {free / 1e6:.0f} MB free; needs {MIN_FREE_BYTES / 1e6:.0f} MB")

    def _fail(self, why: str) -> None:
        self._health = Health(False, f"'{self._path}': {why}")
        raise CannotWriteError(f"cannot write '{self._path}': {why}")

    def event(self, event: Event) -> None:
        """Take no notice: the video shows scenes."""

    def health(self) -> Health:
        """Return whether the video grows."""
        return self._health

    def close(self) -> None:
        """Finish the file, read it back, and give it its name; no frame, no file."""
        if self._writer is None:
            self._part.unlink(missing_ok=True)
            return
        self._writer.release()
        self._writer = None
        held = frame_count(self._part)
        if held != self._written:
            self._fail(
                f"the file holds {held} of {self._written} frames (disk full?); "
                f"left as '{self._part}'"
            )
        self._part.replace(self._path)


def codec_of(path: Path) -> str:
    """Return the codec for a file of this name; raises UsageError on an ending without one."""
    if path.suffix.lower() not in CODECS:
        allowed = ", ".join(f"{ending} ({codec})" for ending, codec in CODECS.items())
        raise UsageError(f"no codec for '{path}'; a video's name ends in {allowed}")
    return CODECS[path.suffix.lower()]


def open_writer(path: Path, fps: float, size_px: tuple[int, int]) -> Any:
    """Return a writer for frames of (width, height); raises CannotWriteError."""
    codec = codec_of(path)
    fourcc = cv2.VideoWriter.fourcc(*codec)
    with native_messages_hidden():
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, size_px)
    if not writer.isOpened():
        raise CannotWriteError(f"OpenCV cannot write '{path}' with {codec}")
    return writer


def probe_codec(suffix: str) -> None:
    """Write two small frames and count them: a writer that lacks its codec says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"trial{suffix}"
        writer = open_writer(path, 10.0, (64, 64))
        for value in (0, 255):
            writer.write(np.full((64, 64, 3), value, np.uint8))
        writer.release()
        if frame_count(path) != 2:
            raise CannotWriteError(
                f"this OpenCV cannot write {CODECS[suffix]} into {suffix}; "
                f"endings to try: {' '.join(CODECS)}"
            )


def frame_count(path: Path) -> int:
    """Return how many frames a finished file really holds; 0 where it cannot be opened.

    Packets are counted, not decoded: a hundred times quicker, and the header of a WebM whose
    writing failed half-way still claims all frames.
    """
    count = 0
    with native_messages_hidden():
        packets = [cv2.CAP_PROP_FORMAT, -1]
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, packets)
        while capture.isOpened() and capture.grab():
            count += 1
        capture.release()
    return count


def fit(picture: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture at (width, height), its shape kept, on black where it does not fill."""
    width, height = size_px
    h, w = picture.shape[:2]
    if (w, h) == size_px:
        return picture
    if w > width or h > height or (width - w > 1 and height - h > 1):
        scale = min(width / w, height / h)
        w, h = max(round(w * scale), 1), max(round(h * scale), 1)
        picture = np.asarray(cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - h) // 2, (width - w) // 2
    canvas[top : top + h, left : left + w] = picture
    return canvas


def to_h264(video: Path, out: Path, ffmpeg: str | None = None) -> bool:
    """Write `video` as H.264 where ffmpeg is on PATH; return whether it was.

    Raises CannotWriteError where ffmpeg is there and fails.
    """
    ffmpeg = ffmpeg or shutil.which("ffmpeg")
    if ffmpeg is None:
        return False
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    words = ["-loglevel", "error", "-y", "-i", str(video), "-c:v", "libx264"]
    # 4:2:0 and the index in front, or browsers and phones refuse to play it
    words += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", str(part)]
    done = subprocess.run([ffmpeg, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise CannotWriteError(f"ffmpeg cannot write '{out}': {last}")
    part.replace(out)
    return True
