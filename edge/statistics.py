"""How a run went: frames, milliseconds in each stage, who answered, what changed."""

import math
from collections import Counter
from dataclasses import asdict, field
from typing import Any

from edge.records import dataclass
from edge.scene import Change, Scene

STAGES = ("read", "prepare", "infer", "decode")
RESOLUTION = 1.01  # widths of the bins grow by this factor: percentiles are right to 1 %
LEAST_MS = 1e-3


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds that half, 95 % and 99 % of the frames stayed below."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class CameraStatistics:
    """What a live source lived through. `faults` counts how often each kind began.

    `reopened` openings were tried; `stale` pictures came too late to be the present, `broken` ones
    were cut short; `left_behind` calls into a driver have not returned yet.
    """

    faults: dict[str, int]
    recovered: int
    reopened: int
    stale: int
    broken: int
    left_behind: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """A run at its end. `dropped` were replaced by newer frames, `skipped` could not be read.

    `age` is from the arrival of a frame to its answer, and `cameras` by name: live sources only.
    """

    frames_in: int
    answered: int
    dropped: int
    skipped: int
    seconds: float
    stages: dict[str, Percentiles]
    backends: dict[str, int]
    changes: tuple[Change, ...]
    sink_faults: tuple[str, ...]
    age: Percentiles | None = None
    cameras: dict[str, CameraStatistics] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Return the frames answered in a second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0


class Histogram:
    """Percentiles of any number of durations in little memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._bins: Counter[int] = Counter()

    def add(self, duration_ms: float) -> None:
        """Take one duration, 0 or more; under a microsecond counts as one."""
        ratio = max(duration_ms, LEAST_MS) / LEAST_MS
        self._bins[round(math.log(ratio) / math.log(RESOLUTION))] += 1

    def __len__(self) -> int:
        """Return how many durations were taken."""
        return self._bins.total()

    def percentile(self, share: float) -> float:
        """Return the duration that `share` (0..1) of all did not exceed; 0.0 when empty."""
        wanted = math.ceil(share * self._bins.total())
        seen = 0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= wanted:
                return float(LEAST_MS * RESOLUTION**place)
        return 0.0

    def percentiles(self) -> Percentiles:
        """Return the three that people ask for."""
        return Percentiles(*(self.percentile(share) for share in (0.50, 0.95, 0.99)))


class Tally:
    """Counts scenes while a run goes on."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.frames_in = 0
        self.answered = 0
        self._age = Histogram()
        self._stages = {name: Histogram() for name in STAGES}
        self._backends: Counter[str] = Counter()
        self._changes: list[Change] = []

    def add(self, scene: Scene) -> None:
        """Take one answered frame."""
        self.answered += 1
        self._backends[scene.backend] += 1
        self._changes.extend(scene.changes)
        for name in STAGES:
            self._stages[name].add(getattr(scene.timings, f"{name}_ms"))

    def add_age(self, age_ms: float) -> None:
        """Take how old a live frame was when its answer came."""
        self._age.add(age_ms)

    def statistics(
        self,
        dropped: int,
        skipped: int,
        seconds: float,
        sink_faults: tuple[str, ...],
        cameras: dict[str, CameraStatistics] | None = None,
    ) -> Statistics:
        """Return the sum; the source says what it dropped and skipped."""
        return Statistics(
            frames_in=self.frames_in + dropped + skipped,
            answered=self.answered,
            dropped=dropped,
            skipped=skipped,
            seconds=seconds,
            stages={name: histogram.percentiles() for name, histogram in self._stages.items()},
            backends=dict(self._backends),
            changes=tuple(self._changes),
            sink_faults=sink_faults,
            age=self._age.percentiles() if len(self._age) else None,
            cameras=cameras or {},
        )


def statistics_record(statistics: Statistics) -> dict[str, Any]:
    """Return the JSON object that `edge --json run` prints."""
    return {
        "frames_in": statistics.frames_in,
        "answered": statistics.answered,
        "dropped": statistics.dropped,
        "skipped": statistics.skipped,
        "seconds": round(statistics.seconds, 3),
        "fps": round(statistics.fps, 2),
        "stages": {name: _percentiles(p) for name, p in statistics.stages.items()},
        "age": None if statistics.age is None else _percentiles(statistics.age),
        "backends": statistics.backends,
        "changes": [
            {"type": c.type, "backend": c.backend, "reason": c.reason} for c in statistics.changes
        ],
        "cameras": {name: asdict(camera) for name, camera in statistics.cameras.items()},
        "sink_faults": list(statistics.sink_faults),
    }


def statistics_text(statistics: Statistics) -> str:
    """Return the same for people, some lines."""
    s = statistics
    lines = [
        f"frames: {s.frames_in} in, {s.answered} answered, {s.dropped} dropped, "
        f"{s.skipped} skipped; {s.seconds:.1f} s, {s.fps:.1f} a second"
    ]
    if s.answered:
        lines.append("stage          p50       p95       p99  ms")
        rows = s.stages if s.age is None else s.stages | {"age": s.age}
        lines += [
            f"  {name:<8}{p.p50_ms:>9.2f} {p.p95_ms:>9.2f} {p.p99_ms:>9.2f}"
            for name, p in rows.items()
        ]
        by = ", ".join(f"{name} {count}" for name, count in s.backends.items())
        lines.append(f"answered by: {by}")
    lines += [f"{c.type}: {c.backend}: {c.reason}" for c in s.changes]
    lines += [camera_text(name, camera) for name, camera in s.cameras.items() if camera.faults]
    lines += [f"not written: {fault}" for fault in s.sink_faults]
    return "\n".join(lines)


def camera_text(name: str, camera: CameraStatistics) -> str:
    """Return a line on what a live source lived through."""
    faults = ", ".join(f"{kind} {count}" for kind, count in camera.faults.items())
    text = f"{name}: faults: {faults}; recovered {camera.recovered}, reopened {camera.reopened}"
    counts = {"broken pictures": camera.broken, "stale": camera.stale}
    counts["calls left behind"] = camera.left_behind
    return text + "".join(f", {what} {count}" for what, count in counts.items() if count)


def _percentiles(p: Percentiles) -> dict[str, float]:
    return {name: _short(ms) for name, ms in asdict(p).items()}


def _short(duration_ms: float) -> float:
    return round(duration_ms, 3)
