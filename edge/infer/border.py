"""The border between real numbers and what a model's tensors hold: the only place that crosses it.

A quantised tensor holds `q = round(real / scale) + zero_point`, halves away from zero, saturated:
the rule of TFLite's QUANTIZE, and `real = (q - zero_point) * scale` on the way out. A scale of 0.0
means that the tensor holds the real numbers themselves.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import bundle
from edge.errors import BadDataError
from edge.infer.backend import Array

QUANTISED = ("int8", "uint8", "int16", "int32")
UNSCALED = ("float32", "int8", "uint8", "int16", "int32", "int64", "uint32", "bool")

Enter = Callable[[Array], Array]
Leave = Callable[[Array], NDArray[np.float32]]


def faults(tensor: bundle.Input | bundle.Output) -> list[str]:
    """Return why a tensor cannot cross the border, one line each; empty when it can."""
    found = []
    allowed = QUANTISED if tensor.scale else UNSCALED
    if tensor.dtype not in allowed:
        found.append(
            f"tensor {tensor.name!r} has dtype {tensor.dtype}; "
            f"{'with' if tensor.scale else 'without'} a scale allowed: {', '.join(allowed)}"
        )
    if not (np.isfinite(tensor.scale) and tensor.scale >= 0.0):
        found.append(f"tensor {tensor.name!r} has scale {tensor.scale}; allowed: 0.0 or above")
    return found


def quantise(real: NDArray[Any], dtype: str, scale: float, zero_point: int) -> Array:
    """Return q of the same shape; infinities saturate. Raises BadDataError on NaN.

    The division has the precision of `real`: float32 as in TFLite's QUANTIZE, or float64.
    """
    values = np.asarray(real, np.float32 if real.dtype == np.float32 else np.float64)
    if np.isnan(values).any():
        raise BadDataError(f"{np.isnan(values).sum()} of {values.size} input values are NaN")
    with np.errstate(over="ignore"):  # what overflows saturates just below
        scaled = np.divide(values, np.array(scale, values.dtype)).astype(np.float64)
    limits = np.iinfo(dtype)
    whole = np.trunc(scaled + np.copysign(0.5, scaled)) + zero_point
    clipped: Array = np.clip(whole, limits.min, limits.max)
    return clipped.astype(dtype)


def dequantise(q: Array, scale: float, zero_point: int) -> NDArray[np.float32]:
    """Return the real numbers of the same shape, computed in float64 and rounded once."""
    return ((q.astype(np.float64) - zero_point) * scale).astype(np.float32)


def pixel_table(tensor: bundle.Input) -> Array:
    """Return what the model's tensor holds for pixel p of channel c: shape (256, channels).

    `channels` is 1 where one mean and one std serve all. Exact: computed in float64.
    """
    mean, std = np.array(tensor.mean, np.float64), np.array(tensor.std, np.float64)
    real = (np.arange(256, dtype=np.float64)[:, None] - mean) / std
    if (real == real[:, :1]).all():
        real = real[:, :1]
    return _into(real, tensor)


def enter(tensor: bundle.Input) -> Enter:
    """Return the function from one prepared input to the model's tensor, batch of one added.

    It takes uint8 pixels (height, width, channels) for an image, real values of the model's shape
    without the batch for a tensor; it raises BadDataError on another shape, dtype or on NaN.
    """
    if tensor.kind == "tensor":
        return lambda real: _into(_shaped(real, tensor), tensor)
    table = pixel_table(tensor)
    translate = _arithmetic(table, tensor) or _translator(table)

    def enter_image(pixels: Array) -> Array:
        if pixels.dtype != np.uint8:
            raise BadDataError(f"input {tensor.name!r} takes uint8 pixels, not {pixels.dtype}")
        return translate(_shaped(pixels, tensor))

    return enter_image


def leave(tensor: bundle.Output) -> Leave:
    """Return the function from the model's tensor to float32 of the same shape.

    What is float32 already comes back as it is, not copied.
    """
    if not tensor.scale:
        return lambda q: q.astype(np.float32, copy=False)
    if tensor.dtype not in ("int8", "uint8"):
        return lambda q: dequantise(q, tensor.scale, tensor.zero_point)
    every = np.arange(256, dtype=np.uint8)
    table = dequantise(every.view(tensor.dtype), tensor.scale, tensor.zero_point)
    return lambda q: table[q.view(np.uint8)]


def _into(real: Array, tensor: bundle.Input) -> Array:
    if tensor.scale:
        return quantise(real, tensor.dtype, tensor.scale, tensor.zero_point)
    if np.isnan(real).any():
        raise BadDataError(
            f"{np.isnan(real).sum()} of {real.size} values of input {tensor.name!r} are NaN"
        )
    if tensor.dtype == "float32":
        return real.astype(np.float32)
    return _whole(real, tensor)


def _whole(real: Array, tensor: bundle.Input) -> Array:
    """Return unscaled integers: a value that the tensor cannot hold exactly is refused."""
    with np.errstate(invalid="ignore"):  # an infinity shows as inexact just below
        held = real.astype(tensor.dtype)
    if not np.array_equal(held.astype(np.float64), np.asarray(real, np.float64)):
        raise BadDataError(
            f"input {tensor.name!r} is unscaled {tensor.dtype}: "
            "allowed are whole numbers of its range"
        )
    return held


def _shaped(value: Array, tensor: bundle.Input) -> Array:
    """Return the value with the model's shape; only a batch or channel of one may differ."""
    wanted = tensor.shape
    without_batch = wanted[1:] if wanted[:1] == (1,) else wanted
    if value.shape not in (without_batch, (*without_batch, 1), wanted):
        raise BadDataError(
            f"input {tensor.name!r} has shape {value.shape}; the model takes {without_batch}"
        )
    return value.reshape(wanted)


def _arithmetic(table: Array, tensor: bundle.Input) -> Enter | None:
    """Return `(pixel - mean) / std` in float32 where that gives the table to the bit, else None.

    Three times as fast as looking each pixel up.
    """
    if table.dtype != np.float32 or table.shape[1] != 1:
        return None
    mean, std = np.float32(tensor.mean[0]), np.float32(tensor.std[0])

    def shift_and_scale(pixels: Array) -> Array:
        real = pixels.astype(np.float32)
        real -= mean
        real /= std
        return real

    every = shift_and_scale(np.arange(256, dtype=np.uint8))
    return shift_and_scale if every.tobytes() == table.tobytes() else None


def _translator(table: Array) -> Enter:
    """Return the quickest function that applies a table of `pixel_table` to uint8 pixels."""
    same = np.arange(256, dtype=np.uint8)
    if table.shape[1] == 1:
        column = np.ascontiguousarray(table[:, 0])
        if column.dtype == np.uint8 and np.array_equal(column, same):
            return lambda pixels: pixels
        if column.dtype == np.int8 and np.array_equal(column.view(np.uint8), same ^ 0x80):
            return lambda pixels: np.bitwise_xor(pixels, 0x80).view(np.int8)
        return column.take
    columns = [np.ascontiguousarray(column) for column in table.T]

    def by_channel(pixels: Array) -> Array:
        result = np.empty(pixels.shape, table.dtype)
        for channel, column in enumerate(columns):
            result[..., channel] = column.take(pixels[..., channel])
        return result

    return by_channel
