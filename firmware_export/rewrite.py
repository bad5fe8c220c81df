"""Passes Graph -> Graph that leave every output byte as it was."""

from dataclasses import replace

from edge.tflite import Graph

# They give another shape to the same bytes.
ALIASES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})


def fold_aliases(graph: Graph) -> Graph:
    """Drop operators that only rename bytes: their readers read the source.

    One that joins a graph input to a graph output stays: those are two buffers of the caller.
    """
    source: dict[int, int] = {}
    kept = []
    for op in graph.operators:
        into = source.get(op.inputs[0], op.inputs[0]) if op.inputs else -1
        is_border = into in graph.inputs and op.outputs[0] in graph.outputs
        if op.op in ALIASES and not op.custom and not is_border:
            source[op.outputs[0]] = into
        else:
            kept.append(replace(op, inputs=tuple(source.get(i, i) for i in op.inputs)))
    return replace(
        graph,
        operators=tuple(replace(op, index=i) for i, op in enumerate(kept)),
        outputs=tuple(source.get(i, i) for i in graph.outputs),
    )


PASSES = (fold_aliases,)


def rewrite(graph: Graph) -> Graph:
    """Apply every pass in order."""
    for change in PASSES:
        graph = change(graph)
    return graph
