"""A child process with a socket to it, whose end is noticed at once, asked or not."""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.errors import UnavailableError

MESSAGE_BYTES = 1 << 16
# struct timeval; option 66 is the one of 32-bit systems whose clock outlives 2038.
TIMEVAL = "=qq" if socket.SO_RCVTIMEO == 66 else "@ll"
KEPT_BYTES = 2000  # of what it wrote last on standard error
# Time that a child may take to be gone once it closed its end, and to close by itself when asked.
GONE_S, CLOSING_S = 2.0, 1.0
# A process that was stopped and continued finds every deadline past: a second look tells.
SECOND_LOOK_MS = 10
LEAST_S = 1e-3  # 0 would be no limit at all


class ChildEndedError(Exception):
    """The child is gone; `status` as in subprocess, negative for a signal."""

    def __init__(self, status: int, last_words: str) -> None:
        """Keep how it ended, and the last line that it wrote on standard error."""
        self.status, self.last_words = status, last_words
        super().__init__(describe(status, last_words))


def describe(status: int, last_words: str = "") -> str:
    """Return how a process ended, for people."""
    if status < 0:
        how = f"killed by {signal.Signals(-status).name} ({signal.strsignal(-status)})"
    else:
        how = f"ended with status {status}"
    return f"{how}: {last_words}" if last_words else how


def environment() -> dict[str, str]:
    """Return the environment of a child that finds this very package."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Child:
    """Runs `python -m MODULE SETTINGS`; one thread at a time may send and receive.

    A thread of its own starts the process and waits for its end: the kernel ties the death of a
    parent to the thread that made the child, so that thread must live as long as the child.
    """

    def __init__(self, module: str, settings: Mapping[str, Any], files: Mapping[str, int]) -> None:
        """Start it. `files` maps names to open files that it gets, with `socket`, in its settings.

        They are the caller's to close. Raises UnavailableError where no process can be started.
        """
        self.ended = threading.Event()
        self._started = threading.Event()
        self._closing = False
        self._end: ChildEndedError | None = None
        self._error: Exception | None = None
        self._report: Callable[[ChildEndedError], None] | None = None
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._timeout_s = -1.0
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        with theirs:
            given = {**files, "socket": theirs.fileno()}
            words = json.dumps({**settings, **given, "parent": os.getpid()})
            command = [sys.executable, "-P", "-m", module, words]
            self._thread = threading.Thread(
                target=self._live, args=(command, tuple(given.values())), name="child", daemon=True
            )
            self._thread.start()
            self._started.wait()
        if self._error is not None:
            self._socket.close()
            raise UnavailableError(f"cannot start a child process: {self._error}")

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def send(self, message: bytes) -> None:
        """Send one message. Raises ChildEndedError."""
        try:
            self._socket.send(message)
        except OSError:
            raise self._gone() from None

    def receive(self, timeout_s: float) -> bytes:
        """Return the next message. Raises TimeoutError, ChildEndedError."""
        end = time.monotonic() + timeout_s
        self._limit(timeout_s / 2)
        message = self._hear()
        if message is None:
            left_ms = max(0.0, end - time.monotonic()) * 1e3
            if not (self._poll.poll(left_ms) or self._poll.poll(SECOND_LOOK_MS)):
                raise TimeoutError
            message = self._hear()
        if not message:
            raise self._gone()
        return message

    def _limit(self, timeout_s: float) -> None:
        """Have the kernel end a wait: one call a message, where poll would make it two.

        It does so up to an eighth too late, so only half of the time is waited for in this way.
        """
        if timeout_s != self._timeout_s:
            whole = max(timeout_s, LEAST_S)
            wait = struct.pack(TIMEVAL, int(whole), int(whole % 1 * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
            self._timeout_s = timeout_s

    def _hear(self) -> bytes | None:
        """Return the next message, b"" at the end, None where the kernel ended the wait."""
        try:
            return self._socket.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def on_end(self, report: Callable[[ChildEndedError], None]) -> None:
        """Have `report` called, on another thread, when the child ends before `close`."""
        with self._lock:
            late = self._end
            self._report = None if late else report
        if late is not None:
            report(late)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """Let it end by itself for a moment, then kill it; returns when it is gone."""
        with self._lock:
            self._closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if not self.ended.wait(CLOSING_S):
            self._process.kill()
            self.ended.wait(GONE_S)
        self._socket.close()

    def _gone(self) -> ChildEndedError:
        """Return how it ended; one that hung up without ending is ended."""
        if not self.ended.wait(GONE_S):
            self._process.kill()
            self.ended.wait(GONE_S)
        if self._end is None:
            return ChildEndedError(-signal.SIGKILL, "it does not go away")
        # a fresh one: once raised it would hold this child, and so itself
        return ChildEndedError(self._end.status, self._end.last_words)

    def _live(self, command: Sequence[str], files: tuple[int, ...]) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=files,
                env=environment(),
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._error = error
            return
        finally:
            self._started.set()
        last = self._listen(self._process)
        end = ChildEndedError(self._process.wait(), last)
        with self._lock:
            self._end = end
            report = None if self._closing else self._report
            self._report = None
        with contextlib.suppress(OSError):  # wakes who waits, should anybody hold the other end
            self._socket.shutdown(socket.SHUT_RDWR)
        self.ended.set()
        if report is not None:
            report(end)

    def _listen(self, process: "subprocess.Popen[bytes]") -> str:
        """Return the last line on standard error once the process has ended.

        A pidfd tells the end even where somebody else holds the other end of the pipe.
        """
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        kept = b""
        poll = select.poll()
        pid_file = _pid_file(process.pid)
        with process.stderr as pipe:
            os.set_blocking(pipe.fileno(), False)
            poll.register(pipe, select.POLLIN)
            if pid_file is not None:
                poll.register(pid_file, select.POLLIN)
            ended = False
            while not ended:
                ended = pid_file in [number for number, _ in poll.poll()]
                while some := pipe.read(KEPT_BYTES):
                    kept = (kept + some)[-KEPT_BYTES:]
                ended |= some == b""  # the end of the pipe; None is nothing yet
        if pid_file is not None:
            os.close(pid_file)
        lines = kept.decode(errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else ""


def _pid_file(pid: int) -> int | None:
    """Return a file that is readable once the process has ended; None before Linux 5.3."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
