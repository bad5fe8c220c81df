"""Network cameras in processes of their own, so that they can be killed, stopped and restarted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's gi belongs to
COMMANDS = {
    "rtsp": ([SYSTEM_PYTHON, str(HERE / "servers/rtsp.py")], "rtsp://127.0.0.1:{}/camera"),
    "mjpeg": ([sys.executable, str(HERE / "servers/mjpeg.py")], "http://127.0.0.1:{}/"),
}
FAREWELL_S = 30.0


class NetworkCamera:
    """A server on loopback whose pictures spell the time; a context manager."""

    def __init__(self, kind: str) -> None:
        self._command, self._address = COMMANDS[kind]
        self._process = self._start(0)

    def _start(self, port: int, size: str = "160x128") -> subprocess.Popen:
        process = subprocess.Popen(
            [*self._command, str(port), size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(HERE)},
        )
        line = process.stdout.readline()
        assert line, f"{self._command} did not start"
        self.port = int(line)
        return process

    @property
    def address(self) -> str:
        return self._address.format(self.port)

    def set(self, name: str, value: object) -> None:
        """Change a setting of the motion JPEG server."""
        self._process.stdin.write(f"{name} {value}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self, size: str = "160x128") -> None:
        """Start again on the same port."""
        self._process = self._start(self.port, size)

    def stop(self) -> None:
        """Let it stand still, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        self._process.send_signal(number)
        self._process.wait(FAREWELL_S)
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> "NetworkCamera":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._end(signal.SIGKILL)
