import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.camera.view import TURNS, View, parse_roi
from edge.errors import UsageError
from edge.scene import Box


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


def test_roi_is_read():
    assert parse_roi("0,0.25,0.5,1") == Box(0.0, 0.25, 0.5, 1.0)


@pytest.mark.parametrize("text", ["", "1,2,3", "0,0,1,x", "0.5,0,0.5,1", "0,0,1,1.5", "nan,0,1,1"])
def test_wrong_roi_is_a_usage_error(text: str):
    with pytest.raises(UsageError, match="--roi"):
        parse_roi(text)
