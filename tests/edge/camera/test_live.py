import re
import threading
import time

import numpy as np
import pytest
from live_bench import DEADLINE_S, PATIENCE, STEADY, LiveBench, picture

from edge.camera import Patience
from edge.camera.jpegs import BrokenPictureError
from edge.camera.live import MOST_LEFT, Live
from edge.camera.reader import PAUSE_S
from edge.errors import UnavailableError


def test_slow_reader_sees_the_newest_frame_and_counts_the_others():
    with LiveBench() as bench:
        bench.driver.give(*(picture(value) for value in range(2, 7)))
        frame = bench.live.read()
        assert (frame.index, frame.bgr[0, 0, 0]) == (5, 6)
        assert bench.live.dropped == 4
        bench.driver.give(picture(7))
        assert bench.live.read().index == 6


def test_quick_reader_loses_nothing():
    with LiveBench() as bench:
        for value in range(2, 20):
            bench.driver.give(picture(value))
            assert bench.live.read().bgr[0, 0, 0] == value
        assert bench.live.dropped == 0


def test_age_is_the_time_since_the_arrival():
    with LiveBench() as bench:
        bench.driver.give(picture(2))
        bench.advance(70)
        assert bench.live.age_ms(bench.live.read()) == 70


def test_frame_that_waited_too_long_is_not_given_as_new():
    with LiveBench() as bench:
        bench.driver.give(picture(2))
        bench.advance(PATIENCE.read_ms + 1)
        assert bench.live.poll() is None
        bench.driver.give(picture(3))
        assert bench.live.read().bgr[0, 0, 0] == 3
        assert (bench.live.stale, bench.live.dropped) == (1, 1)


def test_stop_wakes_a_waiting_reader():
    with LiveBench() as bench:
        threading.Timer(0.05, bench.stop.set).start()
        assert bench.live.read() is None
        assert bench.live.ready()


def test_only_the_reading_thread_touches_the_capture():
    with LiveBench() as bench:
        bench.driver.give(picture(2), False)
        bench.driver.set_always(False)
        bench.advance(PATIENCE.closed_ms)
        bench.until(lambda: bench.driver.opened[0].released_by)
    capture = bench.driver.opened[0]
    assert capture.read_by == {capture.released_by}
    assert capture.released_by != threading.get_ident()


def close(bench: LiveBench) -> None:
    bench.driver.set_always(False)
    bench.until(lambda: bench.driver.reads > 3)
    bench.advance(PATIENCE.closed_ms)


def stall(bench: LiveBench) -> None:
    bench.advance(PATIENCE.read_ms + 1)


def time_out(bench: LiveBench) -> None:
    """As FFmpeg does after its read timeout."""
    bench.advance(PATIENCE.read_ms)
    bench.driver.give(False)


def freeze(bench: LiveBench) -> None:
    for _ in range(10):
        bench.driver.give(picture(1))
        bench.advance(1000)
    bench.driver.give(picture(1))


def fail(bench: LiveBench) -> None:
    bench.driver.give(RuntimeError("decoder is lost"))


def cut(bench: LiveBench) -> None:
    bench.driver.give(BrokenPictureError("cut short"), BrokenPictureError("cut short"))


def give_wrong(bench: LiveBench) -> None:
    bench.driver.give(np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), None)


def resize(bench: LiveBench) -> None:
    bench.driver.give(picture(2, height=4))


