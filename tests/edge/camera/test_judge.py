import numpy as np
import pytest

from edge.camera.judge import SLOWER, Backlog, Freeze, same

MS = 1_000_000
STALL_MS, DRAIN_MS = 2700.0, 2000.0


def judged(intervals_ms: list[float], fps: float | None = 30.0, drain_ms: float = DRAIN_MS) -> str:
    """Return a letter a picture: n(ew), q(ueued), l(ate); the first arrives after intervals[0]."""
    backlog, now_ms, letters = Backlog(fps, STALL_MS, drain_ms), 0.0, ""
    for interval in intervals_ms:
        now_ms += interval
        letters += backlog.judge(round(now_ms * MS))[0]
    return letters


@pytest.mark.parametrize(
    ("what", "intervals_ms", "fps", "wanted"),
    [
        ("at its pace, after the first", [0, 33, 33, 33], 30.0, "qnnn"),
        ("of unknown pace", [0, 33, 33, 33], None, "nnnn"),
        ("probed ones come at once", [0, 1, 1, 1, 1, 33, 33], 30.0, "qqqqqnn"),
        ("a claim of half the real rate", [0] + [16] * 200, 25.0, "q" * 125 + "n" * 76),
        ("stalled, then a backlog", [0, 33, 33, 900, 1, 1, 1, 33, 33], 30.0, "qnnlqqqnn"),
        ("a hiccup", [0, 33, 33, 200, 1, 33], 30.0, "qnnnnn"),
        ("slow at night", [0, 33, 33] + [1000] * 5, 30.0, "qnnllnnn"),
        ("slow from the start", [0] + [1000] * 5, 1.0, "qnnnnn"),
        ("a decoder that gives up", [0, 33, 33, 3000, 3000, 3000, 3000, 33], 30.0, "qnnlllln"),
    ],
)
def test_picture_from_a_queue_is_told_by_its_pace(what, intervals_ms, fps, wanted):
    assert judged(intervals_ms, fps) == wanted, what


def test_slower_pace_is_learned_after_a_few_pauses():
    assert judged([0, 33] + [900] * 6).count("l") == SLOWER - 1


def test_nothing_is_judged_where_nothing_is_drained():
    assert judged([0, 33, 5000, 1, 1], drain_ms=0) == "nnnnn"


def test_same_picture_is_timed_from_its_first_coming():
    freeze, one = Freeze(), np.zeros((130, 4, 3), np.uint8)
    assert freeze.same_ms(one, 5 * MS) is None
    assert freeze.same_ms(one.copy(), 7 * MS) == 2
    assert freeze.same_ms(one.copy(), 9 * MS) == 4
    assert freeze.same_ms(one + 1, 10 * MS) is None
    assert freeze.same_ms(one, 11 * MS) is None


@pytest.mark.parametrize("place", [(0, 0, 0), (64, 3, 1), (63, 1, 2), (129, 3, 2)])
def test_one_byte_is_a_difference(place):
    one = np.zeros((130, 4, 3), np.uint8)
    other = one.copy()
    assert same(one, other)
    other[place] = 1
    assert not same(one, other)
    assert not same(one, one[:65])
