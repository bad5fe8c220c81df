"""The planner: greedy placement in many orders, until the live-tensor bound is reached.

After "Efficient Memory Management for Deep Neural Net Inference" (Pisarchyk and Lee, 2020),
with candidates added where an operator lets its output overlap the input that dies.
"""

import random
from collections.abc import Iterator, Mapping, Sequence

from firmware_export.plan import Lifetime, Overlap, Place, Plan, dies, live_bound_bytes

# Greedy runs, fewer for many tensors: all together take some seconds at most.
LEAST_TRIES, MOST_TRIES, TRIES_BY_PAIRS = 8, 300, 400_000
Rules = Mapping[tuple[int, int], Overlap]


def plan(lives: Sequence[Lifetime], allowed: Sequence[Overlap] = ()) -> Plan:
    """Place every lifetime; the smallest arena that the tried orders give."""
    by_number = {life.number: life for life in lives if life.kind == "tensor"}
    rules = {
        (rule.into, rule.out): rule
        for rule in allowed
        if dies(by_number[rule.into], by_number[rule.out], rule)
    }
    bound = live_bound_bytes(lives, allowed)
    best: Plan | None = None
    for order in _orders(lives):
        found = _greedy(order, rules, None if best is None else best.arena_bytes)
        if found is not None and (best is None or found.arena_bytes < best.arena_bytes):
            best = found
        if best is not None and best.arena_bytes <= bound:
            break
    return best or Plan((), 0)


def _orders(lives: Sequence[Lifetime]) -> Iterator[list[Lifetime]]:
    """Yield orders to place in: by size, by time from both ends, by both; then shuffled a little.

    Seeded by nothing but the problem: the same model gives the same plan.
    """
    keys = (
        lambda life: (-life.size_bytes, life.first),
        lambda life: (life.first, -life.size_bytes),
        lambda life: (-life.last, -life.size_bytes),
        lambda life: (-life.size_bytes * (life.last - life.first + 1), life.first),
    )
    bases = [sorted(lives, key=key) for key in keys]
    yield from bases
    rng = random.Random(1)  # noqa: S311 - no secret
    tries = TRIES_BY_PAIRS // max(len(lives) ** 2, 1)
    for turn in range(min(max(tries, LEAST_TRIES), MOST_TRIES)):
        order = list(bases[turn % len(bases)])
        for _ in range(1 + turn % 7):
            order.insert(rng.randrange(len(order)), order.pop(rng.randrange(len(order))))
        yield order


def _greedy(order: Sequence[Lifetime], rules: Rules, limit: int | None) -> Plan | None:
    """Put each lifetime as low as those alive with it let it; None where it reaches `limit`."""
    places: list[Place] = []
    for life in order:
        rivals = [p for p in places if p.life.first <= life.last and life.first <= p.life.last]
        gaps = [gap for p in rivals for gap in _forbidden(p, life, rules)]
        # free starts begin at 0 or behind a stretch of forbidden ones
        starts = sorted({0, *(_up(end, life.align_bytes) for _, end in gaps if end > 0)})
        start = next(s for s in starts if not any(low < s < high for low, high in gaps))
        if limit is not None and start + life.size_bytes >= limit:
            return None
        places.append(Place(life, start))
    return Plan(tuple(places), max((p.end_bytes for p in places), default=0))


def _forbidden(placed: Place, life: Lifetime, rules: Rules) -> list[tuple[int, int]]:
    """Return each (low, high) strictly between which `life` may not start because of `placed`."""
    low, high = placed.offset_bytes - life.size_bytes, placed.end_bytes
    if {placed.life.kind, life.kind} != {"tensor"}:
        return [(low, high)]
    either = (placed.life.number, life.number), (life.number, placed.life.number)
    if any(key in rules and rules[key].exact for key in either):
        return [(low, placed.offset_bytes), (placed.offset_bytes, high)]
    if rule := rules.get((placed.life.number, life.number)):  # life is the output
        low = max(low, placed.offset_bytes - rule.lead_bytes)
        if rule.lag_bytes is not None:
            high = min(high, placed.offset_bytes + rule.lag_bytes)
    elif rule := rules.get((life.number, placed.life.number)):  # life is the input
        high = min(high, placed.offset_bytes + rule.lead_bytes)
        if rule.lag_bytes is not None:
            low = max(low, placed.offset_bytes - rule.lag_bytes)
    return [(low, high)]


def _up(offset_bytes: int, align_bytes: int) -> int:
    return -(-offset_bytes // align_bytes) * align_bytes
