"""`edge evaluate`: how good a model is on pictures whose truth is known."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edge.cli import show
from edge.cli.data import FORMAT_HELP, tell_dataset

log = logging.getLogger(__name__)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--format", "kind", default="auto", show_default=True, help=FORMAT_HELP)
@click.option("--runtime", default="auto", help="auto, litert or tflite-runtime.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for evaluation.json and score.png."
)
@click.pass_context
def evaluate(
    ctx: click.Context, model: Path, data: Path, kind: str, runtime: str, out: Path | None
) -> None:
    """Score MODEL, a bundle or a .tflite file, on the test pictures of DATA.

    DATA is a folder of class folders, or pictures with boxes as YOLO text, COCO JSON, Pascal VOC
    XML, Edge Impulse's export, or a CSV.
    """
    from edge.infer.judge import judge
    from edge.infer.runtime import pick
    from edge.recognizer import read_model, require_decoder
    from edge.training.dataset import read_dataset
    from edge.training.evaluate import evaluate_bundle
    from edge.training.report import evaluation_record, evaluation_text, write_report

    chosen = pick(runtime)
    bundle = read_model(model)
    if bundle.folder is None:
        judge(bundle, chosen)
        require_decoder(bundle)
    # the seed of the training, or its own training pictures would score it
    seed = bundle.data.get("seed")
    known = seed if isinstance(seed, int) and seed >= 0 else 1
    dataset = read_dataset(data, kind, seed=known, learn=False)
    for line in bundle.guesses:
        log.info("%s", line)
    tell_dataset(dataset)
    with _progress(len(dataset.test), ctx.obj["quiet"]) as tick:
        result = evaluate_bundle(
            bundle, dataset.test, dataset.labels, dataset.task, chosen.name, tick
        )
    record = {"model": str(model), "data": str(data), "runtime": chosen.description}
    record |= evaluation_record(result)
    text = f"{bundle.name} on {chosen.description}\n{evaluation_text(result)}"
    if out is not None:
        files = write_report(result, out, bundle.name)
        text += "\n\nwritten: " + ", ".join(str(path) for path in files)
    show(ctx, record, text)


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Give what counts pictures on a bar, or silently where nobody looks at a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total, label="scoring", file=sys.stderr) as bar:
        yield bar.update
