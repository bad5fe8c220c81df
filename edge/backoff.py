"""How long to wait before something that failed is tried again."""

from collections.abc import Callable

from edge.records import dataclass


def chance() -> float:
    """Return a random number, 0..1."""
    import random  # only a failure needs it

    return random.random()  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before what failed is opened again: doubled each time, shortened by chance.

    `jitter` returns 0..1; the pause is between half and the whole of its step.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    jitter: Callable[[], float] = chance

    def pause_s(self, attempt: int) -> float:
        """Return the seconds to wait before attempt 0, 1, ..."""
        step = min(self.most_s, self.first_s * 2.0 ** min(attempt, 30))
        return step * (0.5 + 0.5 * self.jitter())
