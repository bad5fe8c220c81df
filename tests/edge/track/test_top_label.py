from hypothesis import given
from hypothesis import strategies as st

from edge.scene import Detection
from edge.track import Unfollowed, follower_of
from edge.track.top_label import TopLabel
from edge.track.tracker import Tracker

CAT, DOG, FOX = (Detection(label, 0.8) for label in ("cat", "dog", "fox"))


def feed(follower, frames, fps: float = 10.0):
    return [follower.update(tuple(f), round(k / fps * 1e9)) for k, f in enumerate(frames)]


def events(seen) -> list[tuple[int, str, str]]:
    """Return (frame, what, label) for all that entered and left."""
    return [
        (k, what, d.label)
        for k, s in enumerate(seen)
        for what, found in (("entered", s.entered), ("left", s.left))
        for d in found
    ]


def test_label_enters_as_the_best_of_three_frames_and_leaves_after_the_gap():
    seen = feed(TopLabel(), [[CAT, DOG]] * 5 + [[DOG, CAT]] * 15)
    assert events(seen) == [(2, "entered", "cat"), (7, "entered", "dog"), (15, "left", "cat")]


def test_one_wrong_frame_is_no_change():
    seen = feed(TopLabel(), [[CAT]] * 5 + [[DOG]] + [[CAT]] * 5 + [[]] * 3 + [[CAT]] * 5)
    assert events(seen) == [(2, "entered", "cat")]


def test_nothing_for_longer_than_the_gap_is_a_departure():
    follower = TopLabel(gap_ms=300)
    assert events(feed(follower, [[CAT]] * 4 + [[]] * 9)) == [
        (2, "entered", "cat"),
        (7, "left", "cat"),
    ]
    assert follower.finish() == ()


def test_whole_pictures_get_no_number():
    seen = feed(TopLabel(), [[CAT, DOG]] * 4)
    assert all(d.track is None for s in seen for d in (*s.detections, *s.entered))
    assert all(s.detections == (CAT, DOG) for s in seen)


def test_label_that_is_there_at_the_end_leaves_then():
    follower = TopLabel()
    feed(follower, [[CAT]] * 4 + [[DOG]])
    assert follower.finish() == (CAT,)
    assert follower.finish() == ()


@given(st.lists(st.lists(st.sampled_from([CAT, DOG, FOX]), max_size=2), max_size=60))
def test_each_label_enters_before_it_leaves_and_never_twice_at_once(frames):
    follower = TopLabel(gap_ms=250)
    there: set[str] = set()
    for _, what, label in events(feed(follower, frames)):
        assert (label in there) == (what == "left")
        there ^= {label}
    assert {d.label for d in follower.finish()} == there


def test_task_of_the_model_decides_how_its_frames_are_followed():
    kinds = {task: type(follower_of(task)) for task in ("detect", "classify", "raw")}
    assert kinds == {"detect": Tracker, "classify": TopLabel, "raw": Unfollowed}
