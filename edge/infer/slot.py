"""How one choice of the engine stands: open, failed and waiting to be tried again, or given up."""

import itertools
import logging
from collections import deque
from collections.abc import Sequence

import numpy as np

from edge.backoff import Backoff
from edge.errors import BadDataError, EdgeError
from edge.infer.backend import Array, Backend, Choice, FinalFault, Stager
from edge.infer.runtime import one_line
from edge.records import dataclass
from edge.scene import Change

log = logging.getLogger(__name__)

RECENT = 10_000  # answers that percentiles are taken over: a bound for a process of months
MEDIAN_OVER = 100  # answers that the deadline follows


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long an answer may take.

    `usual_ms`, or `times` the median where that is longer; `first_ms` for the first answer after
    opening, and where no other choice could take the frame: late is then better than never.
    """

    usual_ms: float = 250.0
    times: float = 20.0
    first_ms: float = 10_000.0


@dataclass(frozen=True, slots=True)
class BackendStatistics:
    """What one backend has done; percentiles of `infer_ms` over its last 10,000 answers."""

    name: str
    description: str
    answered: int
    faults: int
    recoveries: int
    fault: str
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Slot:
    """The state of one choice; every method but `stage` is called with the engine's lock held.

    `busy`: an opening, a closing or an abandoned call is still under way, so leave it alone.
    `fault` says why it does not answer; it is empty again once it has answered. `final`: nothing
    that time could mend, so it is not opened again; `bad_model`: that is because of the model.
    """

    def __init__(self, choice: Choice, backoff: Backoff) -> None:
        """Begin with nothing open: the engine opens it next."""
        self.choice, self.backoff = choice, backoff
        self.backend: Backend | None = None
        self.fault = self.description = ""
        self.final = self.bad_model = self.proven = False
        self.busy = True
        self.answered = self.faults = self.recoveries = 0
        self._stager: Stager | None = None
        self._retry_at = self._opened_at = self._pause_s = 0.0
        self._attempt = 0
        self._recent_ms: deque[float] = deque(maxlen=RECENT)

    @property
    def name(self) -> str:
        """Return the name of the choice."""
        return self.choice.name

    def open(self, backend: Backend, now: float) -> None:
        """Take a backend that has just been opened."""
        self.backend, self.description = backend, backend.description
        self.busy, self.proven, self._opened_at = False, False, now
        self._stager = backend if isinstance(backend, Stager) else None
        log.debug("%s is open: %s", self.name, self.description)

    def stage(self, inputs: Sequence[Array]) -> None:
        """Let the backend take in a frame that it is likely to be asked for."""
        stager = self._stager
        if stager is not None:
            stager.stage(inputs)

    def fail(self, error: BaseException, now: float) -> list[Change]:
        """Give the backend up until its pause is over; a Change unless it was down before."""
        was_up = not self.fault
        reason = "; ".join(error.faults) if isinstance(error, EdgeError) else one_line(error)
        # one that works for a moment only must not be tried ever faster
        if self.proven and now - self._opened_at > self._pause_s:
            self._attempt = 0
        self.backend, self.proven, self.fault = None, False, reason
        self._stager = None
        self.bad_model = isinstance(error, BadDataError)
        self.final = self.bad_model or isinstance(error, FinalFault)
        self._pause_s = self.backoff.pause_s(self._attempt)
        self._retry_at, self._attempt = now + self._pause_s, self._attempt + 1
        again = "not tried again" if self.final else f"tried again in {self._pause_s:.1f} s"
        log.log(
            logging.WARNING if was_up or self.final else logging.DEBUG,
            "%s failed: %s; %s", self.name, reason, again,
        )  # fmt: skip
        self.faults += was_up
        return [Change("fault", self.name, reason)] if was_up else []

    def answer(self, infer_ms: float) -> list[Change]:
        """Count an answer; the first one after a fault is a Change."""
        self.proven = True
        self.answered += 1
        self._recent_ms.append(infer_ms)
        if not self.fault:
            return []
        change = Change("recovered", self.name, f"answers again after: {self.fault}")
        log.warning("%s answers again after: %s", self.name, self.fault)
        self.fault = ""
        self.recoveries += 1
        return [change]

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to open it again."""
        down = self.backend is None and not self.busy and not self.final
        return down and now >= self._retry_at

    def limit_s(self, deadline: Deadline, alone: bool) -> float:
        """Return how long the answer under way may take."""
        if alone or not self.proven:
            return max(deadline.first_ms, self._usual_ms(deadline)) / 1e3
        return self._usual_ms(deadline) / 1e3

    def statistics(self) -> BackendStatistics:
        """Return what it has done until now."""
        marks: list[float | None] = [None, None, None]
        if self._recent_ms:
            marks = [float(v) for v in np.percentile(self._recent_ms, (50, 95, 99))]
        return BackendStatistics(
            self.name, self.description, self.answered, self.faults, self.recoveries,
            self.fault, *marks,
        )  # fmt: skip

    def _usual_ms(self, deadline: Deadline) -> float:
        if not self._recent_ms:
            return deadline.usual_ms
        latest = list(itertools.islice(reversed(self._recent_ms), MEDIAN_OVER))
        return max(deadline.usual_ms, deadline.times * float(np.median(latest)))
