import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import scene

from edge.scene import Change, Scene
from edge.statistics import CameraStatistics, Histogram, Tally, statistics_record, statistics_text


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=300))
def test_percentiles_are_right_to_one_percent(durations: list[float]):
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    found = histogram.percentiles()
    for share, value in ((50, found.p50_ms), (95, found.p95_ms), (99, found.p99_ms)):
        exact = np.percentile(durations, share, method="inverted_cdf")
        assert value == pytest.approx(exact, rel=0.0101)


def test_memory_of_a_histogram_does_not_grow_with_the_run():
    histogram, chance = Histogram(), random.Random(1)  # noqa: S311
    for _ in range(20_000):
        histogram.add(chance.lognormvariate(1.0, 1.0))
    assert len(histogram._bins) < 1500


def test_empty_histogram_is_zero():
    assert Histogram().percentile(0.5) == 0.0


def statistics():
    tally = Tally()
    tally.frames_in = 3
    changed = scene(0)
    change = Change("fault", "edgetpu", "unplugged")
    tally.add(Scene(changed.frame, (), "cpu", changed.timings, (change,)))
    tally.add(scene(1))
    return tally.statistics(2, 1, 4.0, ("disk full",))


def test_frames_that_were_dropped_or_skipped_came_in_too():
    found = statistics()
    assert (found.frames_in, found.answered, found.dropped, found.skipped) == (6, 2, 2, 1)
    assert found.fps == 0.5


def test_record_is_json_and_text_says_the_same():
    record = json.loads(json.dumps(statistics_record(statistics())))
    assert record["backends"] == {"cpu": 2}
    assert record["changes"] == [{"type": "fault", "backend": "edgetpu", "reason": "unplugged"}]
    assert record["stages"]["infer"]["p50_ms"] == pytest.approx(3.0, rel=0.01)
    text = statistics_text(statistics())
    for words in ("6 in, 2 answered, 2 dropped, 1 skipped", "unplugged", "disk full", "cpu 2"):
        assert words in text


def test_what_a_camera_lived_through_is_in_record_and_text():
    tally = Tally()
    tally.add(scene(0))
    tally.add_age(12.0)
    camera = CameraStatistics({"closed": 2, "broken": 1}, 3, 5, stale=7, broken=40, left_behind=0)
    found = tally.statistics(0, 0, 1.0, (), {"drive": camera})
    record = json.loads(json.dumps(statistics_record(found)))
    assert record["age"]["p99_ms"] == pytest.approx(12.0, rel=0.01)
    assert record["cameras"]["drive"]["faults"] == {"closed": 2, "broken": 1}
    text = statistics_text(found)
    assert (
        "drive: faults: closed 2, broken 1; recovered 3, reopened 5, broken pictures 40, stale 7"
    ) in text
    assert "left behind" not in text
    assert [line.split()[0] for line in text.splitlines()].count("age") == 1
