"""A headless Chromium that a test drives, and a page server on loopback."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",  # no look-ups of hosts that a closed network refuses
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
)


def open_browser(profile: Path) -> "Chrome":
    """Return a driver of the system's Chromium with an empty profile; the caller quits it."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    profile.mkdir(parents=True)
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    # Chromium's sandbox refuses to run as root.
    for flag in (*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    # HOME may be empty or read-only: settings, crash reports and caches stay in the profile.
    own = os.environ | {"HOME": str(profile), "XDG_CONFIG_HOME": str(profile / "config")}
    service = Service(executable_path=shutil.which("chromedriver"), env=own)
    return Chrome(options=options, service=service)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep a test's output to the test."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free loopback port; yield its address without a slash at the end."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def play_to_its_end(driver: "Chrome", video: Path, page: Path, deadline_s: float) -> float:
    """Play a video in a page beside it and return the second at which it ended.

    Fails with the player's own error where the browser cannot decode the file.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    page.write_text(
        "<!doctype html><title>video</title><video muted autoplay></video><script>\n"
        "const video = document.querySelector('video');\n"
        "const say = (word) => { document.title = word; };\n"
        "video.onended = () => say('ended ' + video.currentTime);\n"
        "video.onerror = () => say('error ' + video.error.message);\n"
        f"video.src = {video.name!r};\n</script>"
    )
    with serve(page.parent) as address:
        driver.get(f"{address}/{page.name}")
        WebDriverWait(driver, deadline_s, poll_frequency=0.05).until(
            lambda shown: shown.title.split()[0] in {"ended", "error"}
        )
        word, rest = driver.title.split(maxsplit=1)
        driver.get("about:blank")
    assert word == "ended", rest
    return float(rest)