FAULTS = {
    "closed": (close, "network is gone"),
    "stalled": (stall, "no picture for 3 s"),
    "stalled ": (time_out, "no picture for 3 s"),
    "frozen": (freeze, "the same picture for 10 s"),
    "failed": (fail, "decoder is lost"),
    "broken": (cut, "cut short"),
    "broken ": (give_wrong, r"no picture, but uint8 \[4, 4\]"),
    "size": (resize, "pictures of 8x4, before of 8x8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_noticed_named_and_survived(fault: str, caplog):
    """Told once when it begins and once when it is over, and the pictures come again."""
    act, says = FAULTS[fault]
    kind = fault.strip()
    with LiveBench() as bench:
        act(bench)
        bench.until(lambda: bench.changes)
        assert bench.said == [("fault", kind)]
        assert re.search(says, bench.changes[0].reason)
        assert bench.changes[0].camera == "camera"
        recover(bench)
        assert bench.said == [("fault", kind), ("recovered", kind)]
        statistics = bench.live.statistics()
    assert statistics.faults == {kind: 1}
    assert (statistics.recovered, statistics.left_behind) == (1, 0)
    assert caplog.text.count("WARNING") == 1


def recover(bench: LiveBench) -> None:
    """Let time pass and new pictures come until one is given and a recovery is told."""
    bench.driver.set_always("wait")
    bench.frames.clear()
    values = iter(range(50, 250))

    def is_over() -> bool:
        if bench.frames and "recovered" in {change.type for change in bench.changes}:
            return True
        bench.advance(100)
        if bench.driver.waiting:
            bench.driver.give(picture(next(values)))
        return False

    bench.until(is_over)


def test_call_that_never_returns_is_left_behind_and_its_thread_alone_releases():
    with LiveBench() as bench:
        blocked = threading.Event()
        bench.driver.give(blocked)
        bench.advance(PATIENCE.read_ms + 1)
        bench.until(lambda: bench.said == [("fault", "stalled")])
        bench.advance(PATIENCE.hung_ms)
        bench.until(lambda: ("fault", "hung") in bench.said)
        assert bench.live.statistics().left_behind == 1
        bench.advance(1000)
        bench.until(lambda: len(bench.driver.opened) == 2)
        bench.driver.give(picture(2))
        bench.until(lambda: bench.frames)
        assert bench.said[2:] == [("recovered", "stalled"), ("recovered", "hung")]
        assert bench.driver.opened[0].released_by == 0
        blocked.set()
        bench.until(lambda: bench.driver.opened[0].released_by)
        bench.until(lambda: bench.live.statistics().left_behind == 0)
        # its late picture, 99, is nobody's
        bench.driver.give(picture(3))
        bench.until(lambda: len(bench.frames) == 2)
    assert [frame.bgr[0, 0, 0] for frame in bench.frames] == [2, 3]
    first = bench.driver.opened[0]
    assert first.read_by == {first.released_by}


def test_hanging_calls_do_not_pile_up():
    blocked = threading.Event()
    with LiveBench() as bench:
        bench.driver.set_always(blocked)
        for _ in range(40):
            bench.advance(PATIENCE.hung_ms + 1)
            bench.live.poll(0.01)
        assert 1 < bench.live.statistics().left_behind <= MOST_LEFT
        assert len(bench.driver.opened) <= MOST_LEFT + 1
        blocked.set()


def test_closed_source_is_not_asked_in_a_circle():
    with LiveBench() as bench:
        before, began_s = bench.driver.reads, time.monotonic()
        bench.driver.set_always(False)
        bench.until(lambda: time.monotonic() - began_s > 0.3)
        took_s = time.monotonic() - began_s
        assert 1 <= bench.driver.reads - before <= took_s / PAUSE_S + 2


def test_attempts_are_further_and_further_apart():
    with LiveBench() as bench:
        bench.driver.refusal = "no camera 0"
        close(bench)
        bench.until(lambda: bench.changes)
        bench.until(lambda: bench.driver.opened[0].released_by)
        for count in range(2, 9):
            while len(bench.driver.attempts_ns) < count:
                bench.advance(250)
                bench.live.poll(0.005)
        attempts_s = [ns / 1e9 for ns in bench.driver.attempts_ns[1:]]
        assert bench.said == [("fault", "closed")]
    pauses = np.diff(attempts_s)
    wanted = [STEADY.pause_s(attempt) for attempt in range(1, 7)]
    # the clock runs on in steps while a refusal is on its way
    assert all(want <= got for want, got in zip(wanted, pauses, strict=True))


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_chance_shortens_the_pause_by_half_at_most(jitter: float):
    assert STEADY.pause_s(0) / 2 <= type(STEADY)(1.0, 8.0, lambda: jitter).pause_s(0) <= 1.0


def test_retries_are_told_at_debug_level_only(caplog):
    caplog.set_level("DEBUG")
    with LiveBench() as bench:
        bench.driver.refusal = "no camera 0: not there"
        close(bench)
        while len(bench.driver.attempts_ns) < 5:
            bench.advance(1000)
            bench.live.poll(0.01)
    retries = [r.levelname for r in caplog.records if "not there" in r.message]
    assert len(retries) >= 3
    assert set(retries) == {"DEBUG"}


def test_picture_that_stands_still_is_withheld_until_it_moves():
    with LiveBench() as bench:
        freeze(bench)
        bench.until(lambda: bench.driver.opened[0].released_by)
        bench.frames.clear()
        bench.advance(1000)
        bench.until(lambda: len(bench.driver.opened) == 2)
        for _ in range(5):
            bench.driver.give(picture(1))
            assert bench.live.poll() is None
        bench.driver.give(picture(2))
        assert bench.live.read().bgr[0, 0, 0] == 2
        bench.live.poll()
        assert bench.said == [("fault", "frozen"), ("recovered", "frozen")]


def test_passing_fault_is_told_once_while_it_lasts():
    with LiveBench() as bench:
        for value in range(2, 30):
            bench.driver.give(BrokenPictureError("cut short"), picture(value))
            bench.advance(100)
            bench.live.poll()
        assert bench.said == [("fault", "broken")]
        bench.advance(PATIENCE.settle_ms)
        bench.driver.give(picture(40))
        bench.live.poll()
        assert bench.said == [("fault", "broken"), ("recovered", "broken")]
        assert bench.live.statistics().broken == 28


def test_stream_of_broken_pictures_is_opened_again():
    with LiveBench() as bench:
        bench.driver.give(BrokenPictureError("cut short"))
        bench.advance(PATIENCE.read_ms)
        bench.driver.give(BrokenPictureError("cut short"))
        bench.until(lambda: bench.driver.opened[0].released_by and len(bench.said) == 2)
        assert bench.said == [("fault", "broken"), ("fault", "stalled")]


def test_source_that_is_absent_at_the_start_is_an_error():
    with (
        LiveBench(started=False, refusal="no camera 0") as bench,
        pytest.raises(UnavailableError, match=r"^no camera 0$"),
    ):
        bench.live.start()
    assert bench.changes == []


def test_closing_one_source_does_not_stop_the_run():
    with LiveBench() as bench:
        bench.driver.set_always(False)
        bench.live.close()
        assert bench.live.read() is None
        assert not bench.stop.is_set()


def test_source_that_opens_without_a_picture_is_an_error_at_the_start():
    with LiveBench(started=False) as bench:
        bench.driver.give(False)
        bench.driver.set_always(False)
        bench.advance(PATIENCE.closed_ms)
        with pytest.raises(UnavailableError, match="camera 0 gives no picture: unplugged"):
            bench.live.start()
    assert bench.changes == []


def test_opening_that_never_returns_is_an_error_at_the_start():
    blocked, patience = threading.Event(), Patience(hung_ms=100)

    def opens() -> None:
        assert blocked.wait(DEADLINE_S)
        raise UnavailableError("too late")

    live = Live(opens, "camera 0", patience=patience)
    with pytest.raises(UnavailableError, match=r"opening has not returned for 0\.1 s"):
        live.start()
    blocked.set()


def test_stop_ends_the_wait_for_the_first_picture():
    with LiveBench(started=False) as bench:
        threading.Timer(0.05, bench.stop.set).start()
        bench.live.start()
        assert bench.live.read() is None


def test_faults_of_one_source_are_not_those_of_another():
    with LiveBench() as one, LiveBench() as other:
        close(one)
        one.until(lambda: one.changes)
        other.driver.give(picture(2))
        assert other.live.read().index == 1
        assert other.changes == []
        assert other.live.statistics().faults == {}
