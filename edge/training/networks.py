"""Networks that train from scratch and fit small devices: plain convolutions, int8 friendly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from edge.bundle import Decode, Role

Shape = tuple[int, int, int]

# Few steps an epoch: the default of 0.99 would still average over the first, useless ones.
BATCH_NORM_MOMENTUM = 0.9
STRIDE_PX = 8


@dataclass(frozen=True, slots=True)
class Network:
    """A named way to build a Keras model and to read what it answers.

    `build(shape, classes)` takes (height, width, 3) and returns a model whose outputs, in
    order, have the names and roles of `roles`. `divisor_px` divides height and width.
    """

    name: str
    task: Literal["classify", "detect"]
    build: Callable[[Shape, int], Any]
    roles: tuple[tuple[str, Role], ...]
    decode: Decode
    size_px: int = 96
    divisor_px: int = STRIDE_PX


def tiny_cnn(shape: Shape, classes: int) -> Any:
    """Return a classifier of about 60,000 parameters: `scores` (1, classes) after softmax."""
    import keras

    image = keras.Input(shape, name="image")
    x = _conv(image, 16, 2)
    for filters, stride in ((32, 1), (48, 2), (64, 1), (96, 2), (96, 1), (128, 2), (128, 1)):
        x = _separable(x, filters, stride)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    scores = keras.layers.Dense(classes, activation="softmax", name="scores")(x)
    return keras.Model(image, scores, name="tiny_cnn")


def tiny_boxes(shape: Shape, classes: int) -> Any:
    """Return a detector of about 43,000 parameters at stride 8, with three maps.

    `objectness` (1, h, w, 1) is 0..1, `logits` (1, h, w, classes) are unbounded, `distances`
    (1, h, w, 4) are left, top, right, bottom, 0 or more, in units of 32 px.
    """
    import keras

    image = keras.Input(shape, name="image")
    x = _conv(image, 16, 2)
    for filters, stride in ((32, 2), (32, 1), (64, 2), (96, 1), (96, 1), (96, 1), (64, 1)):
        x = _separable(x, filters, stride)
    rare = keras.initializers.Constant(-4.0)  # few cells hold an object: begin by doubting
    heads = [
        keras.layers.Conv2D(
            1, 1, activation="sigmoid", bias_initializer=rare, name="objectness"
        )(x),
        keras.layers.Conv2D(classes, 1, name="logits")(x),
        keras.layers.Conv2D(
            4, 1, activation="relu", bias_initializer=keras.initializers.Constant(0.5),
            name="distances",
        )(x),
    ]  # fmt: skip
    return keras.Model(image, heads, name="tiny_boxes")


def _conv(x: Any, filters: int, stride: int) -> Any:
    import keras

    x = keras.layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    return _norm_relu(x)


def _separable(x: Any, filters: int, stride: int) -> Any:
    """Depthwise, then pointwise, each normalised and limited to 0..6.

    Without the first normalisation the depthwise channels have such different ranges that one
    int8 scale for all of them loses up to 10 steps at the outputs.
    """
    import keras

    x = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    x = _norm_relu(x)
    x = keras.layers.Conv2D(filters, 1, use_bias=False)(x)
    return _norm_relu(x)


def _norm_relu(x: Any) -> Any:
    import keras

    x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)
    return keras.layers.ReLU(6.0)(x)


NETWORKS: dict[str, Network] = {
    "tiny-cnn": Network(
        "tiny-cnn", "classify", tiny_cnn, (("scores", "scores"),), Decode("classify")
    ),
    "tiny-boxes": Network(
        "tiny-boxes",
        "detect",
        tiny_boxes,
        (("objectness", "objectness"), ("logits", "logits"), ("distances", "distances")),
        Decode("boxes", stride_px=STRIDE_PX, distance_unit_px=32, nms_iou=0.5),
    ),
}

# The network that a dataset gets where nobody names one.
FITTING = {"classify": "tiny-cnn", "detect": "tiny-boxes"}
