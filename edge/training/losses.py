"""Losses as TensorFlow functions of a model's outputs and a batch's targets."""

from collections.abc import Sequence
from typing import Any

# How much each part counts; sums are divided by the objects of the batch.
CLASS_WEIGHT = 3.0
BOX_WEIGHT = 2.0
SMOOTHING = 0.05  # of the wanted classes: keeps scores from saturating
EPSILON = 1e-6


def class_loss(outputs: Any, classes: Any, class_weights: Sequence[float] = ()) -> Any:
    """Return the mean cross-entropy of `scores` (n, C) after softmax, smoothed.

    `classes` (n,) are indices; `class_weights` (C,) count rare classes more.
    """
    import tensorflow as tf

    scores = tf.clip_by_value(outputs[0], EPSILON, 1.0)
    count = tf.cast(tf.shape(scores)[1], tf.float32)
    wanted = tf.one_hot(classes, tf.shape(scores)[1])
    wanted = wanted * (1.0 - SMOOTHING) + SMOOTHING / count
    entropy = -tf.reduce_sum(wanted * tf.math.log(scores), axis=1)
    weights = _weights(classes, class_weights)
    return tf.reduce_sum(entropy * weights) / tf.reduce_sum(weights)


def boxes_loss(
    outputs: Any, hills: Any, classes: Any, distances: Any, class_weights: Sequence[float] = ()
) -> Any:
    """Return focal loss on objectness plus cross-entropy and GIoU, both weighted by objectness.

    `hills` (n, h, w) 0..1, `classes` (n, h, w), `distances` (n, h, w, 4) as in
    `edge.training.targets`.
    """
    import tensorflow as tf

    objectness, logits, reach = outputs
    objects = tf.maximum(tf.reduce_sum(tf.cast(hills >= 1.0, tf.float32)), 1.0)
    total = tf.maximum(tf.reduce_sum(hills), 1.0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
    entropy *= _weights(classes, class_weights)
    return (
        tf.reduce_sum(_focal(objectness[..., 0], hills)) / objects
        + CLASS_WEIGHT * tf.reduce_sum(entropy * hills) / total
        + BOX_WEIGHT * tf.reduce_sum((1.0 - giou(reach, distances)) * hills) / total
    )


def _weights(classes: Any, class_weights: Sequence[float]) -> Any:
    import tensorflow as tf

    if not class_weights:
        return tf.ones_like(classes, tf.float32)
    return tf.gather(tf.constant(class_weights, tf.float32), classes)


def _focal(found: Any, hills: Any) -> Any:
    """Penalty-reduced focal loss on Gaussian peaks (Law and Deng, 2018, arXiv:1808.01244)."""
    import tensorflow as tf

    found = tf.clip_by_value(found, EPSILON, 1.0 - EPSILON)
    peak = tf.cast(hills >= 1.0, tf.float32)
    at_peak = -peak * (1.0 - found) ** 2 * tf.math.log(found)
    away = -(1.0 - peak) * (1.0 - hills) ** 4 * found**2 * tf.math.log(1.0 - found)
    return at_peak + away


def giou(a: Any, b: Any) -> Any:
    """Return the generalised IoU, -1..1, of boxes given as distances (..., 4) from one point.

    Rezatofighi et al., 2019, arXiv:1902.09630.
    """
    import tensorflow as tf

    inner, outer = tf.minimum(a, b), tf.maximum(a, b)
    shared = (inner[..., 0] + inner[..., 2]) * (inner[..., 1] + inner[..., 3])
    hull = (outer[..., 0] + outer[..., 2]) * (outer[..., 1] + outer[..., 3])
    areas = [(d[..., 0] + d[..., 2]) * (d[..., 1] + d[..., 3]) for d in (a, b)]
    union = areas[0] + areas[1] - shared
    return shared / (union + EPSILON) - (hull - union) / (hull + EPSILON)
