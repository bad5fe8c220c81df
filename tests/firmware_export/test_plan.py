"""The planner's places never share bytes while both are alive; the checker sees it if they do."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_export.plan import Lifetime, Overlap, Place, Plan, overlaps, plan


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Lifetime]:
    count = draw(st.integers(1, 12))
    found = []
    for number in range(count):
        first = draw(st.integers(0, 8))
        last = draw(st.integers(first, 8))
        found.append(Lifetime("tensor", number, draw(st.integers(1, 500)), first, last))
    return found


@given(lifetimes())
def test_no_plan_shares_bytes_that_are_alive_together(lives: list[Lifetime]) -> None:
    made = plan(lives)
    assert overlaps(made) == []
    bound = max(
        sum(life.size_bytes for life in lives if life.first <= step <= life.last)
        for step in range(9)
    )
    assert made.arena_bytes >= bound


def test_the_checker_names_a_shared_byte() -> None:
    a, b = Lifetime("tensor", 0, 10, 0, 1), Lifetime("tensor", 1, 10, 1, 2)
    wrong = Plan((Place(a, 0), Place(b, 9)), 19)
    assert overlaps(wrong) == ["tensor 0 and tensor 1 share bytes"]


def test_an_operator_may_allow_its_output_to_overlap_the_input_that_dies() -> None:
    a, b = Lifetime("tensor", 0, 10, 0, 1), Lifetime("tensor", 1, 10, 1, 2)
    shared_bytes = Plan((Place(a, 4), Place(b, 0)), 14)
    assert overlaps(shared_bytes, [Overlap(1, into=0, out=1, lead_bytes=4)]) == []
    assert overlaps(shared_bytes, [Overlap(1, into=0, out=1, lead_bytes=5)]) != []


def test_the_checker_names_what_leaves_the_arena() -> None:
    life = Lifetime("scratch", 3, 10, 0, 1)
    assert overlaps(Plan((Place(life, 0),), 9)) == ["scratch 3 leaves the arena"]
