"""Any Keras model is frozen at batch 1, ports in the Keras order, or refused in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import BadDataError, EdgeError, NotFoundError
from edge.training.load import load

pytestmark = [
    pytest.mark.train,
    # Keras saves its variables by a call that numpy 2 will refuse some day
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

RESNET = "mlperf-tiny/pretrainedResnet.h5"


def two_heads() -> Any:
    import keras

    first, second = keras.Input((4,), name="b_first"), keras.Input((8,), name="a_second")
    x = keras.layers.Concatenate()([first, second])
    heads = [keras.layers.Dense(n, name=name)(x) for n, name in ((4, "z"), (3, "a"), (2, "m"))]
    return keras.Model([first, second], heads)


def sequential() -> Any:
    import keras

    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="top")])


def with_dictionaries() -> Any:
    import keras

    size, image = keras.Input((2,), name="size"), keras.Input((4,), name="image")
    x = keras.layers.Concatenate()([size, image])
    dense = keras.layers.Dense
    return keras.Model({"size": size, "image": image}, {"z": dense(1)(x), "a": dense(2)(x)})


@pytest.mark.parametrize(
    "build", [two_heads, sequential, with_dictionaries], ids=lambda b: b.__name__
)
def test_a_frozen_model_answers_as_the_keras_model(build: Callable[[], Any]) -> None:
    import keras

    model = build()
    frozen = load(model)
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=p.shape).astype(np.float32) for p in frozen.inputs]
    named = dict(zip([p.name for p in frozen.inputs], inputs, strict=True))
    fed = named if isinstance(getattr(model, "input", None), dict) else inputs
    wanted = model(fed if len(inputs) > 1 else inputs[0], training=False)
    got = frozen.call(inputs)
    for port, have, want in zip(frozen.outputs, got, keras.tree.flatten(wanted), strict=True):
        assert have.shape == port.shape == tuple(want.shape)
        assert np.allclose(have, want, atol=1e-6)


def test_ports_keep_the_keras_order_and_names() -> None:
    frozen = load(two_heads())
    assert [p.name for p in frozen.inputs] == ["b_first", "a_second"]
    assert [(p.name, p.shape) for p in frozen.outputs] == [
        ("z", (1, 4)),
        ("a", (1, 3)),
        ("m", (1, 2)),
    ]


def test_a_keras_2_file_loads(shared: Path) -> None:
    frozen = load(shared / "data" / RESNET)
    assert frozen.inputs[0].shape == (1, 32, 32, 3)
    (scores,) = frozen.call([np.full((1, 32, 32, 3), 128, np.float32)])
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_file_saved_model_and_object_answer_alike(tmp_path: Path) -> None:
    model = two_heads()
    model.save(tmp_path / "m.keras")
    model.export(tmp_path / "saved", verbose=False)
    inputs = [np.full((1, 4), 0.5, np.float32), np.full((1, 8), -0.25, np.float32)]
    wanted = load(model).call(inputs)
    from_file = load(str(tmp_path / "m.keras")).call(inputs)
    saved = load(tmp_path / "saved")
    by_name = dict(zip(["b_first", "a_second"], inputs, strict=True))
    from_saved = saved.call([by_name[p.name] for p in saved.inputs])
    for want, first, second in zip(wanted, from_file, from_saved, strict=True):
        assert np.allclose(want, first, atol=1e-6)
        assert np.allclose(want, second, atol=1e-6)
    assert "outputs in the order" in saved.notes[0]


def half() -> Any:
    import keras

    policy = keras.DTypePolicy("mixed_float16")
    return keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, dtype=policy, name="blurred")]
    )


def subclassed() -> Any:
    import keras

    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x * 2

    return Own()


def open_size() -> Any:
    import keras

    return keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])


def whole_numbers() -> Any:
    import keras

    return keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 4)])


REFUSED: dict[str, tuple[Callable[[], Any], type[EdgeError], str]] = {
    "a path that is not there": (lambda: "absent.keras", NotFoundError, "no model 'absent.keras'"),
    "no model": (lambda: 3, BadDataError, "not a Keras model: int"),
    "a subclass": (subclassed, BadDataError, "declares no inputs; wrap it"),
    "an open size": (open_size, BadDataError, "only the batch may be open"),
    "whole numbers": (whole_numbers, BadDataError, "is int32; full int8 needs float32 inputs"),
    "half precision": (half, BadDataError, "set_dtype_policy('float32')"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_become_int8_is_one_line_with_the_cure(name: str) -> None:
    build, kind, expected = REFUSED[name]
    with pytest.raises(kind) as caught:
        load(build())
    assert len(caught.value.faults) == 1
    assert expected in caught.value.faults[0]
    assert "\n" not in caught.value.faults[0]


def save_custom(path: Path) -> None:
    import keras

    class Doubled(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    keras.Sequential([keras.Input((3,)), Doubled()]).save(path)


def save_lambda(path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)]).save(path)


def save_weights(path: Path) -> None:
    sequential().save_weights(path)


def save_text(path: Path) -> None:
    path.write_text("no model")


FILES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "an own layer": ("own.keras", save_custom, "holds 'Doubled', which only your code knows"),
    "a lambda": ("l.keras", save_lambda, "holds a Lambda layer"),
    "weights only": ("w.weights.h5", save_weights, "holds weights only"),
    "text": ("t.keras", save_text, "is no Keras model"),
    "another ending": ("m.onnx", save_text, "allowed: .keras, .h5, a SavedModel"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_keras_cannot_read_is_one_line_with_the_cure(name: str, tmp_path: Path) -> None:
    file, save, expected = FILES[name]
    save(tmp_path / file)
    with pytest.raises(BadDataError) as caught:
        load(tmp_path / file)
    assert expected in caught.value.faults[0]
    assert "\n" not in caught.value.faults[0]


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"saved_model\.pb is missing"):
        load(tmp_path)
