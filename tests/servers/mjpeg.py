"""A motion JPEG camera on loopback: `mjpeg.py PORT [SIZE]` prints its port.

Its pictures spell the monotonic time in milliseconds. Lines on standard input are settings:
`fps 30`, `freeze 1`, `size 160x128`, `cut 2` (every second picture is cut short), `silent 1`,
`close 1` (ends each connection), `length 0` (no Content-Length), `drip 1` (a byte at a time).
"""

import contextlib
import itertools
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from stamp import bars

SETTINGS = {
    "fps": "30", "freeze": "0", "size": "160x128", "cut": "0", "silent": "0", "close": "0",
    "length": "1", "drip": "0",
}  # fmt: skip


def jpeg(count: int) -> bytes:
    width, height = (int(side) for side in SETTINGS["size"].split("x"))
    grey = np.frombuffer(bars(width, height, count), np.uint8).reshape(height, width)
    return bytes(cv2.imencode(".jpg", grey)[1])


class Camera(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/locked" and self.headers["Authorization"] != "Basic bWU6c2VjcmV0":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        if self.path not in ("/", "/locked"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.stream()

    def stream(self) -> None:
        count = 0
        for number in itertools.count(1):
            began_s = time.monotonic()
            if SETTINGS["close"] == "1":
                return
            if SETTINGS["silent"] != "1":
                if SETTINGS["freeze"] != "1":
                    count = time.monotonic_ns() // 1_000_000
                self.send(jpeg(count), number)
            time.sleep(max(0.0, began_s + 1 / float(SETTINGS["fps"]) - time.monotonic()))

    def send(self, data: bytes, number: int) -> None:
        length = f"Content-Length: {len(data)}\r\n" if SETTINGS["length"] == "1" else ""
        cut = int(SETTINGS["cut"])
        if cut and number % cut == 0:
            data = data[: len(data) // 2]
        part = f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + data + b"\r\n"
        if SETTINGS["drip"] != "1":
            self.wfile.write(part)
            return
        for byte in part:
            self.wfile.write(bytes([byte]))
            time.sleep(0.02)


def main() -> None:
    SETTINGS["size"] = sys.argv[2] if len(sys.argv) > 2 else SETTINGS["size"]
    # a restart takes the same port at once
    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Camera)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for line in sys.stdin:
        name, value = line.split()
        SETTINGS[name] = value


if __name__ == "__main__":
    main()
