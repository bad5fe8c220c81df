from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera import Context, open_source
from edge.camera.view import TURNS, View, parse_roi, parse_rotate
from edge.errors import UsageError
from edge.scene import FULL_BOX, Box


@pytest.mark.parametrize("degrees", [0, *TURNS])
def test_corner_goes_where_a_clockwise_turn_takes_it(degrees: int):
    bgr = np.zeros((4, 6, 3), np.uint8)
    bgr[0, 0] = 255
    turned = View(degrees).apply(bgr)
    corner = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}[degrees]
    assert turned[corner].all()
    assert turned.shape[:2] == ((6, 4) if degrees in (90, 270) else (4, 6))


@settings(deadline=None)
@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.tuples(*[st.floats(0, 1)] * 4).filter(lambda b: b[0] < b[2] and b[1] < b[3]),
)
def test_cut_is_never_empty(height: int, width: int, box: tuple[float, ...]):
    seen = View(0, Box(*box)).apply(np.zeros((height, width, 3), np.uint8))
    assert seen.shape[0] >= 1
    assert seen.shape[1] >= 1


DEGREES = st.sampled_from([0, *TURNS])
SIDES = st.integers(1, 60)
CORNERS = st.tuples(*[st.floats(0, 1)] * 4).filter(lambda b: b[0] < b[2] and b[1] < b[3])


def numbered(height: int, width: int) -> np.ndarray:
    """Return a picture in which every pixel is another one."""
    numbers = np.arange(height * width, dtype=np.uint32)
    return numbers.view(np.uint8).reshape(height, width, 4)[..., :3].copy()


@settings(deadline=None)
@given(DEGREES, SIDES, SIDES, CORNERS)
def test_view_is_the_turned_picture_and_then_its_part(degrees, height, width, corners):
    bgr = numbered(height, width)
    turned = np.rot90(bgr, -degrees // 90)  # counter-clockwise, as numpy counts
    rows, columns = turned.shape[:2]
    x0, y0, x1, y1 = corners
    left, top = min(round(x0 * columns), columns - 1), min(round(y0 * rows), rows - 1)
    right, bottom = max(round(x1 * columns), left + 1), max(round(y1 * rows), top + 1)
    seen = View(degrees, Box(*corners)).apply(bgr)
    np.testing.assert_array_equal(seen, turned[top:bottom, left:right])
    assert seen.flags.c_contiguous


@settings(deadline=None)
@given(DEGREES, st.integers(2, 60), st.integers(2, 60), st.floats(0.1, 0.9), st.booleans())
def test_parts_that_meet_hold_every_pixel_once(degrees, height, width, at, across):
    bgr = numbered(height, width)
    turned = View(degrees).apply(bgr)
    length = turned.shape[1 if across else 0]
    at = min(max(at, 0.6 / length), 1 - 0.6 / length)
    one, other = (
        (Box(0, 0, at, 1), Box(at, 0, 1, 1)) if across else (Box(0, 0, 1, at), Box(0, at, 1, 1))
    )
    parts = [View(degrees, box).apply(bgr) for box in (one, other)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1 if across else 0), turned)


@settings(deadline=None)
@given(DEGREES, SIDES, SIDES, CORNERS)
def test_view_holds_no_more_memory_than_its_part(degrees, height, width, corners):
    bgr = numbered(height, width)
    seen = View(degrees, Box(*corners)).apply(bgr)
    assert seen is bgr or (seen.base is None and not np.shares_memory(seen, bgr))


def test_whole_picture_is_not_copied():
    bgr = numbered(4, 6)
    assert View(0, FULL_BOX).apply(bgr) is bgr


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_only_the_part_is_turned(degrees: int, monkeypatch: pytest.MonkeyPatch):
    sizes = []
    turn = cv2.rotate
    monkeypatch.setattr(cv2, "rotate", lambda a, how: (sizes.append(a.size), turn(a, how))[1])
    View(degrees, Box(0.0, 0.0, 0.1, 0.1)).apply(numbered(100, 200))
    assert sizes == [10 * 20 * 3]


@pytest.mark.parametrize("text", ["0", "90", "180", "270"])
def test_rotation_is_read(text: str):
    assert parse_rotate(text) == int(text)


@pytest.mark.parametrize("text", ["", "45", "-90", "360", "90.0", "right", " 90"])
def test_wrong_rotation_is_a_usage_error(text: str):
    with pytest.raises(UsageError, match="--rotate takes 0, 90, 180, 270 degrees clockwise; got"):
        parse_rotate(text)


def test_roi_is_read():
    assert parse_roi("0,0.25,0.5,1") == Box(0.0, 0.25, 0.5, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "0,0,1,x",
        "0.5,0,0.5,1",
        "0,0,1,1.5",
        "nan,0,1,1",
        "-inf,0,1,1",
        "0,0,1,inf",
        "0,0,0,1",
        "0.5,0.5,0.4,1",
        "0 0 1 1",
        "0,0,1,1,",
    ],
)
def test_wrong_roi_is_a_usage_error(text: str):
    with pytest.raises(UsageError, match="--roi"):
        parse_roi(text)


def test_view_holds_for_a_clip(shared: Path):
    spec = str(shared / "data/tensorflow-examples/carving_ice.mp4")
    view = View(270, Box(0.25, 0.0, 1.0, 0.5))
    plain, seen = open_source(spec), open_source(spec, Context(view=view))
    for _ in range(3):
        turned = np.rot90(plain.read().bgr)
        np.testing.assert_array_equal(seen.read().bgr, turned[:86, 43:])
    plain.close()
    seen.close()
