"""The training loop: epochs, scoring on validation pictures, early stop, checkpoints."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.training.batches import Plan, Stored, epoch_batches, in_thread, steps_per_epoch
from edge.training.checkpoint import Arrays, Checkpoint, assign, load, save, values
from edge.training.twin import training_twin

log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is; `epochs` 0 means a stage without epochs, None not known yet."""

    stage: str
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    score: float | None = None
    seconds_left: float | None = None


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Adam with a warm-up and a cosine to 0; stops `patience` epochs after the best score."""

    epochs: int
    rate: float = 2e-3
    warmup_epochs: int = 1
    patience: int = 15
    first_score: int = 1  # the epoch from which scores are taken: early ones cost and say little
    score_every: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One training: what learns, from what, how it is scored, and where it is kept."""

    model: Any
    loss: Callable[..., Any]  # (outputs, *targets) -> scalar
    pictures: Sequence[Stored]
    plan: Plan
    schedule: Schedule
    score: Callable[[], float]  # of the model as it is, on validation pictures
    key: str = ""
    checkpoint: Path | None = None


def run(job: Job, resume: bool, report: Report, clock: Clock = time.monotonic) -> int:
    """Train until the last epoch or the early stop; leave the best weights in the model.

    Returns the epoch of the best score. With `resume` goes on after the last finished epoch.
    """
    learner = training_twin(job.model)
    optimizer = _optimizer(job, learner)
    step = _step(job, learner, optimizer)
    state = _start(job, learner, optimizer, resume)
    begun, first = clock(), state.epoch
    for epoch in range(state.epoch, job.schedule.epochs):
        if epoch - state.best_epoch >= job.schedule.patience and state.best_epoch > 0:
            log.info("no better score since epoch %d: stopped", state.best_epoch)
            break
        loss = _epoch(job, step, epoch)
        state = _scored(
            job, values(learner.variables), values(optimizer.variables), state, epoch + 1
        )
        if job.checkpoint is not None:
            save(state, job.checkpoint)
        left = (clock() - begun) / (epoch + 1 - first) * (job.schedule.epochs - epoch - 1)
        score = state.best_score if state.best_epoch else None
        report(Progress("train", epoch + 1, job.schedule.epochs, loss, score, left))
    assign(job.model.variables, state.best)
    return state.best_epoch


def _optimizer(job: Job, learner: Any) -> Any:
    import keras

    steps = steps_per_epoch(len(job.pictures), job.plan)
    warmup = min(job.schedule.warmup_epochs * steps, max(job.schedule.epochs * steps // 4, 1))
    rate = keras.optimizers.schedules.CosineDecay(
        job.schedule.rate / 100,
        decay_steps=max(job.schedule.epochs * steps - warmup, 1),
        warmup_target=job.schedule.rate,
        warmup_steps=warmup,
        alpha=0.01,
    )
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(learner.trainable_variables)
    return optimizer


def _step(job: Job, learner: Any, optimizer: Any) -> Callable[..., Any]:
    import tensorflow as tf

    def step(pixels: Any, *targets: Any) -> Any:
        real = (tf.cast(pixels, tf.float32) - 127.5) / 127.5
        with tf.GradientTape() as tape:
            outputs = learner(real, training=True)
            outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
            loss = job.loss(outputs, *targets)
        gradients = tape.gradient(loss, learner.trainable_variables)
        optimizer.apply(gradients, learner.trainable_variables)
        return loss

    compiled: Callable[..., Any] = tf.function(step, reduce_retracing=True)
    return compiled


def _epoch(job: Job, step: Callable[..., Any], epoch: int) -> float:
    losses = [step(*b) for b in in_thread(epoch_batches(job.pictures, job.plan, epoch))]
    return float(sum(float(loss) for loss in losses) / len(losses))


def _start(job: Job, learner: Any, optimizer: Any, resume: bool) -> Checkpoint:
    weights = values(learner.variables)
    fresh = Checkpoint(job.key, 0, weights, values(optimizer.variables), weights, -1.0, 0)
    if not resume or job.checkpoint is None:
        return fresh
    if not job.checkpoint.exists():
        log.warning("no checkpoint %s: training starts at the first epoch", job.checkpoint)
        return fresh
    found = load(job.checkpoint, job.key)
    assign(learner.variables, found.model)
    assign(optimizer.variables, found.optimizer)
    log.info("training goes on after epoch %d", found.epoch)
    return found


def _scored(
    job: Job, model: Arrays, optimizer: Arrays, state: Checkpoint, epoch: int
) -> Checkpoint:
    """Return the state after `epoch` epochs, scored where the schedule says so."""
    best, score, best_epoch = state.best, state.best_score, state.best_epoch
    schedule = job.schedule
    since = epoch - schedule.first_score
    if (since >= 0 and since % schedule.score_every == 0) or epoch == schedule.epochs:
        assign(job.model.variables, model)
        now = job.score()
        if now >= score:
            best, score, best_epoch = model, now, epoch
    return Checkpoint(job.key, epoch, model, optimizer, best, score, best_epoch)
