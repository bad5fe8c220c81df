"""The same C on emulated microcontrollers: the self-test passes, and instructions are counted."""

from pathlib import Path

import pytest

from firmware_export import emulate, export, oracle, selftest, targets, vectors

CORES = tuple(name for name in targets.names() if name != targets.HOST)

pytestmark = [pytest.mark.train, pytest.mark.needs("arm")]


@pytest.mark.parametrize("core", CORES)
def test_the_self_test_passes_and_fails_on_a_wrong_vector(shared: Path, core: str) -> None:
    made = export(shared / "data" / "mlperf-tiny" / "ad01_int8.tflite", core, name="ad")
    inputs = vectors.synthetic(made.model.inputs, 2)
    outputs = oracle.answers(made.model.content, inputs, "tflm")
    right = {**made.files, "ad_selftest.c": selftest.text(made.model, inputs, outputs)}
    count = emulate.run(made.model, right, targets.find(core))
    assert count.failed == 0
    assert count.instructions > sum(count.layers) * 0.99
    assert min(count.layers) > 0
    outputs[0][1, 7] ^= 1
    wrong = {**made.files, "ad_selftest.c": selftest.text(made.model, inputs, outputs)}
    assert emulate.run(made.model, wrong, targets.find(core)).failed == 2
