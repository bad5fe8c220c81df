"""ARG_MAX and ARG_MIN: the first position of the greatest or least value along an axis."""

import math
from dataclasses import dataclass

from firmware_export.node import Call, Node, constant, quantised, shape
from firmware_export.ops.views import numbers


@dataclass(frozen=True, slots=True)
class Arg:
    """An operator of the table; `sign` is -1 for the least."""

    sign: int

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        found = [*quantised(node.input()), *constant(node, 1, "axis")]
        if node.output().dtype not in ("int32", "int64"):
            found.append(f"output '{node.output().name}' is {node.output().dtype}, not int32")
        rank = len(shape(node.input()))
        if not found and not -rank <= numbers(node, 1)[0] < rank:
            found.append(f"axis {numbers(node, 1)[0]} is outside {rank} dimensions")
        return found

    def call(self, node: Node) -> Call:
        """Return the call of `arg_max_int32` or `arg_max_int64`."""
        sides = shape(node.input())
        axis = numbers(node, 1)[0] % len(sides)
        kernel = f"arg_max_{node.output().dtype}"
        fields = (
            ("outer", str(math.prod(sides[:axis]))), ("depth", str(sides[axis])),
            ("inner", str(math.prod(sides[axis + 1 :]))), ("sign", str(self.sign)),
        )  # fmt: skip
        return Call((kernel,), kernel, fields)


ARG = {"ARG_MAX": Arg(1), "ARG_MIN": Arg(-1)}
