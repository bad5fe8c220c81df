"""What went wrong with a source and came right again: for events, the log and the statistics."""

import logging
from collections import Counter, deque
from datetime import datetime
from typing import Literal

from edge.camera.clock import Clock
from edge.records import dataclass

log = logging.getLogger(__name__)

KEPT = 1000  # changes that wait for somebody to ask
SOFT = ("broken", "size")  # pass by themselves, once nothing of the kind has come for a while


@dataclass(frozen=True, slots=True)
class SourceChange:
    """A source failed or came back. `kind` is one of KINDS, `reason` says more, for people."""

    type: Literal["fault", "recovered"]
    camera: str
    kind: str
    reason: str
    time_utc: datetime


class Ledger:
    """The faults of one source: each is told and logged once until it is over.

    `counts` holds how often each kind began, `recovered` how many are over.
    """

    def __init__(self, camera: str, description: str, clock: Clock) -> None:
        """Start with nothing wrong."""
        self.counts: Counter[str] = Counter()
        self.recovered = 0
        self._camera, self._description, self._clock = camera, description, clock
        self._active: dict[str, tuple[int, int]] = {}  # kind: when it began, when it last showed
        self._changes: deque[SourceChange] = deque(maxlen=KEPT)

    def fault(self, kind: str, reason: str) -> None:
        """Take note of a fault; one that is known already is no news."""
        now_ns = self._clock.monotonic_ns()
        if kind in self._active:
            self._active[kind] = (self._active[kind][0], now_ns)
            log.debug("%s: %s: %s", self._description, kind, reason)
            return
        self._active[kind] = (now_ns, now_ns)
        self.counts[kind] += 1
        self._tell("fault", kind, reason)
        log.warning("%s: %s: %s", self._description, kind, reason)

    def good(self, settle_ms: float) -> None:
        """Take note of a good picture: what was wrong is over, a passing fault after a while."""
        now_ns = self._clock.monotonic_ns()
        for kind, (began_ns, last_ns) in tuple(self._active.items()):
            if kind not in SOFT or now_ns - last_ns >= settle_ms * 1e6:
                del self._active[kind]
                self.recovered += 1
                reason = f"after {(now_ns - began_ns) / 1e9:.1f} s"
                self._tell("recovered", kind, reason)
                log.info("%s: recovered from: %s, %s", self._description, kind, reason)

    @property
    def hard(self) -> bool:
        """Return whether no new picture comes at present."""
        return any(kind not in SOFT for kind in self._active)

    def take(self) -> list[SourceChange]:
        """Return the changes since the last call, oldest first."""
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def _tell(self, what: Literal["fault", "recovered"], kind: str, reason: str) -> None:
        change = SourceChange(what, self._camera, kind, reason, self._clock.utc())
        self._changes.append(change)
