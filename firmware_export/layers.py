"""A rewritten graph as steps to run: calls, lifetimes, and every fault at once."""

from dataclasses import dataclass, replace

from edge.errors import BadDataError
from firmware_export.node import Call, Node, Rounding
from firmware_export.ops import OPS
from firmware_export.plan import WORD_BYTES, Lifetime, Overlap, Plan
from firmware_export.rewrite import Rewritten

WIDE = {"int64": 8, "uint64": 8}  # alignment in bytes, where it is more than a word
# What reading an operator raises where its tensors or options make no sense.
DAMAGE = (AssertionError, ArithmeticError, LookupError, MemoryError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One step of invoke.

    `sources` are the tensors that it reads, or `@name` of a constant; `outputs` those it writes.
    """

    node: Node
    call: Call
    sources: tuple[int | str, ...]
    outputs: tuple[int, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Return the tensors that it reads from the arena."""
        return tuple(source for source in self.sources if isinstance(source, int))


def layers_of(rewritten: Rewritten, rounding: Rounding) -> tuple[Layer, ...]:
    """Return the steps of a graph; raises BadDataError with all that cannot be exported."""
    graph = rewritten.graph
    nodes = [Node(graph, op, rounding) for op in graph.operators]
    faults = [fault for node in nodes for fault in faults_of(node)]
    if faults:
        raise BadDataError(*faults)
    return tuple(layer for node in nodes for layer in _layers(rewritten, node))


def _layers(rewritten: Rewritten, node: Node) -> list[Layer]:
    try:
        made = OPS[node.op.op].call(node)
    except DAMAGE as error:
        raise BadDataError(
            f"operator {node.op.index} {node.op.op}: the file is damaged: its tensors or options "
            f"contradict it ({error})"
        ) from error
    ins, outs = node.op.inputs, node.op.outputs

    def source(i: int | str) -> int | str:
        return i if isinstance(i, str) else rewritten.at(ins[i])

    return [
        Layer(
            node,
            call,
            tuple(source(i) for i in call.inputs),
            tuple(rewritten.at(outs[i]) for i in call.outputs),
        )
        for call in (made if isinstance(made, tuple) else (made,))
    ]


def faults_of(node: Node) -> list[str]:
    """Return why a node cannot be exported, each line with its operator."""
    op = node.op
    where = f"operator {op.index} {op.op}"
    if op.custom:
        return [f"{where}: a custom operator is opaque: export the CPU model that it was made from"]
    if op.op not in OPS:
        return [f"{where}: not supported; supported: {', '.join(OPS)}"]
    try:
        return [f"{where}: {fault}" for fault in OPS[op.op].faults(node)]
    except DAMAGE as error:
        return [f"{where}: the file is damaged: its tensors or options contradict it ({error})"]


def lifetimes(rewritten: Rewritten, layers: tuple[Layer, ...]) -> list[Lifetime]:
    """Return when each tensor and scratch is needed; inputs from the begin, outputs to the end."""
    graph = rewritten.graph
    end = max(len(layers) - 1, 0)
    spans: dict[int, tuple[int, int]] = {}

    def touch(index: int, step: int) -> None:
        first, last = spans.get(index, (step, step))
        spans[index] = min(first, step), max(last, step)

    for index in graph.inputs:
        touch(index, 0)
    for step, layer in enumerate(layers):
        for index in (*layer.inputs, *layer.outputs):
            touch(index, step)
    for index in graph.outputs:
        touch(rewritten.at(index), end)
    tensors = [
        Lifetime(
            "tensor", index, tensor.size_bytes, first, last, WIDE.get(tensor.dtype, WORD_BYTES)
        )
        for index, (first, last) in spans.items()
        if (tensor := graph.tensors[index])
    ]
    scratches = [
        Lifetime("scratch", step, layer.call.scratch_bytes, step, step)
        for step, layer in enumerate(layers)
        if layer.call.scratch_bytes
    ]
    return tensors + scratches


def allowed_overlaps(layers: tuple[Layer, ...]) -> list[Overlap]:
    """Return which outputs may overlap which inputs of their operator, and how far."""
    found = []
    for step, layer in enumerate(layers):
        call = layer.call
        for position in call.in_place:
            into = layer.sources[position] if position < len(layer.sources) else ""
            # an input that is read twice must survive for the second reading
            if call.lead_bytes is not None and isinstance(into, int):
                lag = call.lag_bytes if layer.inputs.count(into) == 1 else None
                out, exact = layer.outputs[0], call.exactly_in_place
                found.append(Overlap(step, into, out, call.lead_bytes, lag, exact))
    return found


def turned(layers: tuple[Layer, ...], placed: Plan) -> tuple[Layer, ...]:
    """Return the layers with those walking backwards whose output overlaps their input's end."""
    return tuple(_turned(layer, placed) for layer in layers)


def _turned(layer: Layer, placed: Plan) -> Layer:
    call = layer.call
    if call.lag_bytes is None or call.lead_bytes is None or not isinstance(layer.sources[0], int):
        return layer
    held = {place.life.number for place in placed.places if place.life.kind == "tensor"}
    if not {layer.sources[0], layer.outputs[0]} <= held:
        return layer  # one of them is the caller's
    ahead = placed.offset("tensor", layer.sources[0]) - placed.offset("tensor", layer.outputs[0])
    if ahead >= call.lead_bytes:
        return layer
    return replace(layer, call=replace(call, fields=(*call.fields, ("backward", "1"))))


def outside_arena(
    rewritten: Rewritten, lives: list[Lifetime], allowed: list[Overlap]
) -> tuple[list[Lifetime], list[Overlap]]:
    """Return what the arena holds when inputs and outputs are the caller's.

    Raises BadDataError where they cannot be.
    """
    graph = rewritten.graph
    outs = [rewritten.at(i) for i in graph.outputs]
    border = {*graph.inputs, *outs}
    faults = [
        f"'{graph.tensors[i].name}' is uint8, which the C turns into int8 in place: take --io arena"
        for i in sorted(border)
        if graph.tensors[i].dtype == "uint8"
    ]
    if len(set(outs)) < len(outs):
        faults.append("two outputs are the same tensor: take --io arena")
    if faults:
        raise BadDataError(*faults)
    return (
        [life for life in lives if life.kind == "scratch" or life.number not in border],
        [rule for rule in allowed if not {rule.into, rule.out} & border],
    )
