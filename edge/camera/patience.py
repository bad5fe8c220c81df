"""How long a live source is waited for, and how it may fail."""

from dataclasses import field

from edge.backoff import Backoff
from edge.records import dataclass

# How a live source fails -> what that means; the kinds of `SourceChange`.
KINDS = {
    "stalled": "no picture for read_ms, although the source is open",
    "closed": "the source gives nothing at once, again and again: unplugged, or the server ended",
    "hung": "a call into the driver or decoder has not returned for hung_ms",
    "frozen": "every picture since frozen_ms is bytewise the same",
    "broken": "a picture is cut short or cannot be decoded",
    "size": "the pictures have another size than before",
    "failed": "the driver or decoder raised an error",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in milliseconds.

    `open_ms`, `read_ms`: given to OpenCV, which would else wait 30 s for a silent server; after
    `read_ms` without a picture a source counts as stalled. `closed_ms`: only empty answers for so
    long are the end of a connection. `hung_ms`: a call that takes longer is left behind; a blocked
    V4L2 read comes back after 10 s. `frozen_ms`: real pictures differ sooner, by noise alone.
    `settle_ms`: so long all must be well before a passing fault counts as over.
    `drain_ms`: so long pictures that arrive in a burst are taken for old ones.
    """

    open_ms: int = 3000
    read_ms: int = 3000
    closed_ms: int = 500
    hung_ms: int = 12_000
    frozen_ms: int = 10_000
    settle_ms: int = 3000
    drain_ms: int = 2000
    backoff: Backoff = field(default_factory=lambda: Backoff(0.5, 30.0))
