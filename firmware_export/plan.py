"""Where each tensor lies in the arena: lifetimes, placement, and a checker apart from the maker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALIGN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Bytes that are needed from step `first` to step `last`, both included."""

    kind: Literal["tensor", "scratch"]
    number: int  # of the tensor, or of the step that needs the scratch
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """At `step` the tensor `out` may start `lead_bytes` or more before `into`, which dies there."""

    step: int
    into: int
    out: int
    lead_bytes: int


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


def plan(lives: Sequence[Lifetime], allowed: Sequence[Overlap] = ()) -> Plan:
    """Place every lifetime; the best of three greedy orders (by size, by time, by both)."""
    orders = (
        lambda life: (-life.size_bytes, life.first),
        lambda life: (life.first, -life.size_bytes),
        lambda life: (-life.size_bytes * (life.last - life.first + 1), life.first),
    )
    plans = (_greedy(sorted(lives, key=order), allowed) for order in orders)
    return min(plans, key=lambda p: p.arena_bytes)


def overlaps(made: Plan, allowed: Sequence[Overlap] = ()) -> list[str]:
    """Return a line for each pair that shares bytes while both are alive; [] proves the plan."""
    faults = []
    for i, a in enumerate(made.places):
        if a.offset_bytes < 0 or a.end_bytes > made.arena_bytes:
            faults.append(f"{a.life.kind} {a.life.number} leaves the arena")
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
                dies = into.life.last == rule.step == out.life.first
                return dies and into.offset_bytes - out.offset_bytes >= rule.lead_bytes
    return False


def _greedy(lives: Sequence[Lifetime], allowed: Sequence[Overlap]) -> Plan:
    """Put each lifetime as low as those that are alive with it let it."""
    places: list[Place] = []
    for life in lives:
        rivals = [p for p in places if _alive_together(p.life, life)]
        starts = {0, *(_up(p.end_bytes) for p in rivals)}
        # in place, or as close before it as the operator lets its output come
        starts |= {_up(p.offset_bytes + lead) for p in rivals for lead in _leads(allowed)}
        starts |= {p.offset_bytes - _up(lead) for p in rivals for lead in _leads(allowed)}
        tries = (Place(life, start) for start in sorted(s for s in starts if s >= 0))
        places.append(next(p for p in tries if all(_apart(p, rival, allowed) for rival in rivals)))
    return Plan(tuple(places), max((p.end_bytes for p in places), default=0))


def _leads(allowed: Sequence[Overlap]) -> set[int]:
    return {rule.lead_bytes for rule in allowed}


def _alive_together(a: Lifetime, b: Lifetime) -> bool:
    return a.first <= b.last and b.first <= a.last


def _apart(a: Place, b: Place, allowed: Sequence[Overlap]) -> bool:
    share = a.offset_bytes < b.end_bytes and b.offset_bytes < a.end_bytes
    return not share or _is_allowed(a, b, allowed)


def _up(offset_bytes: int) -> int:
    return -(-offset_bytes // ALIGN_BYTES) * ALIGN_BYTES
