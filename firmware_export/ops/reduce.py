"""MEAN and SUM over any axes."""

from dataclasses import dataclass

import numpy as np

from firmware_export.fixedpoint import quantize_multiplier
from firmware_export.node import Call, Node, constant, quantised, scale, shape, values, zero_point
from firmware_export.ops.views import array, base, collapse


def _axes(node: Node) -> tuple[int, ...]:
    rank = len(shape(node.input()))
    return tuple(sorted({int(a) % rank for a in values(node.input(1)).reshape(-1)}))


@dataclass(frozen=True, slots=True)
class Reduce:
    """An operator of the table."""

    is_mean: bool

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        found = [*quantised(node.input(), node.output()), *constant(node, 1, "axes")]
        rank = len(shape(node.input()))
        if not found and not all(-rank <= a < rank for a in values(node.input(1)).reshape(-1)):
            found.append(f"axes {values(node.input(1)).tolist()} are outside {rank} dimensions")
        return found

    def call(self, node: Node) -> Call:
        """Return the call of `reduce`."""
        whole, axes = base(node.input()), _axes(node)
        kept = [axis for axis in range(whole.ndim) if axis not in axes]
        count = int(np.prod([whole.shape[axis] for axis in axes], dtype=np.int64))
        lead = whole.transpose([*kept, *axes])
        dims, (step,) = collapse(lead[(slice(None),) * len(kept) + (0,) * len(axes)])
        over, (over_step,) = collapse(lead[(0,) * len(kept)])
        multiplier, shift = self._factor(node, count)
        return Call(
            kernels=("fixed_point", "requantize_double", "reduce"),
            function="reduce",
            fields=(
                ("dims", array(dims)), ("step", array(step)),
                ("over", array(over)), ("over_step", array(over_step)),
                ("offset", str(zero_point(node.input()) * count)),
                ("multiplier", str(multiplier)), ("shift", str(shift)),
                ("out_zero_point", str(zero_point(node.output()))),
            ),
        )  # fmt: skip

    def _factor(self, node: Node, count: int) -> tuple[int, int]:
        multiplier, shift = quantize_multiplier(
            float(scale(node.input())) / float(scale(node.output()))
        )
        if not self.is_mean or multiplier == 0:
            return multiplier, shift
        more = min(count.bit_length() - 1, 32, 31 + shift)
        return (multiplier << more) // count, shift - more


REDUCE = {"MEAN": Reduce(is_mean=True), "SUM": Reduce(is_mean=False)}
