"""Where a frame lies in the model's input: fractions of one to fractions of the other."""

from typing import Literal

from edge.records import dataclass
from edge.scene import Box


@dataclass(frozen=True, slots=True)
class Geometry:
    """`input = frame * scale + shift`, per axis, both in fractions 0..1."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    def to_frame(self, box: Box) -> Box:
        """Return a box of the model's input as fractions of the frame, cut at its edges."""
        return Box(
            _cut((box.x0 - self.shift_x) / self.scale_x),
            _cut((box.y0 - self.shift_y) / self.scale_y),
            _cut((box.x1 - self.shift_x) / self.scale_x),
            _cut((box.y1 - self.shift_y) / self.scale_y),
        )

    def to_input(self, box: Box) -> Box:
        """Return a box of the frame as fractions of the model's input; may lie outside 0..1."""
        return Box(
            box.x0 * self.scale_x + self.shift_x,
            box.y0 * self.scale_y + self.shift_y,
            box.x1 * self.scale_x + self.shift_x,
            box.y1 * self.scale_y + self.shift_y,
        )


SAME = Geometry()


@dataclass(frozen=True, slots=True)
class Placement:
    """Which pixels of the frame are taken, and where in the model's input they land."""

    taken_px: tuple[int, int, int, int]  # x, y, width, height in the frame
    placed_px: tuple[int, int, int, int]  # x, y, width, height in the model's input


def place(
    frame_px: tuple[int, int],
    input_px: tuple[int, int],
    resize: Literal["stretch", "letterbox", "crop"],
) -> Placement:
    """Return the placement of a frame (width, height) in an input (width, height).

    stretch takes all and fills all; letterbox takes all and keeps its shape, centred;
    crop takes the largest centred part that has the input's shape.
    """
    (w, h), (width, height) = frame_px, input_px
    taken, placed = (0, 0, w, h), (0, 0, width, height)
    if resize == "letterbox":
        scale = min(width / w, height / h)
        pw, ph = _whole(w * scale, width), _whole(h * scale, height)
        placed = ((width - pw) // 2, (height - ph) // 2, pw, ph)
    if resize == "crop":
        scale = min(w / width, h / height)
        tw, th = _whole(width * scale, w), _whole(height * scale, h)
        taken = ((w - tw) // 2, (h - th) // 2, tw, th)
    return Placement(taken, placed)


def geometry(
    frame_px: tuple[int, int], input_px: tuple[int, int], placement: Placement
) -> Geometry:
    """Return the map that a placement makes, exact to the whole pixels it uses."""
    (w, h), (width, height) = frame_px, input_px
    tx, ty, tw, th = placement.taken_px
    px, py, pw, ph = placement.placed_px
    # whole numbers until the one division: stretch is then exactly 1
    return Geometry(
        scale_x=(w * pw) / (tw * width),
        scale_y=(h * ph) / (th * height),
        shift_x=(px * tw - tx * pw) / (tw * width),
        shift_y=(py * th - ty * ph) / (th * height),
    )


def _whole(length: float, most: int) -> int:
    return min(max(round(length), 1), most)


def _cut(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
