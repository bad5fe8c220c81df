"""The loss by int8: paired by picture, and refused only where it is beyond doubt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import Interval, Score
from edge.errors import BadDataError, EdgeError
from edge.training.drop import Comparison, drop_interval, require_small_drop


def pairs(both: int, only_float: int, only_int8: int, none: int) -> Interval:
    before = [1] * (both + only_float) + [0] * (only_int8 + none)
    after = [1] * both + [0] * only_float + [1] * only_int8 + [0] * none
    return drop_interval(before, after)


def test_published_example_of_newcombe() -> None:
    """(36, 12, 2, 0): 0.0569 to 0.3404 by method 10 in Statistics in Medicine 17:2635, table II."""
    found = pairs(36, 12, 2, 0)
    assert found.value == pytest.approx(0.2)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0569, 0.3404)


def test_the_same_answers_lose_nothing() -> None:
    found = pairs(60, 0, 0, 40)
    assert found.value == 0
    assert found.low < 0 < found.high


def test_pairing_makes_the_interval_narrower_than_two_separate_ones() -> None:
    paired, unpaired = pairs(70, 5, 2, 23), pairs(54, 21, 18, 7)
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.high - paired.low < unpaired.high - unpaired.low


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda counts: sum(counts) > 0))
def test_value_lies_in_its_interval_and_swapping_turns_it_round(counts: tuple[int, ...]) -> None:
    both, first, second, none = counts
    found, swapped = pairs(both, first, second, none), pairs(both, second, first, none)
    assert -1 - 1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9
    assert found.low == pytest.approx(-swapped.high)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    chances, lost = (0.7, 0.1, 0.04, 0.16), 0.06
    held = 0
    for counts in rng.multinomial(80, chances, size=1000):
        found = pairs(*map(int, counts))
        held += found.low <= lost <= found.high
    assert 0.93 <= held / 1000 <= 0.99


def test_scores_by_picture_are_bootstrapped() -> None:
    rng = np.random.default_rng(6)
    before = rng.uniform(0.5, 1, 200)
    found = drop_interval(before.tolist(), (before - 0.1).tolist())
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1)


@pytest.mark.parametrize(("before", "after"), [([1, 0], [1]), ([], [])])
def test_unequal_or_no_pictures_are_refused(before: list[float], after: list[float]) -> None:
    with pytest.raises(BadDataError, match="both need the same"):
        drop_interval(before, after)


def comparison(low: float) -> Comparison:
    before, after = Interval(0.9, 0.85, 0.93, 200), Interval(0.82, 0.76, 0.87, 200)
    return Comparison(Score("top1", before, after), Interval(0.08, low, 0.12, 200))


def test_a_loss_within_doubt_passes() -> None:
    require_small_drop(comparison(0.03), 0.03)


def test_a_loss_beyond_doubt_is_exit_1_with_both_scores() -> None:
    with pytest.raises(EdgeError, match=r"int8 loses 0\.080") as caught:
        require_small_drop(comparison(0.031), 0.03)
    assert caught.value.exit_code == 1
    assert "float 0.900, int8 0.820" in caught.value.faults[0]
