import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.scene import Box, Detection
from edge.track.life import GAP_MS, HITS, Seen
from edge.track.tracker import Tracker

SECOND_NS = 10**9


def thing(x: float, y: float = 0.5, side: float = 0.1, label: str = "cat", score: float = 0.9):
    """Return a detection with its centre at (x, y)."""
    half = side / 2
    return Detection(label, score, Box(x - half, y - half, x + half, y + half))


def numbers(seen: Seen) -> list[int | None]:
    return [d.track for d in seen.detections]


def feed(tracker: Tracker, frames, fps: float = 10.0, start_s: float = 0.0) -> list[Seen]:
    """Give one frame after the other at a rate, None for a frame that the camera never gave."""
    times = (round((start_s + k / fps) * SECOND_NS) for k in range(len(frames)))
    return [
        tracker.update(tuple(found), now)
        for found, now in zip(frames, times, strict=True)
        if found is not None
    ]


sides = st.floats(-0.2, 1.2).map(lambda v: round(v, 3))
boxes = st.tuples(sides, sides, sides, sides).map(
    lambda s: Box(min(s[0], s[2]), min(s[1], s[3]), max(s[0], s[2]), max(s[1], s[3]))
)
detections = st.builds(
    Detection, st.sampled_from(["cat", "dog"]), st.sampled_from([0.5, 0.7, 0.9]), boxes
)
# things that mostly stay where they are, so that tracks come to be
places = st.sampled_from([0.2, 0.25, 0.3, 0.6, 0.63])
steady = st.builds(thing, places, places, st.sampled_from([0.1, 0.12]))
frames = st.lists(st.lists(st.one_of(steady, detections), max_size=6), max_size=12)
pauses_ns = st.lists(
    st.sampled_from([0, 1, 10**7, 10**8, 6 * 10**8, 10**9 + 1, 10**11, 10**15]), min_size=12
)


@settings(deadline=None, max_examples=100)
@given(frames, pauses_ns)
def test_whatever_comes_each_number_belongs_to_one_object_and_leaves_once(frames, pauses_ns):
    tracker = Tracker()
    there: set[int] = set()
    given_away = 0
    now_ns = 0
    for found, pause_ns in zip(frames, pauses_ns, strict=False):
        now_ns += pause_ns
        seen = tracker.update(tuple(found), now_ns)
        assert [replace(d, track=None) for d in seen.detections] == found
        for new in seen.entered:
            given_away += 1
            assert new.track == given_away
            assert new in seen.detections
            there.add(new.track)
        carried = [n for n in numbers(seen) if n is not None]
        assert len(set(carried)) == len(carried)
        assert set(carried) <= there
        for old in seen.left:
            assert old.track not in carried
            there.remove(old.track)
    assert {d.track for d in tracker.finish()} == there
    assert tracker.finish() == ()


@settings(deadline=None, max_examples=100)
@given(frames, pauses_ns, st.randoms(use_true_random=False))
def test_order_of_the_detections_does_not_matter(frames, pauses_ns, random):
    one, other = Tracker(hits=2), Tracker(hits=2)
    now_ns = 0
    for found, pause_ns in zip(frames, pauses_ns, strict=False):
        now_ns += pause_ns
        shuffled = random.sample(found, len(found))
        a, b = one.update(tuple(found), now_ns), other.update(tuple(shuffled), now_ns)
        assert Counter(a.detections) == Counter(b.detections)
        assert (a.entered, a.left) == (b.entered, b.left)


def test_third_sighting_in_a_row_enters_under_number_one():
    seen = feed(Tracker(), [[thing(0.5)]] * 4)
    assert [numbers(s) for s in seen] == [[None], [None], [1], [1]]
    assert [s.entered for s in seen] == [(), (), (replace(thing(0.5), track=1),), ()]


def test_what_flickers_never_enters():
    flicker = [[thing(0.5)], [thing(0.5)], []] * 10
    assert all(s.entered == s.left == () for s in feed(Tracker(), flicker))


@settings(deadline=None)
@given(
    st.floats(0.5, 60.0),
    st.integers(0, 60),
    st.floats(-0.5, 0.5),
    st.floats(-0.5, 0.5),
)
def test_gap_keeps_the_number_until_it_lasts_too_long(fps, missed, speed_x, speed_y):
    # speeds in sides a second: never more than one from frame to frame
    path = [thing(0.5 + 0.1 * speed_x * k / fps, 0.5 + 0.1 * speed_y * k / fps) for k in range(99)]
    tracker = Tracker()
    back = 8 + missed
    gone = [[p] for p in path[:8]] + [[]] * missed
    seen = feed(tracker, [*gone, *([p] for p in path[back : back + HITS])], fps)
    absent_ms = (missed + 1) / fps * 1e3
    if missed and absent_ms > GAP_MS + 1:
        assert numbers(seen[-1]) == [2]
        assert [d.track for s in seen for d in s.left] == [1]
    elif absent_ms < GAP_MS - 1:
        assert [numbers(s) for s in seen[back:]] == [[1]] * HITS
        assert all(s.left == () for s in seen)


