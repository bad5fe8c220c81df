from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle import Input, Output
from edge.errors import BadDataError
from edge.infer import border, runtime

LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
EVERY_PIXEL = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)

dtypes = st.sampled_from(sorted(LIMITS))
scales = st.floats(2.0**-14, 4.0)
stds = st.floats(0.5, 300.0)
means = st.floats(-300.0, 300.0)


def image(dtype: str, scale: float, zero_point: int, **more: Any) -> Input:
    shape = more.pop("shape", (1, 16, 16, 1))
    return Input("image", "image", shape, dtype, scale, zero_point, **more)


def tensor(dtype: str, scale: float, zero_point: int, shape: tuple[int, ...] = (1, 3)) -> Input:
    return Input("values", "tensor", shape, dtype, scale, zero_point)


@given(dtypes, scales, means, stds, st.data())
def test_each_pixel_becomes_the_nearest_level_or_saturates(
    dtype: str, scale: float, mean: float, std: float, data: st.DataObject
) -> None:
    low, high = LIMITS[dtype]
    zero_point = data.draw(st.integers(low, high))
    table = border.pixel_table(image(dtype, scale, zero_point, mean=(mean,), std=(std,)))
    assert table.shape == (256, 1)
    for pixel, q in enumerate(table[:, 0].tolist()):
        exact = (Fraction(pixel) - Fraction(mean)) / Fraction(std) / Fraction(scale) + zero_point
        if low < q < high:
            assert abs(exact - q) <= Fraction(1, 2) + Fraction(1, 10**9)
        else:
            assert exact >= high - Fraction(1, 2) if q == high else exact <= low + Fraction(1, 2)


@pytest.mark.parametrize(
    ("real", "q"),
    [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, -1), (-1.5, -2), (0.49999997, 0), (-0.2, 0)],
)
def test_halves_round_away_from_zero(real: float, q: int) -> None:
    assert border.quantise(np.array([real], np.float32), "int8", 1.0, 0) == q


def test_halves_round_away_from_zero_before_the_zero_point_is_added() -> None:
    table = border.pixel_table(image("uint8", 2.0, 10, mean=(2.0,), std=(1.0,)))
    assert table[:6, 0].tolist() == [9, 9, 10, 11, 11, 12]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20), dtypes, scales, st.data())
def test_real_values_return_within_half_a_step_unless_saturated(
    reals: list[float], dtype: str, scale: float, data: st.DataObject
) -> None:
    low, high = LIMITS[dtype]
    zero_point = data.draw(st.integers(low, high))
    real = np.array(reals, np.float32)
    q = border.quantise(real, dtype, scale, zero_point)
    assert q.dtype == dtype
    back = border.dequantise(q, scale, zero_point).astype(np.float64)
    inside = (q > low) & (q < high)
    # float32 divides and returns: a few units in the last place on top of the half step
    slack = scale * 0.5 + np.abs(real) * 2.0**-22
    assert (np.abs(back - real)[inside] <= slack[inside]).all()
    assert (real[q == high] >= (high - zero_point - 0.51) * scale).all()
    assert (real[q == low] <= (low - zero_point + 0.51) * scale).all()


def test_infinities_saturate_and_nan_is_refused() -> None:
    ends = border.quantise(np.array([np.inf, -np.inf, 3e38], np.float32), "int8", 0.1, 5)
    assert ends.tolist() == [127, -128, 127]
    with pytest.raises(BadDataError, match="1 of 2 input values are NaN"):
        border.quantise(np.array([np.nan, 1.0], np.float32), "int8", 0.1, 5)
    with pytest.raises(BadDataError, match="1 of 3 values of input 'values' are NaN"):
        border.enter(tensor("float32", 0.0, 0))(np.array([1.0, np.nan, 2.0], np.float32))


