"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR of pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_export.node import Call, Constant, Node, nhwc, quantised
from firmware_export.ops.views import Fields
from firmware_export.ops.window import per_picture

UNIT = 1 << 10  # positions are in 1/1024 of a pixel


def _nearest(node: Node, axis: int) -> NDArray[np.int16]:
    """Return which row or column each one of the output is taken from, by float32 as TFLite."""
    side_in, side_out = nhwc(node.input())[axis], nhwc(node.output())[axis]
    align, half = (bool(node.option(n, False)) for n in ("align_corners", "half_pixel_centers"))
    offset = np.float32(0.5 if half else 0.0)
    step = np.float32(side_in) / np.float32(side_out)
    if align and side_out > 1:
        step = np.float32(side_in - 1) / np.float32(side_out - 1)
    places = (np.arange(side_out, dtype=np.float32) + offset) * step
    whole = np.trunc(places + np.float32(0.5)) if align else np.floor(places)
    result: NDArray[np.int16] = whole.astype(np.int64).clip(0, side_in - 1).astype(np.int16)
    return result


def _step(node: Node, axis: int) -> int:
    side_in, side_out = nhwc(node.input())[axis], nhwc(node.output())[axis]
    if node.option("align_corners", False) and side_out > 1:
        side_in, side_out = side_in - 1, side_out - 1
    return (UNIT * side_in + side_out // 2) // side_out


@dataclass(frozen=True, slots=True)
class Resize:
    """An operator of the table."""

    is_bilinear: bool

    def faults(self, node: Node) -> list[str]:
        """Return why it cannot be exported."""
        found = quantised(node.input(), node.output())
        into, out = nhwc(node.input()), nhwc(node.output())
        if (into[0], into[3]) != (out[0], out[3]) or max(into) > 32767 or max(out) > 32767:
            found.append(f"{list(into)} to {list(out)} is no resize of at most 32,767 a side")
        if self.is_bilinear and node.input().dtype == "uint8":
            found.append("uint8 is interpolated in float by the runtime: use an int8 model")
        return found

    def call(self, node: Node) -> tuple[Call, ...]:
        """Return the calls, one for each picture."""
        _, in_h, in_w, channels = nhwc(node.input())
        _, out_h, out_w, _ = nhwc(node.output())
        sizes = (
            ("in_w", str(in_w)), ("channels", str(channels)),
            ("out_h", str(out_h)), ("out_w", str(out_w)),
        )  # fmt: skip
        if self.is_bilinear:
            fields: Fields = (
                ("in_h", str(in_h)), *sizes, ("scale_h", str(_step(node, 1))),
                ("scale_w", str(_step(node, 2))),
                ("half_pixel", str(int(node.option("half_pixel_centers", False)))),
            )  # fmt: skip
            return per_picture(node, Call(("resize_bilinear",), "resize_bilinear", fields))
        constants = (Constant("rows", _nearest(node, 1)), Constant("columns", _nearest(node, 2)))
        fields = (("rows", "@rows"), ("columns", "@columns"), *sizes)
        return per_picture(node, Call(("resize_nearest",), "resize_nearest", fields, constants))


RESIZE = {"RESIZE_BILINEAR": Resize(True), "RESIZE_NEAREST_NEIGHBOR": Resize(False)}
