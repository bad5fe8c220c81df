"""A page with the live picture, for a browser on this machine."""

import asyncio
import json
import logging
import os
import secrets
import socket
import threading
from importlib.resources import files
from typing import Any

import cv2
import tornado.httpserver
import tornado.ioloop
import tornado.iostream
import tornado.template
import tornado.web

from edge.errors import CannotWriteError
from edge.scene import Event, Scene, scene_record
from edge.sinks.address import Address
from edge.sinks.draw import Canvas, annotate
from edge.sinks.sink import Health

log = logging.getLogger(__name__)

MAX_VIEWERS = 10  # pictures and scene lists together; a phone takes one of each
JPEG_QUALITY = 80
START_S = 10.0
STOP_S = 5.0
BOUNDARY = "frame"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'nonce-{nonce}'; "
    "script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Newest:
    """The newest scene for all viewers, each of whom takes it when done with the last one.

    Belongs to the server's thread, but for `offer`. The JPEG is made once a scene, and only when
    asked for.
    """

    def __init__(self, canvas: Canvas) -> None:
        """Start without a scene."""
        self.scene: Scene | None = None
        self.count = 0
        self.viewers = 0
        self.ended = False
        self._canvas = canvas
        self.encoded = 0
        self._jpeg: tuple[int, bytes] = (0, b"")
        self._changed = asyncio.Event()
        self._lock = threading.Lock()
        self._offered: Scene | None = None
        self._called = False

    def offer(self, scene: Scene) -> bool:
        """Leave a scene, from the loop's thread; return whether `take` must now be called.

        It need not while nobody watches, or while an earlier call has not come through.
        """
        with self._lock:
            self._offered = scene
            call = self.viewers > 0 and not self._called
            self._called = self._called or call
        return call

    def take(self) -> None:
        """Make the offered scene the newest one and wake everybody."""
        with self._lock:
            scene, self._offered, self._called = self._offered, None, False
        if scene is not None:
            self.scene = scene
            self.count += 1
            self._wake()

    def end(self) -> None:
        """Wake everybody for the last time."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, count: int) -> int:
        """Wait for a scene newer than number `count`; return its number, or `count` at the end."""
        while self.count == count and not self.ended:
            await self._changed.wait()
        return self.count

    def jpeg(self) -> bytes:
        """Return the annotated picture of the newest scene."""
        if self._jpeg[0] != self.count and self.scene is not None:
            picture = annotate(self.scene, self._canvas.fps)
            _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            self._jpeg = (self.count, data.tobytes())
            self.encoded += 1
        return self._jpeg[1]


class Guarded(tornado.web.RequestHandler):
    """What every answer obeys: this host only, this site only, no trace in caches."""

    def initialize(self, newest: Newest, title: str) -> None:
        """Take what the answers are made of."""
        self.newest, self.page_title = newest, title

    def set_default_headers(self) -> None:
        """Forbid caching, embedding and sniffing."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse other names for this host (DNS rebinding) and requests that other sites start."""
        host = (self.request.host_name or "").strip("[]").lower()
        if host not in {"localhost", "127.0.0.1", "::1"} and host != self.settings["host"]:
            raise tornado.web.HTTPError(403, reason="Unknown host name")
        site = self.request.headers.get("Sec-Fetch-Site", "same-origin")
        typed = self.request.headers.get("Sec-Fetch-Mode") == "navigate"
        if site not in {"same-origin", "none"} and not typed:
            raise tornado.web.HTTPError(403, reason="Other site")
        origin = self.request.headers.get("Origin")
        if origin is not None and origin != f"http://{self.request.host}":
            raise tornado.web.HTTPError(403, reason="Other site")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say it in one line of text."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}\n")

    def log_exception(self, *details: Any) -> None:
        """Keep a visitor's mistakes out of the user's log."""
        log.debug("%s: %s", self.request.uri, details[1])


class Page(Guarded):
    """The page itself: nothing in it comes from another host."""

    def get(self) -> None:
        """Answer with the page."""
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", PAGE_POLICY.format(nonce=nonce))
        template: tornado.template.Template = self.settings["page"]
        self.finish(template.generate(nonce=nonce, title=self.page_title))


class Still(Guarded):
    """The newest picture alone."""

    def get(self) -> None:
        """Answer with a JPEG, or 404 before the first scene."""
        self.newest.take()
        if self.newest.scene is None:
            raise tornado.web.HTTPError(404, reason="No picture yet")
        self.set_header("Content-Type", "image/jpeg")
        self.finish(self.newest.jpeg())


