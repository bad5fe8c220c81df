"""Real servers on loopback, killed, stopped, restarted, slow, sending cut pictures."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from network_cameras import NetworkCamera
from stamp import age_ms, milliseconds_of

from edge.backoff import Backoff
from edge.camera import Context, Patience, open_source
from edge.camera.faults import SourceChange
from edge.errors import UnavailableError
from edge.scene import Frame

DEADLINE_S = 60.0
PATIENCE = Patience(
    open_ms=5000, read_ms=1000, closed_ms=200, settle_ms=300, backoff=Backoff(0.1, 0.5)
)
KINDS = ["mjpeg", pytest.param("rtsp", marks=pytest.mark.needs("gstreamer"))]


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Watcher:
    """Reads a network camera and keeps what it was told."""

    def __init__(self, server: NetworkCamera, patience: Patience = PATIENCE) -> None:
        self.server = server
        self.live = open_source(server.address, Context(patience=patience))
        self.changes: list[SourceChange] = []
        self.live.listen(self.changes.append)

    def until(self, condition: Callable[[], object]) -> None:
        """Read on until the condition holds; what is read is lost."""
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, self.changes
            self.live.poll(0.02)

    def frame(self) -> Frame:
        """Return the next frame."""
        end_s = time.monotonic() + DEADLINE_S
        while (frame := self.live.poll(0.02)) is None:
            assert time.monotonic() < end_s, self.changes
        return frame

    def told(self, what: str, *kinds: str) -> Callable[[], bool]:
        """Return whether one of these faults has begun or is over since now."""
        seen = len(self.changes)
        return lambda: any(
            change.type == what and (not kinds or change.kind in kinds)
            for change in self.changes[seen:]
        )


@pytest.fixture(params=KINDS)
def watcher(request: pytest.FixtureRequest) -> Iterator[Watcher]:
    with NetworkCamera(request.param) as server:
        watcher = Watcher(server)
        yield watcher
        watcher.live.close()


@pytest.fixture
def mjpeg() -> Iterator[Watcher]:
    with NetworkCamera("mjpeg") as server:
        watcher = Watcher(server, Patience(1000, 1000, 200, frozen_ms=1500, settle_ms=300,
                                           backoff=Backoff(0.1, 0.5)))  # fmt: skip
        yield watcher
        watcher.live.close()


def test_slow_reader_sees_the_present(watcher: Watcher):
    """A queue of a source with 30 pictures a second would lag by 2 s after 12 of these reads."""
    ages = []
    for _ in range(12):
        time.sleep(0.2)
        frame = watcher.frame()
        ages.append(age_ms(frame.bgr, now_ms()))
    assert max(ages[-4:]) < 1000, ages
    assert watcher.live.dropped > 12


def test_killed_server_is_found_again_on_its_port(watcher: Watcher):
    fault = watcher.told("fault", "closed", "stalled")
    watcher.server.kill()
    watcher.until(fault)
    recovered, restarted_ms = watcher.told("recovered", "closed", "stalled"), now_ms()
    watcher.server.restart()
    watcher.until(recovered)
    assert age_ms(watcher.frame().bgr, now_ms()) <= now_ms() - restarted_ms


def test_server_that_stands_still_is_noticed_and_old_pictures_are_not_given_as_new(
    watcher: Watcher,
):
    watcher.frame()
    fault = watcher.told("fault", "stalled")
    watcher.server.stop()
    watcher.until(fault)
    recovered, went_on_ms = watcher.told("recovered", "stalled"), now_ms()
    watcher.live.poll()
    watcher.server.go_on()
    frame = watcher.frame()
    assert age_ms(frame.bgr, now_ms()) <= now_ms() - went_on_ms
    watcher.until(recovered)


@pytest.mark.full
def test_camera_that_comes_back_with_another_size_is_taken_as_it_is(watcher: Watcher):
    size = watcher.told("fault", "size")
    watcher.server.kill()
    watcher.server.restart("320x240")
    watcher.until(size)
    recovered = watcher.told("recovered", "size")
    assert watcher.frame().bgr.shape == (240, 320, 3)
    watcher.until(recovered)


def test_server_that_does_not_answer_at_the_start_is_one_clear_line(watcher: Watcher):
    watcher.live.close()
    watcher.server.stop()
    patience = Patience(open_ms=500, read_ms=500)
    with pytest.raises(UnavailableError, match=r"no stream at '\w+://127\.0\.0\.1:"):
        open_source(watcher.server.address, Context(patience=patience))


@pytest.mark.parametrize("length", [0, pytest.param(1, marks=pytest.mark.full)])
def test_cut_pictures_are_dropped_told_once_and_counted(length: int, mjpeg: Watcher):
    mjpeg.server.set("length", length)
    fault = mjpeg.told("fault", "broken")
    mjpeg.server.set("cut", 2)
    mjpeg.until(fault)
    stamps = [milliseconds_of(mjpeg.frame().bgr) for _ in range(8)]
    assert len(set(stamps)) == len(stamps)  # none is the one before
    assert mjpeg.live.statistics().faults["broken"] == 1
    assert mjpeg.live.statistics().broken >= 4
    recovered = mjpeg.told("recovered", "broken")
    mjpeg.server.set("cut", 0)
    mjpeg.until(recovered)


@pytest.mark.parametrize(
    ("setting", "kinds"),
    [
        ("freeze", {"frozen"}),
        ("silent", {"stalled"}),
        ("close", {"closed"}),
        pytest.param("drip", {"stalled", "broken"}, marks=pytest.mark.full),
    ],
)
def test_fault_of_a_server_is_noticed_and_survived(setting: str, kinds: set[str], mjpeg: Watcher):
    fault, recovered = mjpeg.told("fault", *kinds), mjpeg.told("recovered", *kinds)
    mjpeg.server.set(setting, 1)
    mjpeg.until(fault)
    mjpeg.server.set(setting, 0)
    mjpeg.until(recovered)
    mjpeg.frame()


def test_slow_camera_is_no_fault(mjpeg: Watcher):
    mjpeg.server.set("fps", 4)
    ages = []
    for _ in range(6):
        frame = mjpeg.frame()
        ages.append(mjpeg.live.age_ms(frame))
    assert min(ages) < 100  # each is given when it comes, not with the next one
    assert not [change for change in mjpeg.changes if change.kind in {"frozen", "closed"}]


@pytest.mark.parametrize(
    ("path", "says"), [("nothing", "404, no such page"), ("locked", "401, wrong user name")]
)
def test_refusal_of_a_server_is_one_clear_line(path: str, says: str, mjpeg: Watcher):
    with pytest.raises(UnavailableError, match=says) as caught:
        open_source(mjpeg.server.address + path)
    assert "\n" not in str(caught.value)


def test_password_in_the_address_is_sent_and_not_shown(mjpeg: Watcher):
    address = mjpeg.server.address.replace("://", "://me:secret@") + "locked"
    source = open_source(address, Context(patience=PATIENCE))
    assert source.read().bgr.shape == (128, 160, 3)
    assert "secret" not in source.description
    source.close()


@pytest.mark.full
@pytest.mark.parametrize("faults", [12])
def test_many_faults_leave_no_thread_and_no_handle_behind(faults: int, watcher: Watcher):
    """Killed, started again, stopped, continued; after the first rounds all is flat."""

    def live_through(rounds: int) -> tuple[int, int]:
        for number in range(rounds):
            fault = watcher.told("fault", "closed", "stalled")
            act, mend = (
                (watcher.server.kill, watcher.server.restart)
                if number % 2
                else (watcher.server.stop, watcher.server.go_on)
            )
            act()
            watcher.until(fault)
            recovered = watcher.told("recovered")
            mend()
            watcher.until(recovered)
        watcher.until(lambda: watcher.live.statistics().left_behind == 0)
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    threads, handles = live_through(4)
    more_threads, more_handles = live_through(faults)
    # one reader may be on its way out while the next one reads
    assert more_threads <= threads + 1
    assert more_handles <= handles + 4
    assert watcher.live.statistics().recovered >= faults + 4
