import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scenes import APPLE, CAT, scene

from edge.errors import CannotWriteError
from edge.scene import scene_record
from edge.sinks.address import Address
from edge.sinks.draw import Canvas
from edge.sinks.web import MAX_VIEWERS, WebSink

TIMEOUT_S = 10.0


@pytest.fixture
def sink() -> Iterator[WebSink]:
    sink = WebSink(Address("127.0.0.1", 0), Canvas(), "grocery <3>")
    sink.open()
    yield sink
    sink.close()


def get(sink: WebSink, path: str, **headers: str) -> http.client.HTTPResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(sink.address.url() + path, headers=names)  # noqa: S310
    return urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310


def refused(sink: WebSink, path: str, **headers: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(sink, path, **headers)
    with caught.value as answer:
        return answer.code, answer.read().decode()


class Feeder:
    """Writes scenes until it is left, as the loop does."""

    def __init__(self, sink: WebSink, bgr: np.ndarray | None = None) -> None:
        self.sink, self.bgr = sink, bgr
        self.count = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stop.wait(0.002):
            seen = scene(self.count, APPLE, CAT, height=48, width=96)
            if self.bgr is not None:
                seen = replace(seen, frame=replace(seen.frame, bgr=self.bgr))
            self.sink.write(seen)
            self.count += 1

    def __enter__(self) -> "Feeder":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def read_part(answer: http.client.HTTPResponse) -> np.ndarray:
    """Return the next picture of a motion JPEG stream."""
    assert answer.readline() == b"--frame\r\n"
    assert answer.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(answer.readline().split(b":")[1])
    assert answer.readline() == b"\r\n"
    jpeg = answer.read(length)
    assert answer.readline() == b"\r\n"
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_page_takes_nothing_from_another_host(sink: WebSink):
    with get(sink, "") as answer:
        page = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
    assert "http://" not in page
    assert "https://" not in page
    assert "grocery &lt;3&gt;" in page
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert page.count(f'nonce="{nonce}"') == 2
    assert "default-src 'none'" in policy
    assert 'name="viewport"' in page


def test_viewer_sees_picture_after_picture(sink: WebSink):
    with Feeder(sink), get(sink, "stream.mjpg") as answer:
        pictures = [read_part(answer) for _ in range(5)]
    assert {p.shape for p in pictures} == {(48, 96, 3)}


def test_list_of_what_was_seen_follows(sink: WebSink):
    with Feeder(sink), get(sink, "scenes") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        line = answer.readline().decode()
    record = json.loads(line.removeprefix("data: "))
    expected = scene_record(scene(record["index"], APPLE, CAT))
    assert record == expected


def test_still_is_the_newest_scene(sink: WebSink):
    assert refused(sink, "still.jpg") == (404, "404 No picture yet\n")
    for grey in (0, 40):
        sink.write(scene(grey, height=200))
        with get(sink, "still.jpg") as answer:
            picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
        assert abs(int(picture[50, 32, 0]) - grey * 5) <= 2


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["", "stream.mjpg", "scenes", "still.jpg"])
def test_other_sites_and_other_names_are_refused(sink: WebSink, path: str, headers, code: int):
    assert refused(sink, path, **headers)[0] == code


def test_typed_address_and_localhost_are_welcome(sink: WebSink):
    port = sink.address.port
    for headers in (
        {"Host": f"localhost:{port}"},
        {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ):
        with get(sink, "", **headers) as answer:
            assert answer.status == 200


def test_unknown_page_is_404_without_a_trace(sink: WebSink):
    code, text = refused(sink, "../../etc/passwd")
    assert code == 404
    assert "Traceback" not in text


def test_viewers_are_capped(sink: WebSink):
    with Feeder(sink):
        viewers = [get(sink, "stream.mjpg") for _ in range(MAX_VIEWERS)]
        for viewer in viewers:
            read_part(viewer)
        assert refused(sink, "stream.mjpg") == (503, f"503 Already {MAX_VIEWERS} viewers\n")
        for viewer in viewers:
            viewer.close()
        until(lambda: sink.viewers == 0)
        with get(sink, "stream.mjpg") as answer:
            read_part(answer)


def until(true) -> None:
    """Wait for a condition that other threads bring about."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_slow_viewer_misses_pictures_and_holds_nobody_up(sink: WebSink):
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (240, 320, 3), np.uint8)  # a JPEG of some 60 kB
    with socket.create_connection(("127.0.0.1", sink.address.port), TIMEOUT_S) as slow:
        slow.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: sink.viewers == 1)
        with Feeder(sink, noise), get(sink, "stream.mjpg") as quick:
            until(lambda: read_part(quick) is not None and sink.encoded > 300)
        sink.close()
        received = b"".join(iter(lambda: slow.recv(1 << 20), b""))
    assert 1 <= received.count(b"--frame") < sink.encoded / 2


def test_nothing_is_encoded_while_nobody_watches(sink: WebSink):
    for index in range(50):
        sink.write(scene(index, APPLE))
    assert sink.encoded == 0


def test_one_picture_is_encoded_once_for_all(sink: WebSink):
    sink.write(scene(1, APPLE))
    viewers = [get(sink, "stream.mjpg") for _ in range(4)]
    for viewer in viewers:
        read_part(viewer)
        viewer.close()
    assert sink.encoded == 1


def test_server_stops_at_once_with_viewers():
    sink = WebSink(Address("127.0.0.1", 0), Canvas(), "t")
    sink.open()
    with Feeder(sink):
        viewers = [get(sink, "stream.mjpg") for _ in range(5)]
        for viewer in viewers:
            read_part(viewer)
        start = time.monotonic()
        sink.close()
        assert time.monotonic() - start < 1.0
    for viewer in viewers:
        viewer.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sink.address.port), TIMEOUT_S)


def test_taken_port_is_one_clear_line(sink: WebSink):
    with pytest.raises(CannotWriteError, match=r"in use; a free port: --web=127\.0\.0\.1:0"):
        WebSink(sink.address, Canvas(), "t").open()


def test_health_tells_that_the_server_runs(sink: WebSink):
    assert sink.health().ok
    sink.close()
    assert not sink.health().ok
