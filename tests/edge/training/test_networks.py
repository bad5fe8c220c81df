"""The networks: their size, their outputs, and what a bundle says of both."""

from typing import Any

import numpy as np
import pytest

from edge.training.networks import NETWORKS
from edge.vision import DECODERS

pytestmark = pytest.mark.train


@pytest.fixture(scope="module", params=list(NETWORKS))
def built(request: pytest.FixtureRequest) -> tuple[str, Any]:
    from edge.training.quiet import import_tensorflow

    import_tensorflow()
    return request.param, NETWORKS[request.param].build((96, 96, 3), 10)


def test_outputs_have_the_names_of_the_table_in_its_order(built: tuple[str, Any]) -> None:
    name, model = built
    outputs = [tensor.name.split("/")[0] for tensor in model.outputs]
    layers = [tensor._keras_history.operation.name for tensor in model.outputs]
    assert layers == [output for output, _ in NETWORKS[name].roles], outputs
    assert NETWORKS[name].decode.decoder in DECODERS


@pytest.mark.parametrize(("name", "most"), [("tiny-cnn", 75_000), ("tiny-boxes", 44_000)])
def test_network_fits_small_devices(name: str, most: int) -> None:
    assert NETWORKS[name].build((96, 96, 3), 10).count_params() <= most


def test_detector_has_a_cell_every_eight_pixels() -> None:
    model = NETWORKS["tiny-boxes"].build((64, 128, 3), 7)
    shapes = [tuple(tensor.shape[1:]) for tensor in model.outputs]
    assert shapes == [(8, 16, 1), (8, 16, 7), (8, 16, 4)]
    decode = NETWORKS["tiny-boxes"].decode
    assert (decode.stride_px, decode.distance_unit_px) == (8, 32)


def test_outputs_are_in_the_range_of_their_roles(built: tuple[str, Any]) -> None:
    name, model = built
    real = np.random.default_rng(0).uniform(-1, 1, (3, 96, 96, 3)).astype(np.float32)
    answers = model.predict_on_batch(real)
    answers = answers if isinstance(answers, list) else [answers]
    for (_, role), answer in zip(NETWORKS[name].roles, answers, strict=True):
        if role == "scores":
            assert answer.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
        if role in ("objectness", "scores"):
            assert 0 <= answer.min() <= answer.max() <= 1
        if role == "distances":
            assert answer.min() >= 0


def test_training_twin_answers_as_the_model_and_follows_the_batch(built: tuple[str, Any]) -> None:
    from edge.training.twin import training_twin

    _, model = built
    twin = training_twin(model)
    real = np.random.default_rng(1).uniform(-1, 1, (8, 96, 96, 3)).astype(np.float32)
    for ours, theirs in zip(flat(twin, real, False), flat(model, real, False), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    # dropout would differ by chance, so only what comes before it is compared while training
    before = [v.numpy() for v in twin.non_trainable_variables]
    flat(twin, real, True)
    flat(model, real, True)
    moved = [v.numpy() for v in twin.non_trainable_variables]
    theirs = [v.numpy() for v in model.non_trainable_variables]
    pairs = [p for p in zip(before, moved, theirs, strict=True) if p[0].dtype == np.float32]
    assert any(not np.allclose(old, new) for old, new, _ in pairs)
    for _, ours, expected in pairs:
        # the fused kernel takes the unbiased variance: n / (n - 1) of Keras's
        assert ours == pytest.approx(expected, rel=0.02, abs=2e-3)


def flat(model: Any, real: np.ndarray, training: bool) -> list[np.ndarray]:
    answer = model(real, training=training)
    return [a.numpy() for a in (answer if isinstance(answer, list) else [answer])]
