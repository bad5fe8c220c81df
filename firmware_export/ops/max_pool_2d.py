"""MAX_POOL_2D: what lies outside the picture never wins."""

from dataclasses import replace

from firmware_export.node import Call, Node
from firmware_export.ops import average_pool_2d


def faults(node: Node) -> list[str]:
    """Return why this pooling cannot be exported."""
    # bytes are compared as they are, also where the scales differ: so do the runtimes
    return average_pool_2d.own_faults(node)


def call(node: Node) -> tuple[Call, ...]:
    """Return the calls of `max_pool_2d`, one for each picture."""
    return tuple(
        replace(
            call,
            kernels=("max_pool_2d",),
            function="max_pool_2d",
            fields=tuple(field for field in call.fields if field[0] != "offset"),
        )
        for call in average_pool_2d.call(node)
    )