def test_real_values_equal_the_quantize_and_dequantize_operators(shared: Path) -> None:
    """The first operator of this model is QUANTIZE, its last DEQUANTIZE."""
    model = (shared / "data/openmv/force_int_quant.tflite").read_bytes()
    chosen = runtime.pick()
    interpreter = chosen.interpreter(
        model_content=model,
        experimental_op_resolver_type=chosen.resolvers["reference"],
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    every: dict[str, Any] = {"tensors": interpreter.get_tensor_details()}  # type: ignore[attr-defined]
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    by_index = {d["index"]: d for d in every["tensors"]}
    operators = interpreter._get_ops_details()  # type: ignore[attr-defined]
    entered = by_index[operators[0]["outputs"][0]]
    left = by_index[operators[-1]["inputs"][0]]
    scale, zero_point = entered["quantization"]
    rng = np.random.default_rng(1)
    for _ in range(300):
        real = rng.normal(0, 60 * scale, source["shape"]).astype(np.float32)
        halves = (rng.integers(-90, 90, real.size // 2) + 0.5).astype(np.float32)
        real[0, : real.size // 2] = halves * np.float32(scale)
        interpreter.set_tensor(source["index"], real)
        interpreter.invoke()
        q = border.quantise(real, entered["dtype"].__name__, scale, zero_point)
        assert np.array_equal(q, interpreter.get_tensor(entered["index"]))
        output = border.dequantise(interpreter.get_tensor(left["index"]), *left["quantization"])
        assert np.array_equal(output, interpreter.get_tensor(sink["index"]))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "mean", "std"),
    [("uint8", 1 / 255, 0, 0.0, 255.0), ("uint8", 0.0078125, 128, 128.0, 128.0),
     ("int8", 1 / 255, -128, 0.0, 255.0), ("int8", 1.0, -128, 0.0, 1.0),
     ("int8", 0.007843137718737125, 0, 127.5, 127.5), ("int8", 0.3, -7, 20.0, 4.0),
     ("int16", 0.001, 0, 10.0, 255.0), ("float32", 0.0, 0, 127.5, 127.5),
     ("float32", 0.0, 0, 0.0, 255.0), ("float32", 0.0, 0, 123.7, 58.4)],
)  # fmt: skip
def test_an_image_enters_by_its_table_whatever_the_shortcut(
    dtype: str, scale: float, zero_point: int, mean: float, std: float
) -> None:
    spec = image(dtype, scale, zero_point, mean=(mean,), std=(std,))
    entered = border.enter(spec)(EVERY_PIXEL)
    assert entered.shape == (1, 16, 16, 1)
    assert entered.dtype == dtype
    assert np.array_equal(entered.reshape(256), border.pixel_table(spec)[:, 0])
    real = (np.arange(256) - mean) / std
    if dtype == "float32":
        assert np.array_equal(entered.reshape(256), real.astype(np.float32))
    else:
        assert np.array_equal(entered.reshape(256), border.quantise(real, dtype, scale, zero_point))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_each_channel_has_its_own_mean_and_std(dtype: str) -> None:
    mean, std = (123.7, 116.8, 103.9), (58.4, 57.1, 57.4)
    scale = 0.0 if dtype == "float32" else 0.0186
    spec = image(dtype, scale, 3, mean=mean, std=std, shape=(1, 5, 7, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    real = (pixels.astype(np.float64) - mean) / std
    wanted = real.astype(np.float32) if not scale else border.quantise(real, dtype, scale, 3)
    assert np.array_equal(border.enter(spec)(pixels)[0], wanted)


def test_the_pictures_own_memory_is_never_written() -> None:
    pixels = EVERY_PIXEL.copy()
    for dtype in ("int8", "uint8"):
        border.enter(image(dtype, 1 / 255, LIMITS[dtype][0], mean=(0.0,), std=(255.0,)))(pixels)
    assert np.array_equal(pixels, EVERY_PIXEL)


def test_a_picture_without_a_channel_dimension_in_the_model_is_taken() -> None:
    spec = image("int8", 1 / 255, -128, shape=(1, 16, 16))
    assert border.enter(spec)(EVERY_PIXEL).shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [(np.zeros((16, 15, 1), np.uint8), r"shape \(16, 15, 1\); the model takes \(16, 16, 1\)"),
     (np.zeros((16, 16, 1), np.int8), "takes uint8 pixels, not int8"),
     (np.zeros((16, 16, 1), np.float32), "takes uint8 pixels, not float32")],
)  # fmt: skip
def test_a_wrong_picture_is_refused(pixels: Any, words: str) -> None:
    with pytest.raises(BadDataError, match=words):
        border.enter(image("int8", 1.0, 0))(pixels)


def test_unscaled_integers_take_whole_numbers_of_their_range_only() -> None:
    enter = border.enter(tensor("int32", 0.0, 0))
    assert enter(np.array([1.0, -2.0, 3.0])).tolist() == [[1, -2, 3]]
    for bad in ([0.5, 1, 2], [2.0**40, 0, 0], [np.inf, 0, 0]):
        with pytest.raises(BadDataError, match="whole numbers of its range"):
            enter(np.array(bad))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@given(scale=scales, data=st.data())
def test_outputs_leave_exactly(dtype: str, scale: float, data: st.DataObject) -> None:
    low, high = LIMITS[dtype]
    zero_point = data.draw(st.integers(low, high))
    q = np.arange(low, high + 1).astype(dtype).reshape(1, 2, 128)
    real = border.leave(Output("scores", "scores", q.shape, dtype, scale, zero_point))(q)
    assert real.dtype == np.float32
    exact = [Fraction(scale) * (int(v) - zero_point) for v in q.ravel()]
    assert real.ravel().tolist() == [float(np.float32(float(e))) for e in exact]


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_wide_outputs_leave_scaled(dtype: str) -> None:
    q = np.array([[-3, 0, 1000]], dtype)
    real = border.leave(Output("y", "raw", (1, 3), dtype, 0.25, 1))(q)
    assert real.tolist() == [[-1.0, -0.25, 249.75]]


@pytest.mark.parametrize("dtype", ["int64", "int32", "float32", "bool", "uint8"])
def test_outputs_without_a_scale_leave_as_they_are(dtype: str) -> None:
    real = border.leave(Output("y", "raw", (1, 2), dtype, 0.0, 0))(np.array([[0, 1]], dtype))
    assert real.dtype == np.float32
    assert real.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("spec", "words"),
    [(tensor("float32", 0.5, 0), "dtype float32; with a scale allowed: int8, uint8"),
     (tensor("str", 0.0, 0), "dtype str; without a scale allowed"),
     (tensor("int8", -1.0, 0), "scale -1.0"), (tensor("int8", float("nan"), 0), "scale nan"),
     (Output("y", "raw", (1,), "complex64", 0.0, 0), "dtype complex64")],
)  # fmt: skip
def test_what_cannot_cross_is_named(spec: Input | Output, words: str) -> None:
    assert words in "\n".join(border.faults(spec))


def test_what_can_cross_has_no_fault() -> None:
    assert border.faults(tensor("int8", 0.1, 3)) == []
    assert border.faults(Output("y", "raw", (1,), "int64", 0.0, 0)) == []
