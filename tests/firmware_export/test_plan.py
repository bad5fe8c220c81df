"""The planner's places never share bytes while both are alive; the checker sees it if they do."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_export.ops.walk import Axis, walk
from firmware_export.placement import plan
from firmware_export.plan import Lifetime, Overlap, Place, Plan, live_bound_bytes, overlaps


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
    assert made.arena_bytes >= live_bound_bytes(lives)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_a_chain_reaches_the_live_tensor_bound(sizes: list[int]) -> None:
    lives = [
        Lifetime("tensor", n, size, n - 1 if n else 0, n, align_bytes=1)
        for n, size in enumerate(sizes)
    ]
    assert plan(lives).arena_bytes == live_bound_bytes(lives)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Axis, Axis, int, int]:
    def axis() -> Axis:
        side, window = draw(st.integers(1, 6)), draw(st.integers(1, 4))
        stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        pad = draw(st.integers(0, 3))
        return Axis(side, draw(st.integers(1, 6)), window, stride, pad, dilation)

    return axis(), axis(), draw(st.integers(1, 3)), draw(st.integers(1, 3))


@given(windows())
def test_a_lead_or_lag_is_the_least_that_overwrites_nothing_still_needed(
    case: tuple[Axis, Axis, int, int],
) -> None:
    """Against a simulation that writes each output pixel and then looks for what is lost."""
    rows, columns, depth, width = case
    path = walk(rows, columns, depth, width)
    pixels = [read_bytes(rows, columns, depth, n) for n in range(rows.side_out * columns.side_out)]
    count = len(pixels)

    def ahead_is_safe(lead: int) -> bool:
        later = (set().union(*pixels[n + 1 :]) for n in range(count))
        return all(
            not {b - lead for b in range((n + 1) * width)} & needed
            for n, needed in enumerate(later)
        )

    def behind_is_safe(lag: int) -> bool:
        earlier = (set().union(*pixels[: n + 1]) for n in range(count))
        return all(
            not {b + lag for b in range(n * width, count * width)} & needed
            for n, needed in enumerate(earlier)
        )

    lead, lag = path.lead_after_reading(), path.lag()
    assert ahead_is_safe(lead)
    assert lead == 0 or not ahead_is_safe(lead - 1)
    assert behind_is_safe(lag)
    assert lag == 0 or not behind_is_safe(lag - 1)


def read_bytes(rows: Axis, columns: Axis, depth: int, pixel: int) -> set[int]:
    y, x = divmod(pixel, columns.side_out)

    def under(axis: Axis, at: int) -> list[int]:
        taps = (at * axis.stride - axis.pad + tap * axis.dilation for tap in range(axis.window))
        return [tap for tap in taps if 0 <= tap < axis.side_in]

    return {
        (row * columns.side_in + column) * depth + byte
        for row in under(rows, y)
        for column in under(columns, x)
        for byte in range(depth)
    }


def test_the_checker_names_a_shared_byte() -> None:
    a, b = Lifetime("tensor", 0, 10, 0, 1, 1), Lifetime("tensor", 1, 10, 1, 2, 1)
    wrong = Plan((Place(a, 0), Place(b, 9)), 19)
    assert overlaps(wrong) == ["tensor 0 and tensor 1 share bytes"]


def test_an_operator_may_allow_its_output_to_overlap_the_input_that_dies() -> None:
    a, b = Lifetime("tensor", 0, 10, 0, 1, 1), Lifetime("tensor", 1, 10, 1, 2, 1)
    shared_bytes = Plan((Place(a, 4), Place(b, 0)), 14)
    assert overlaps(shared_bytes, [Overlap(1, into=0, out=1, lead_bytes=4)]) == []
    assert overlaps(shared_bytes, [Overlap(1, into=0, out=1, lead_bytes=5)]) != []


def test_an_operator_that_walks_backwards_lets_its_output_start_behind_the_input() -> None:
    a, b = Lifetime("tensor", 0, 10, 0, 1, 1), Lifetime("tensor", 1, 10, 1, 2, 1)
    behind = Plan((Place(a, 0), Place(b, 4)), 14)
    assert overlaps(behind, [Overlap(1, into=0, out=1, lead_bytes=9, lag_bytes=4)]) == []
    assert overlaps(behind, [Overlap(1, into=0, out=1, lead_bytes=9, lag_bytes=5)]) != []
    rules = [Overlap(1, into=0, out=1, lead_bytes=9, lag_bytes=4)]
    assert plan([a, b], rules).arena_bytes == live_bound_bytes([a, b], rules) == 14


def test_the_checker_names_what_is_not_aligned() -> None:
    life = Lifetime("scratch", 3, 10, 0, 1)
    assert overlaps(Plan((Place(life, 2),), 12)) == ["scratch 3 is not aligned"]


def test_the_checker_names_what_leaves_the_arena() -> None:
    life = Lifetime("scratch", 3, 10, 0, 1)
    assert overlaps(Plan((Place(life, 0),), 9)) == ["scratch 3 leaves the arena"]
