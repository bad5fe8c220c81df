from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.track.assignment import assign


def best_total(profits: np.ndarray) -> float:
    """Try every pairing of the shorter side with the longer one."""
    p = profits if profits.shape[0] <= profits.shape[1] else profits.T
    worth = np.maximum(p, 0.0)
    rows = range(len(p))
    return max(sum(worth[rows, choice]) for choice in permutations(range(p.shape[1]), len(p)))


@st.composite
def tables(draw):
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    # few different values, so that ties are common
    value = st.one_of(st.sampled_from([-1.0, 0.0, 0.25, 0.5]), st.floats(-1, 1))
    return np.array(
        draw(st.lists(value, min_size=rows * columns, max_size=rows * columns))
    ).reshape(rows, columns)


@settings(deadline=None)
@given(tables())
def test_pairs_are_worth_the_most_that_any_pairing_is(profits):
    pairs = assign(profits)
    rows, columns = [r for r, _ in pairs], [c for _, c in pairs]
    assert rows == sorted(set(rows))
    assert len(set(columns)) == len(columns)
    assert all(profits[pair] > 0 for pair in pairs)
    assert sum(profits[pair] for pair in pairs) == pytest.approx(best_total(profits))


def test_one_strong_pair_beats_two_weak_ones():
    assert assign(np.array([[0.6, 0.1], [0.1, 0.0]])) == [(0, 0)]


def test_best_neighbour_is_given_up_where_both_then_get_one():
    assert assign(np.array([[0.8, 0.79], [0.78, 0.0]])) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_gets_nobody(shape):
    assert assign(np.zeros(shape)) == []


def test_a_crowd_is_told_apart():
    rng = np.random.default_rng(3)
    order = rng.permutation(80)
    profits = rng.uniform(0.0, 0.5, (80, 80))
    profits[np.arange(80), order] = 0.6
    assert assign(profits) == list(enumerate(order.tolist()))