def test_left_tells_the_last_sighting_once_the_gap_is_over():
    seen = feed(Tracker(gap_ms=500), [[thing(0.5)]] * 4 + [[]] * 10, fps=10)
    assert [len(s.left) for s in seen] == [0] * 9 + [1] + [0] * 4
    assert seen[9].left == (replace(thing(0.5), track=1),)


@pytest.mark.parametrize("fps", [2, 5, 10, 30, 120])
@pytest.mark.parametrize("speed", [0.0, 0.5, 2.0])
def test_one_moving_object_has_one_number_at_every_rate(fps, speed):
    frames = [[thing(0.1 + 0.1 * speed * k / fps)] for k in range(4 * fps)]
    seen = feed(Tracker(), frames, fps)
    assert {n for s in seen[HITS - 1 :] for n in numbers(s)} == {1}


def test_camera_with_one_frame_a_minute_is_followed_too():
    seen = feed(Tracker(), [[thing(0.5)]] * 5 + [[]], fps=1 / 60)
    assert [numbers(s) for s in seen[2:]] == [[1], [1], [1], []]
    assert [len(s.left) for s in seen] == [0, 0, 0, 0, 0, 1]


@settings(deadline=None)
@given(
    st.floats(5.0, 60.0),
    st.floats(0.5, 3.0),
    st.floats(-3.0, -0.5),
    st.floats(0.0, 0.03),
    st.booleans(),
)
def test_objects_that_cross_keep_their_numbers(fps, right, left, offset, hidden):
    """Speeds in sides a second; `hidden`: while one covers the other, only one is seen."""
    count = round(2 * fps)
    middle_s = 1.0
    a = [thing(0.5 + 0.1 * right * (k / fps - middle_s), 0.5) for k in range(count)]
    b = [thing(0.5 + 0.1 * left * (k / fps - middle_s), 0.5 + offset) for k in range(count)]
    tracker, answers = Tracker(), []
    for k in range(count):
        covered = hidden and abs(a[k].box.x0 - b[k].box.x0) < 0.03
        found = (a[k],) if covered else (a[k], b[k])
        answers.append(numbers(tracker.update(found, round(k / fps * SECOND_NS))))
    # the better rank of two that entered together depends on where they stand
    assert sorted(answers[HITS - 1]) == [1, 2]
    assert answers[-1] == answers[HITS - 1]


def test_object_behind_another_is_found_again_under_its_number():
    walker = [thing(0.2 + 0.02 * k, score=0.8) for k in range(30)]
    post = thing(0.5, side=0.14)
    frames = [[w, post] if abs(w.box.x0 + 0.05 - 0.5) > 0.06 else [post] for w in walker]
    seen = feed(Tracker(), frames, fps=10)
    assert numbers(seen[-1]) == numbers(seen[4]) == [2, 1]


def test_labels_are_followed_apart():
    seen = feed(Tracker(), [[thing(0.5), thing(0.5, label="dog")]] * 4 + [[thing(0.5)]] * 12)
    assert numbers(seen[3]) == [1, 2]
    assert [d.label for s in seen for d in s.left] == ["dog"]


def test_jump_across_the_frame_is_another_object():
    seen = feed(Tracker(), [[thing(0.2)]] * 5 + [[thing(0.8)]] * 5)
    assert numbers(seen[4]) == [1]
    assert numbers(seen[-1]) == [2]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_box_that_is_not_finite_is_handed_back_as_it_came(value):
    bad = Detection("cat", 0.9, Box(0.0, value, 1.0, 1.0))
    seen = feed(Tracker(), [[bad, thing(0.5)]] * 4)
    assert [numbers(s) for s in seen[2:]] == [[None, 1]] * 2


def test_clock_that_stands_still_or_goes_back_does_no_harm():
    tracker = Tracker()
    answers = [numbers(tracker.update((thing(0.5),), now_ns)) for now_ns in (5, 5, 5, 3, 9)]
    assert answers == [[None], [None], [1], [1], [1]]


def test_what_is_there_at_the_end_leaves_then():
    tracker = Tracker()
    feed(tracker, [[thing(0.3), thing(0.7)]] * 3 + [[thing(0.3), thing(0.7), thing(0.5)]])
    assert sorted(d.track or 0 for d in tracker.finish()) == [1, 2]
    assert numbers(feed(tracker, [[thing(0.3)]] * 3, start_s=9)[-1]) == [3]
