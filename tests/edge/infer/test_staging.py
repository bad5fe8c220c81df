"""Frames staged ahead are the very ones that are answered, whatever comes in between."""

import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import BadDataError
from edge.infer.staging import BUFFERS, STALE, Staging


def enter(value: NDArray[Any]) -> NDArray[Any]:
    """Refuse what is not 4 bytes, and note that it ran by adding one."""
    if value.shape != (4,):
        raise BadDataError(f"shape {value.shape}")
    return value + 1


class Bench:
    def __init__(self) -> None:
        self.memory = [bytearray(4) for _ in range(BUFFERS)]
        self.staging = Staging([enter], [[memoryview(place)] for place in self.memory])

    def content(self, number: int) -> list[int]:
        return list(self.memory[number])


def frame(value: int) -> tuple[NDArray[np.uint8]]:
    return (np.full(4, value, np.uint8),)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_staged_frame_is_found_filled(bench: Bench) -> None:
    staged = frame(7)
    bench.staging.stage(staged)
    assert sorted(map(tuple, bench.memory)) == [(0,) * 4, (0,) * 4, (8,) * 4]
    assert bench.content(bench.staging.take(staged)) == [8] * 4


def test_a_frame_that_was_not_staged_is_filled_when_taken(bench: Bench) -> None:
    assert bench.content(bench.staging.take(frame(3))) == [4] * 4


def test_an_equal_frame_is_not_the_staged_one(bench: Bench) -> None:
    staged = frame(7)
    bench.staging.stage(staged)
    other = bench.staging.take(frame(7))
    assert bench.staging.take(staged) != other


def test_what_is_being_answered_is_not_overwritten(bench: Bench) -> None:
    first = bench.staging.take(frame(1))
    for value in range(10, 20):
        bench.staging.stage(frame(value))
    assert bench.content(first) == [2] * 4


def test_more_frames_than_buffers_are_all_answered(bench: Bench) -> None:
    frames = [frame(value) for value in range(12)]
    for each in frames:
        bench.staging.stage(each)
    for value, each in enumerate(frames):
        number = bench.staging.take(each)
        assert bench.content(number) == [value + 1] * 4
        bench.staging.free(number)


def test_frames_that_another_backend_had_do_not_hold_buffers_for_ever(bench: Bench) -> None:
    lost = [frame(value) for value in range(5)]
    for each in lost:
        bench.staging.stage(each)
    for value in range(STALE + 2):
        bench.staging.free(bench.staging.take(frame(value)))
    staged = frame(9)
    bench.staging.stage(staged)
    assert any(bench.content(number) == [10] * 4 for number in range(BUFFERS))


def test_a_frame_that_does_not_fit_is_refused_only_when_it_is_taken(bench: Bench) -> None:
    wrong = (np.zeros(5, np.uint8),)
    for _ in range(2 * BUFFERS):
        bench.staging.stage(wrong)
        with pytest.raises(BadDataError, match="shape"):
            bench.staging.take(wrong)
    assert bench.content(bench.staging.take(frame(1))) == [2] * 4


def test_threads_that_stage_at_once_mix_nothing_up(bench: Bench) -> None:
    frames = [frame(value) for value in range(200)]
    threads = [
        threading.Thread(target=lambda part=part: [bench.staging.stage(f) for f in frames[part::4]])
        for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for value, each in enumerate(frames):
        number = bench.staging.take(each)
        assert bench.content(number) == [value + 1] * 4
        bench.staging.free(number)
    for thread in threads:
        thread.join(20.0)
