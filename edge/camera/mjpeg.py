"""Motion JPEG over HTTP: what most cheap network cameras speak.

FFmpeg reads it as well, but answers a cut picture with the one before and says nothing, and keeps
pictures back; here a cut one is named, and only the newest of those that have arrived is decoded.
"""

import http.client
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from edge.camera.jpegs import BrokenPictureError, JpegSplitter, decode_jpeg
from edge.camera.patience import Patience
from edge.errors import UnavailableError

CHUNK_BYTES = 1 << 18
MULTIPART = "multipart/x-mixed-replace"
CURES = {
    401: "wrong user name or password: http://USER:PASSWORD@..",
    403: "forbidden",
    404: "no such page",
}


class MjpegCapture:
    """Reads pictures from an answered request; has the methods of cv2.VideoCapture it needs."""

    def __init__(
        self,
        response: Any,
        boundary: str,
        read_ms: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over a response whose socket has a timeout."""
        self._response, self._read_s, self._clock = response, read_ms / 1000, clock
        self._splitter = JpegSplitter(boundary.encode("latin-1", "replace"))
        self._ready: deque[bytes | None] = deque()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return that the server has answered."""
        return True

    def get(self, what: int) -> float:
        """Return 0: multipart streams do not tell their rate."""
        return 0.0

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return True and the newest picture, BGR uint8 (height, width, 3), or False and None.

        Raises BrokenPictureError for one that is cut short or cannot be decoded.
        """
        until_s = self._clock() + self._read_s
        while not self._ready:
            received = self._receive()
            if not received:
                return False, None
            self._ready.extend(self._splitter.feed(received))
            if not self._ready and self._clock() > until_s:
                return False, None
        data = self._ready.popleft()
        while data is not None and self._ready and self._ready[0] is not None:
            data = self._ready.popleft()
        if data is None:
            raise BrokenPictureError("a picture is cut short: its end marker is missing")
        return True, decode_jpeg(data)

    def release(self) -> None:
        """End the connection."""
        self._response.close()

    def _receive(self) -> bytes:
        try:
            return bytes(self._response.read1(CHUNK_BYTES))
        except (OSError, http.client.HTTPException):
            return b""


def open_mjpeg(address: str, patience: Patience, name: str) -> MjpegCapture | None:
    """Return a capture where the server sends motion JPEG, None where it sends something else.

    Raises UnavailableError, which calls the address `name`.
    """
    try:
        response = _request(address, patience.read_ms / 1000)
    except urllib.error.HTTPError as error:
        error.close()
        why = CURES.get(error.code, error.reason)
        raise UnavailableError(f"no stream at '{name}': {error.code}, {why}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(f"no stream at '{name}': {_why(error)}") from None
    boundary = response.headers.get_param("boundary")
    if response.headers.get_content_type() == MULTIPART and isinstance(boundary, str):
        return MjpegCapture(response, boundary, patience.read_ms)
    response.close()
    return None


def _why(error: Exception) -> str:
    """Return the cause without numbers that mean nothing to most people."""
    cause = getattr(error, "reason", error)
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__


def _request(address: str, timeout_s: float) -> Any:
    parts = urlsplit(address)
    login, _, place = parts.netloc.rpartition("@")
    plain = urlunsplit(parts._replace(netloc=place))
    user, _, password = login.partition(":")
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if login:
        passwords.add_password(None, plain, unquote(user), unquote(password))
    opener = urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    return opener.open(plain, timeout=timeout_s)
