"""An RTSP camera on loopback, for the system's Python: `rtsp.py PORT [SIZE]` prints its port.

Its pictures, SIZE or 160x128, 30 a second, spell the monotonic time in milliseconds.
"""

import itertools
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

BITS = 16
FPS = 30
CAPS = "video/x-raw,format=GRAY8,width={},height={},framerate={}/1"
LAUNCH = (
    "( appsrc name=source is-live=true do-timestamp=true format=time ! videoconvert "
    "! video/x-raw,format=I420 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=1000 "
    "! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def bars(width: int, height: int, count: int) -> bytes:
    row = bytes(255 * (count >> (x * BITS // width) & 1) for x in range(width))
    return row * height


def feed(source: Gst.Element, size: str) -> None:
    width, height = (int(side) for side in size.split("x"))
    source.set_property("caps", Gst.Caps.from_string(CAPS.format(width, height, FPS)))
    begin_s = time.monotonic()
    for number in itertools.count(1):
        data = bars(width, height, time.monotonic_ns() // 1_000_000 % (1 << BITS))
        if source.emit("push-buffer", Gst.Buffer.new_wrapped(data)) != Gst.FlowReturn.OK:
            return
        time.sleep(max(0.0, begin_s + number / FPS - time.monotonic()))


def main() -> None:
    Gst.init(None)
    size = sys.argv[2] if len(sys.argv) > 2 else "160x128"

    def configure(_: object, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name_recurse_up("source")
        threading.Thread(target=feed, args=(source, size), daemon=True).start()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.quit()

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    threading.Thread(target=wait_for_the_end, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
