"""What a plan of the arena is: lifetimes, places, allowed overlaps, and a checker of plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALIGN_BYTES = 16  # of the arena itself
# Of what lies in it: a word, so that kernels may load four int8 at once on every core.
WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Bytes that are needed from step `first` to step `last`, both included."""

    kind: Literal["tensor", "scratch"]
    number: int  # of the tensor, or of the step that needs the scratch
    size_bytes: int
    first: int
    last: int
    align_bytes: int = WORD_BYTES


@dataclass(frozen=True, slots=True)
class Overlap:
    """At `step` the tensor `out` may share bytes with `into`, which dies there.

    Either `out` starts `lead_bytes` or more before `into`, or, for an operator that can walk
    backwards, `lag_bytes` or more behind it. `exact`: both start at the same byte, or share none.
    """

    step: int
    into: int
    out: int
    lead_bytes: int
    lag_bytes: int | None = None
    exact: bool = False

    def span_bytes(self, into_bytes: int, out_bytes: int) -> int:
        """Return the fewest bytes that hold both tensors."""
        spans = [into_bytes + out_bytes, max(out_bytes, self.lead_bytes + into_bytes)]
        if self.lag_bytes is not None:
            spans.append(max(into_bytes, self.lag_bytes + out_bytes))
        return min(spans)


@dataclass(frozen=True, slots=True)
class Place:
    """A lifetime and where it starts in the arena."""

    life: Lifetime
    offset_bytes: int

    @property
    def end_bytes(self) -> int:
        """Return the first byte behind it."""
        return self.offset_bytes + self.life.size_bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """All places; `arena_bytes` holds them all."""

    places: tuple[Place, ...]
    arena_bytes: int

    def offset(self, kind: Literal["tensor", "scratch"], number: int) -> int:
        """Return where a tensor, or the scratch of a step, starts."""
        return next(
            p.offset_bytes for p in self.places if (p.life.kind, p.life.number) == (kind, number)
        )


def live_bound_bytes(lives: Sequence[Lifetime], allowed: Sequence[Overlap] = ()) -> int:
    """Return the largest sum of what is alive at one step, pairs that may overlap as one piece.

    No plan can be smaller; it tells how far a plan is from the best.
    """
    by_number = {life.number: life for life in lives if life.kind == "tensor"}
    steps = range(max((life.last for life in lives), default=0) + 1)
    live = {s: sum(v.size_bytes for v in lives if v.first <= s <= v.last) for s in steps}
    saved = dict.fromkeys(steps, 0)
    for rule in allowed:
        into, out = by_number[rule.into], by_number[rule.out]
        if dies(into, out, rule):
            a, b = into.size_bytes, out.size_bytes
            saved[rule.step] = max(saved[rule.step], a + b - rule.span_bytes(a, b))
    return max((live[s] - saved[s] for s in steps), default=0)


def dies(into: Lifetime, out: Lifetime, rule: Overlap) -> bool:
    """Return whether an input is needed for the last time where the output is first written."""
    return into.last == rule.step == out.first


def overlaps(made: Plan, allowed: Sequence[Overlap] = ()) -> list[str]:
    """Return a line for each pair that shares bytes while both are alive; [] proves the plan."""
    faults = []
    for i, a in enumerate(made.places):
        if a.offset_bytes < 0 or a.end_bytes > made.arena_bytes:
            faults.append(f"{a.life.kind} {a.life.number} leaves the arena")
        if a.offset_bytes % a.life.align_bytes:
            faults.append(f"{a.life.kind} {a.life.number} is not aligned")
        for b in made.places[i + 1 :]:
            same_time = a.life.first <= b.life.last and b.life.first <= a.life.last
            same_bytes = a.offset_bytes < b.end_bytes and b.offset_bytes < a.end_bytes
            if same_time and same_bytes and not _is_allowed(a, b, allowed):
                faults.append(
                    f"{a.life.kind} {a.life.number} and {b.life.kind} {b.life.number} share bytes"
                )
    return faults


def _is_allowed(a: Place, b: Place, allowed: Sequence[Overlap]) -> bool:
    if {a.life.kind, b.life.kind} != {"tensor"}:
        return False
    for rule in allowed:
        for into, out in ((a, b), (b, a)):
            if (rule.into, rule.out) == (into.life.number, out.life.number):
                ahead = into.offset_bytes - out.offset_bytes
                behind = rule.lag_bytes is not None and -ahead >= rule.lag_bytes
                close = ahead == 0 if rule.exact else ahead >= rule.lead_bytes or behind
                return dies(into.life, out.life, rule) and close
    return False
