"""How pictures become a model's numbers, found out where its owner did not say.

Training saw pixels as 0..1, -1..1 or 0..255; a wrong choice converts without complaint and ruins
the model. Three witnesses know better, in this order: a rescaling inside the model; the numbers
of a float calibration array; the first BatchNormalization, whose moving averages remember what
training saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Input
from edge.training.calibration import Material, Samples
from edge.training.load import Float, FloatModel, Port

Scaling = tuple[float, float]  # mean, std of pixels 0..255
SCALINGS: dict[str, Scaling] = {
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
    "0..255": (0.0, 1.0),
}
LEAST_PICTURE_PX = 8
RAW_PIXELS = 32.0  # a model that divides its input by this or more, or subtracts it, takes pixels
PLAUSIBLE = 2.5  # second moment after the first BatchNormalization: 1.0 on the training data
IMPLAUSIBLE = 8.0


@dataclass(frozen=True, slots=True)
class Guess:
    """Mean and std of pixels 0..255 with the reason, in words that a user can check."""

    mean: float
    std: float
    why: str


def is_picture(port: Port, material: Material) -> bool:
    """Return whether an input takes pictures: given as files or pixels, or 3 channels."""
    shape = port.shape
    if len(shape) != 4 or shape[3] not in (1, 3) or min(shape[1:3]) < LEAST_PICTURE_PX:
        return False
    return bool(material.paths) or shape[3] == 3 or _gives_pixels(material, shape)


def _gives_pixels(material: Material, shape: tuple[int, ...]) -> bool:
    rows = material.rows[:1]
    return any(v.dtype == np.uint8 and v.shape[-3:] == shape[1:] for row in rows for v in row)


def guess(model: FloatModel, index: int, material: Material, pixels: Samples | None) -> Guess:
    """Return how input `index` wants its pixels.

    `pixels` are the samples as plain pixel values 0..255; None where float arrays were given.
    """
    inside = rescaling_inside(model, index)
    if inside:
        return Guess(0.0, 1.0, f"the model scales pixels itself ({inside}): they go in as they are")
    values = [np.asarray(row[index]) for row in material.rows]
    if pixels is None and values and values[0].dtype != np.uint8:
        return _from_numbers(values)
    if pixels is None:
        return Guess(*SCALINGS["0..1"], "nothing says how training saw pixels: 0..1")
    moments = {name: moment(model, _scaled(pixels, s)) for name, s in SCALINGS.items()}
    known = {name: m for name, m in moments.items() if m is not None}
    if not known:
        return Guess(*SCALINGS["0..1"], "nothing says how training saw pixels: 0..1")
    name = min(known, key=lambda n: abs(log(known[n])))
    shown = ", ".join(f"{n} {m:.2g}" for n, m in known.items())
    return Guess(
        *SCALINGS[name],
        f"{name} fits the first BatchNormalization best (second moment {shown}; 1 is ideal)",
    )


def _scaled(pixels: Samples, scaling: Scaling) -> Samples:
    mean, std = scaling
    return tuple(((values - mean) / std).astype(np.float32) for values in pixels)


def _from_numbers(values: Sequence[NDArray[Any]]) -> Guess:
    finite = [v[np.isfinite(v)] for v in values]
    low = min((float(v.min()) for v in finite if v.size), default=0.0)
    high = max((float(v.max()) for v in finite if v.size), default=1.0)
    name = "0..255" if high > 2.0 else "-1..1" if low < -0.2 else "0..1"
    return Guess(*SCALINGS[name], f"the calibration array holds {low:.3g} to {high:.3g}: {name}")


def rescaling_inside(model: FloatModel, index: int) -> str:
    """Return the operation by which a model scales pixels 0..255 itself; empty if it does not."""
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(model.graph)
    names = {model.inputs[index].tensor.split(":")[0]}
    constants = {n.name: n for n in graph.node if n.op == "Const"}
    for node in graph.node:  # in topological order
        given = [name.split(":")[0] for name in node.input]
        if not names.intersection(given):
            continue
        if node.op in ("Identity", "Cast"):
            names.add(node.name)
            continue
        fixed = [constants[n].attr["value"].tensor for n in given if n in constants]
        found = _scaling_text(node.op, tf.make_ndarray(fixed[0])) if fixed else ""
        if found:
            return found
    return ""


def _scaling_text(op: str, constant: NDArray[Any]) -> str:
    if constant.dtype.kind != "f" or not constant.size:
        return ""
    size = float(np.abs(constant).mean())
    if op == "Mul" and 0 < size <= 1 / RAW_PIXELS:
        return f"x * {size:.3g}"
    if op in ("RealDiv", "Div") and size >= RAW_PIXELS:
        return f"x / {size:.3g}"
    if op in ("Sub", "AddV2", "Add") and size >= RAW_PIXELS:
        return f"x - {size:.3g}"
    return ""


def moment(model: FloatModel, samples: Samples) -> float | None:
    """Return the median over channels of E[z^2] after the first BatchNormalization's statistics.

    About 1 for what training saw, since z = (x - moving mean) / moving deviation. None where the
    model has no such layer on the way from its input, or one that never learned.
    """
    found = _first_norm(model.keras)
    if found is None or not len(samples[0]):
        return None
    before, layer = found
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    if not mean.any() and (variance == 1).all():
        return None
    values: Float = np.asarray(before([s[:64] for s in samples], training=False), np.float32)
    z = (values - mean) / np.sqrt(variance + layer.epsilon)
    moments = np.square(z, dtype=np.float64).reshape(-1, z.shape[-1]).mean(axis=0)
    median = float(np.median(moments))
    return median if np.isfinite(median) and median > 0 else None


def _first_norm(model: Any) -> tuple[Any, Any] | None:
    """Return (inputs -> what enters the layer, the layer) of the first BatchNormalization.

    Only where it is a layer of the model itself, not of a model inside it.
    """
    if model is None:
        return None
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            return None
        if isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, 3):
            return keras.Model(list(model.inputs), layer.input), layer
    return None


def mismatch(model: FloatModel, specs: Sequence[Input], samples: Samples) -> str:
    """Return one line where the samples are nothing like what training saw, else nothing.

    Says so only if one of the usual scalings of the same pictures would explain it.
    """
    if len(specs) != 1 or specs[0].kind != "image":
        return ""
    now = moment(model, samples)
    if now is None or 1 / IMPLAUSIBLE < now < IMPLAUSIBLE:
        return ""
    mean, std = np.array(specs[0].mean), np.array(specs[0].std)
    pixels = ((samples[0] * std + mean).astype(np.float32),)
    others = {name: moment(model, _scaled(pixels, s)) for name, s in SCALINGS.items()}
    known = {name: value for name, value in others.items() if value is not None}
    name = min(known, key=lambda n: abs(log(known[n])))
    if not 1 / PLAUSIBLE < known[name] < PLAUSIBLE:
        return ""
    return (
        f"input {specs[0].name!r}: training saw pixels as {name}, not with mean "
        f"{specs[0].mean[0]:g} and std {specs[0].std[0]:g} (second moment after the first "
        f"BatchNormalization {now:.2g}; with {name} {known[name]:.2g}, ideal 1); give mean "
        f"{SCALINGS[name][0]:g}, std {SCALINGS[name][1]:g}"
    )
