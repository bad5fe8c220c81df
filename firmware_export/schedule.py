"""The order of steps: another topological order where that lowers what is alive at once."""

import heapq
from collections.abc import Sequence

from firmware_export.layers import Layer, allowed_overlaps, lifetimes
from firmware_export.plan import live_bound_bytes
from firmware_export.rewrite import Rewritten

MOST_STATES = 20_000  # sets of steps already run that are looked at
# They act on a state that no tensor shows: their order stays.
STATEFUL = frozenset({"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})


def schedule(rewritten: Rewritten, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the steps in the order of the file, or in one whose live-tensor bound is lower."""
    graph = rewritten.graph
    has_state = any(t.is_variable for t in graph.tensors)
    if has_state or any(op.op in STATEFUL for op in graph.operators):
        return layers
    needs = _needs(layers)
    if all(needs[i] == (1 << i) - 1 for i in range(len(layers))):
        return layers  # a chain
    order = _best(rewritten, layers, needs)
    if order is None:
        return layers
    moved = tuple(layers[i] for i in order)
    return min((layers, moved), key=lambda made: bound_bytes(rewritten, made))


def bound_bytes(rewritten: Rewritten, layers: tuple[Layer, ...]) -> int:
    """Return the live-tensor bound of steps in this order."""
    return live_bound_bytes(lifetimes(rewritten, layers), allowed_overlaps(layers))


def _needs(layers: Sequence[Layer]) -> list[int]:
    """Return for each step the set (bits) of all steps that must come before it."""
    found: list[int] = []
    for j, layer in enumerate(layers):
        before = 0
        reads, writes = set(layer.inputs), set(layer.outputs)
        for i, earlier in enumerate(layers[:j]):
            hazard = reads & set(earlier.outputs) or writes & {*earlier.inputs, *earlier.outputs}
            if hazard:
                before |= found[i] | 1 << i
        found.append(before)
    return found


def _best(
    rewritten: Rewritten, layers: Sequence[Layer], needs: Sequence[int]
) -> tuple[int, ...] | None:
    """Return the order with the lowest peak, by a search for the best worst step; None: too large.

    The state is the set of steps already run; only it decides what is alive.
    """
    live = _Live(rewritten, layers)
    every = (1 << len(layers)) - 1
    heap: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, 0, ())]
    seen: set[int] = set()
    while heap and len(seen) < MOST_STATES:
        peak, _, done, order = heapq.heappop(heap)
        if done == every:
            return order
        if done in seen:
            continue
        seen.add(done)
        for i, before in enumerate(needs):
            if not done >> i & 1 and before & ~done == 0 and done | 1 << i not in seen:
                worst = max(peak, live.bytes_during(done, i))
                # of equal peaks the longest order first, then the file's
                heapq.heappush(heap, (worst, -len(order), done | 1 << i, (*order, i)))
    return None


class _Live:
    """What is alive while one step runs after a set of others."""

    def __init__(self, rewritten: Rewritten, layers: Sequence[Layer]) -> None:
        tensors = rewritten.graph.tensors
        self.layers = layers
        self.inputs = set(rewritten.graph.inputs)
        self.outputs = {rewritten.at(i) for i in rewritten.graph.outputs}
        self.rules = allowed_overlaps(tuple(layers))
        used = {t for layer in layers for t in (*layer.inputs, *layer.outputs)}
        self.sizes = {t: tensors[t].size_bytes for t in sorted(used | self.inputs | self.outputs)}
        self.writers = {t: self._steps(t, lambda la: la.outputs) for t in self.sizes}
        self.readers = {t: self._steps(t, lambda la: la.inputs) for t in self.sizes}

    def _steps(self, tensor: int, side: object) -> int:
        assert callable(side)  # noqa: S101 - for the type
        return sum(1 << i for i, layer in enumerate(self.layers) if tensor in side(layer))

    def bytes_during(self, done: int, step: int) -> int:
        """Return the bytes alive, a pair that may overlap as one piece, with the scratch."""
        now, total = 1 << step, self.layers[step].call.scratch_bytes
        for tensor, size in self.sizes.items():
            written = self.writers[tensor] & (done | now) or tensor in self.inputs
            needed = self.readers[tensor] & ~done or tensor in self.outputs
            if written and (needed or self.writers[tensor] & ~done):
                total += size
        spared = [
            self.sizes[r.into] + self.sizes[r.out]
            - r.span_bytes(self.sizes[r.into], self.sizes[r.out])
            for r in self.rules
            if r.step == step
            and not self.readers[r.into] & ~(done | now)
            and r.into not in self.outputs
            and not self.writers[r.out] & done
        ]  # fmt: skip
        return total - max(spared, default=0)
