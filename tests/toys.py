"""Small pictures of three kinds, and small Keras models, for tests of the training room."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

KINDS = ("disc", "ramp", "stripes")
SIZE_PX = 24


def toy_pictures(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return RGB pictures (count, 24, 24, 3) and which of KINDS each is."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX] / SIZE_PX
    kinds = rng.integers(0, 3, count)
    pictures = []
    for kind in kinds:
        back, front = rng.uniform(0, 110, 3), rng.uniform(140, 255, 3)
        middle, angle = rng.uniform(0.35, 0.65, 2), rng.uniform(0, np.pi)
        along = x * np.cos(angle) + y * np.sin(angle)
        shape = (
            (np.hypot(x - middle[0], y - middle[1]) < 0.28) * 1.0,
            (along - along.min()) / np.ptp(along),
            0.5 + 0.5 * np.sin(along * 30),
        )[kind]
        picture = back + shape[..., None] * (front - back) + rng.normal(0, 6, (*x.shape, 3))
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(pictures), kinds


def write_folders(folder: Path, pictures: NDArray[np.uint8], kinds: NDArray[np.int64]) -> Path:
    """Write pictures as PNG files into one folder a kind."""
    for index, (picture, kind) in enumerate(zip(pictures, kinds, strict=True)):
        path = folder / KINDS[kind] / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture[..., ::-1])
    return folder


def to_real(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the toy classifier was trained on: -1..1."""
    return ((pixels - 127.5) / 127.5).astype(np.float32)


def toy_classifier(seed: int = 1) -> Any:
    """Return a Keras model that tells KINDS apart, trained within seconds on -1..1."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    x = image = keras.Input((SIZE_PX, SIZE_PX, 3), name="image")
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    pictures, kinds = toy_pictures(384, seed)
    model.fit(to_real(pictures), kinds, batch_size=32, epochs=12, verbose=0)
    return model
