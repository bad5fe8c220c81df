"""Predict what of a model the Edge TPU compiler maps: at most one part, the first that it can."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.edgetpu.node import Node, node_of
from edge.edgetpu.rules import FIRST_RUNTIME, GENERAL, RULES
from edge.tflite import Graph, is_compiled

# The compiler's reports: 8.05 MiB free beside a model without cached weights; the executable and
# large activations take their part of it, down to 6.2 MiB left for weights.
CHIP_BYTES = 8_388_608
SURE_CHIP_BYTES = 6_291_456
AFTER = "comes after an operator on the processor: only one part of a model is mapped"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one operator would run.

    `reason` says why on the processor, "" for the Edge TPU. `runtime` is the first runtime of the
    Edge TPU that takes the operator, `maybe` what could still keep it on the processor.
    """

    index: int
    op: str
    reason: str
    runtime: int = FIRST_RUNTIME
    maybe: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What would map; a prediction, nothing was compiled.

    `refusals` are reasons for which the compiler takes no part of the model. `weight_bytes` are
    those of mapped operators; `streamed_bytes` (least, most) of them do not fit on the chip and
    go over the bus at each inference.
    """

    placements: tuple[Placement, ...]
    refusals: tuple[str, ...]
    weight_bytes: int
    streamed_bytes: tuple[int, int]

    @property
    def mapped(self) -> tuple[Placement, ...]:
        """Return the operators on the Edge TPU; () where the compiler refuses the model."""
        return () if self.refusals else tuple(p for p in self.placements if not p.reason)

    @property
    def on_processor(self) -> tuple[Placement, ...]:
        """Return the operators on the processor."""
        return self.placements if self.refusals else tuple(p for p in self.placements if p.reason)

    @property
    def runtime_min(self) -> int | None:
        """Return the first runtime that takes all mapped operators, None where none is mapped."""
        return max((placement.runtime for placement in self.mapped), default=None)


def predict(graph: Graph) -> Prediction | None:
    """Return what of a graph would map; None for a model that is compiled already."""
    if is_compiled(graph):
        return None
    nodes = [node_of(graph, op) for op in graph.operators]
    alone = [_alone(node) for node in nodes]
    chosen = _first_part(nodes, [not placement.reason for placement in alone])
    placements = tuple(
        placement
        if placement.reason or placement.index in chosen
        else Placement(placement.index, placement.op, AFTER)
        for placement in alone
    )
    weights = _weight_bytes(nodes[index] for index in chosen)
    streamed = (max(weights - CHIP_BYTES, 0), max(weights - SURE_CHIP_BYTES, 0))
    return Prediction(placements, tuple(_refusals(graph, nodes)), weights, streamed)


def _alone(node: Node) -> Placement:
    """Return where an operator would run if it were the only one."""
    op = node.op
    rule = None if op.custom else RULES.get(op.op)
    if rule is None:
        return Placement(op.index, op.op, "is no operator of the Edge TPU")
    for limit in (*GENERAL, *rule.limits):
        if reason := limit(node):
            return Placement(op.index, op.op, reason)
    runtime = max([rule.runtime, *(version for version, case in rule.later if case(node))])
    return Placement(op.index, op.op, "", runtime, rule.maybe)


def _first_part(nodes: Sequence[Node], can: Sequence[bool]) -> set[int]:
    """Return the first set of operators that can run in one piece.

    As TFLite partitions for a delegate (graph_info.cc): by turns all operators that are ready
    and can, then all that are ready and cannot. Takes time linear in the graph.
    """
    made = {output for node in nodes for output in node.op.outputs}
    consumers: defaultdict[int, list[int]] = defaultdict(list)
    missing = []
    ready: dict[bool, deque[int]] = {True: deque(), False: deque()}
    for index, node in enumerate(nodes):
        needed = made.intersection(node.op.inputs)
        missing.append(len(needed))
        for tensor in needed:
            consumers[tensor].append(index)
        if not needed:
            ready[can[index]].append(index)
    turn = min(ready[True], default=len(nodes)) < min(ready[False], default=len(nodes))
    while ready[True] or ready[False]:
        taken = set()
        while ready[turn]:
            taken.add(index := ready[turn].popleft())
            for tensor in set(nodes[index].op.outputs):
                for consumer in consumers.pop(tensor, ()):
                    missing[consumer] -= 1
                    if not missing[consumer]:
                        ready[can[consumer]].append(consumer)
        if turn and taken:
            return taken
        turn = not turn
    return set()


def _refusals(graph: Graph, nodes: list[Node]) -> Iterator[str]:
    newest: dict[str, int] = {}
    for node in nodes:
        rule = None if node.op.custom else RULES.get(node.op.op)
        if rule and node.op.version > rule.version:
            newest[node.op.op] = max(node.op.version, newest.get(node.op.op, 0))
    for op, version in newest.items():
        yield (
            f"{op} has version {version}; the last compiler, 16.0, loads up to "
            f"{RULES[op].version}: convert with an older TensorFlow"
        )
    if any(-1 in tensor.shape_signature for tensor in graph.tensors if tensor.data is None):
        yield "sizes may change (-1): convert with a fixed batch of 1"


def _weight_bytes(nodes: Iterable[Node]) -> int:
    constants = {t.data for node in nodes for t in node.inputs if t and t.data is not None}
    return sum(map(len, constants))
