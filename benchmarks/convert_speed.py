"""How long a Keras model takes to become int8: `python benchmarks/convert_speed.py [--pairs N]`.

MobileNetV2 0.35 at 96 px with the same calibration samples, by two ways that take turns in one
process: ours (tracing, freezing, calibrating, quantising) and
`TFLiteConverter.from_keras_model`, which everybody uses. Exits 1 where the median of ours over
theirs is more than a quarter. `edge quantize` converts in a child process, which has to import
TensorFlow once more: that time is printed beside, and is not part of the ratio.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.training.convert import convert, convert_graph
from edge.training.load import load
from edge.training.quiet import import_tensorflow

GATE = 0.25
SAMPLES = 20
SHAPE = (96, 96, 3)

Samples = NDArray[np.float32]


def build() -> Any:
    """Return the untrained network: its weights do not change how long converting takes."""
    import keras

    return keras.applications.MobileNetV2(SHAPE, alpha=0.35, weights=None, classes=10)


def ours(model: Any, samples: Samples) -> bytes:
    """Convert as the child of `edge quantize` does, after freezing as its parent does."""
    frozen = load(model)
    ports = [[port.tensor for port in side] for side in (frozen.inputs, frozen.outputs)]
    return convert_graph(frozen.graph, *ports, [samples], "int8", lambda **_: None)


def in_child(model: Any, samples: Samples) -> bytes:
    """Convert as `edge quantize` does, the child process and its imports included."""
    return convert(load(model), (samples,))


def theirs(model: Any, samples: Samples) -> bytes:
    """Convert as TensorFlow's guide to full int8 shows it."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def seconds(way: Callable[[Any, Samples], bytes], model: Any, samples: Samples) -> float:
    """Return how long one conversion takes; it must give a model."""
    start = time.monotonic()
    content = way(model, samples)
    assert content[4:8] == b"TFL3"
    return time.monotonic() - start


def main() -> int:
    """Print each pair and the median ratio; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="conversions each way")
    pairs = parser.parse_args().pairs
    import_tensorflow()
    samples = np.random.default_rng(1).uniform(-1, 1, (SAMPLES, *SHAPE)).astype(np.float32)
    ratios, whole = [], []
    for index in range(pairs):
        model = build()
        fast, slow = seconds(ours, model, samples), seconds(theirs, model, samples)
        whole.append(seconds(in_child, model, samples))
        ratios.append(fast / slow)
        print(f"pair {index + 1}: ours {fast:.2f} s, from_keras_model {slow:.2f} s")
    median = statistics.median(ratios)
    print(f"with a child process: {statistics.median(whole):.2f} s")
    print(f"MobileNetV2 0.35, 96 px: {median:.3f} of the time (gate {GATE})")
    return int(median > GATE)


if __name__ == "__main__":
    sys.exit(main())