class Viewer(Guarded):
    """An answer that goes on; a viewer whose last picture is not yet away misses the next ones."""

    content_type = ""

    def part(self) -> bytes:
        """Return what one scene looks like on this stream."""
        raise tornado.web.HTTPError(500)

    async def get(self) -> None:
        """Send scene after scene until somebody leaves."""
        if self.newest.viewers >= MAX_VIEWERS:
            raise tornado.web.HTTPError(503, reason=f"Already {MAX_VIEWERS} viewers")
        self.newest.viewers += 1
        self.newest.take()
        try:
            self.set_header("Content-Type", self.content_type)
            count = await self.newest.after(0)
            while not self.newest.ended:
                self.write(self.part())
                await self.flush()
                count = await self.newest.after(count)
        except tornado.iostream.StreamClosedError:
            log.debug("a viewer left")
        finally:
            self.newest.viewers -= 1


class MotionJpeg(Viewer):
    """The live picture, as every browser shows it in an <img>."""

    content_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def part(self) -> bytes:
        """Return one JPEG with its headers."""
        jpeg = self.newest.jpeg()
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"


class Scenes(Viewer):
    """What was recognised, as server-sent events with the scene lines of the JSON sink."""

    content_type = "text/event-stream"

    def part(self) -> bytes:
        """Return one event."""
        assert self.newest.scene is not None  # noqa: S101 - a part follows a scene
        return f"data: {json.dumps(scene_record(self.newest.scene))}\n\n".encode()


ROUTES = {r"/": Page, r"/stream\.mjpg": MotionJpeg, r"/still\.jpg": Still, r"/scenes": Scenes}


class WebSink:
    """Serves the page from a thread of its own; the loop only leaves its newest scene there."""

    def __init__(self, address: Address, canvas: Canvas, title: str) -> None:
        """Keep the address; nothing listens yet."""
        self.address = address
        self._canvas, self._title = canvas, title
        self._health = Health(True)
        self._sockets: list[socket.socket] = []
        self._ioloop: tornado.ioloop.IOLoop | None = None
        self._newest: Newest | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    @property
    def viewers(self) -> int:
        """Return how many watch now."""
        return 0 if self._newest is None else self._newest.viewers

    @property
    def encoded(self) -> int:
        """Return how many pictures were made into JPEG until now."""
        return 0 if self._newest is None else self._newest.encoded

    def open(self) -> None:
        """Listen; `address` then has the real port. Raises CannotWriteError."""
        host, port = self.address.host, self.address.port
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=MAX_VIEWERS)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error
            raise CannotWriteError(
                f"cannot listen on {host}:{port}: {why}; a free port: --web={host}:0"
            ) from None
        listener.setblocking(False)
        self._sockets = [listener]
        self.address = Address(host, listener.getsockname()[1])
        self._thread.start()
        if not self._ready.wait(START_S):
            raise CannotWriteError(f"the page at {self.address.url()} did not start")
        log.info("live page: %s", self.address.url())

    def _serve(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._ioloop = tornado.ioloop.IOLoop.current()
        self._newest = Newest(self._canvas)
        page = tornado.template.Template(files("edge.sinks").joinpath("page.html").read_bytes())
        parts = {"newest": self._newest, "title": self._title}
        application = tornado.web.Application(
            [(path, handler, parts) for path, handler in ROUTES.items()],
            page=page,
            host=self.address.host.lower(),
            log_function=_log_nothing,
        )
        server = tornado.httpserver.HTTPServer(application, max_body_size=1000)
        server.add_sockets(self._sockets)
        self._ready.set()
        while not self._newest.ended:
            await self._newest.after(self._newest.count)
        server.stop()
        await server.close_all_connections()

    def write(self, scene: Scene) -> None:
        """Leave the scene for the server, which may be busy with an older one."""
        assert self._ioloop is not None  # noqa: S101 - open comes first
        assert self._newest is not None  # noqa: S101
        if self._newest.offer(scene):
            self._ioloop.add_callback(self._newest.take)

    def event(self, event: Event) -> None:
        """Take no notice: the page shows scenes."""

    def health(self) -> Health:
        """Return whether the server runs."""
        if self._ready.is_set() and not self._thread.is_alive():
            return Health(False, "the page's thread has ended")
        return self._health

    def close(self) -> None:
        """Stop at once, whoever still watches."""
        if self._ioloop is not None and self._newest is not None:
            self._ioloop.add_callback(self._newest.end)
            self._thread.join(STOP_S)
        for bound in self._sockets:
            bound.close()


def _log_nothing(handler: tornado.web.RequestHandler) -> None:
    """Keep requests out of the user's log."""
