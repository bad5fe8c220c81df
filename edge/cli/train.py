"""`edge train`: pictures to an int8 bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import show
from edge.cli.data import FORMAT_HELP, tell_dataset
from edge.cli.progress import progress_bars

if TYPE_CHECKING:
    from edge.bundle import Bundle


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The bundle to write.")
@click.option("--format", "kind", default="auto", show_default=True, help=FORMAT_HELP)
@click.option("--model", help="tiny-cnn or tiny-boxes; else what fits the data.")
@click.option("--size", type=int, help="Side of the model's input in px; else the model's own.")
@click.option("--epochs", type=int, help="Times through all pictures; else by their number.")
@click.option("--seed", default=1, show_default=True, help="Of split, weights and order.")
@click.option("--max-drop", default=0.03, show_default=True, help="Most that int8 may lose.")
@click.option("--resume", is_flag=True, help="Go on where a killed training stopped.")
@click.option("--golden-pictures", default=0, help="Pictures of yours to keep in the bundle.")
@click.pass_context
def train(
    ctx: click.Context,
    data: Path,
    out: Path,
    kind: str,
    model: str | None,
    size: int | None,
    epochs: int | None,
    seed: int,
    max_drop: float,
    resume: bool,
    golden_pictures: int,
) -> None:
    """Train a model on DATA and write it, quantized to int8, as the bundle OUT.

    DATA is a folder of class folders (perhaps within train, val and test), or pictures with boxes
    as YOLO text, COCO JSON, Pascal VOC XML, Edge Impulse's export, or a CSV.
    Exit code 1 where int8 is worse than float by more than --max-drop beyond doubt.
    """
    from edge.training.dataset import read_dataset
    from edge.training.fit import train as fit
    from edge.training.networks import FITTING
    from edge.training.trainer import Progress

    with progress_bars(ctx.obj["quiet"]) as report:
        report(Progress("read"))
        dataset = read_dataset(data, kind, seed=seed)
        tell_dataset(dataset)
        bundle = fit(
            dataset,
            out,
            model or FITTING[dataset.task],
            size_px=size,
            epochs=epochs,
            seed=seed,
            max_drop=max_drop,
            resume=resume,
            golden_pictures=golden_pictures,
            progress=report,
        )
    show(ctx, train_record(bundle, out), train_text(bundle, out))


def next_commands(out: Path) -> tuple[str, ...]:
    """Return what to try with a new bundle."""
    return (f"edge run {out} --source 0", f"edge inspect {out}", f"edge fit {out}")


def train_record(bundle: "Bundle", out: Path) -> dict[str, Any]:
    """Return the JSON object of a training: where it is, how good it is."""
    record: dict[str, Any] = {
        "bundle": str(out),
        "name": bundle.name,
        "version": bundle.version,
        "labels": list(bundle.labels),
        "threshold": bundle.thresholds.default,
        "data": dict(bundle.data),
        "next": list(next_commands(out)),
    }
    if bundle.score is not None:
        record["metric"] = bundle.score.metric
        for kind, score in (("float", bundle.score.float), ("int8", bundle.score.int8)):
            record[kind] = {"value": score.value, "low": score.low, "high": score.high}
    return record


def train_text(bundle: "Bundle", out: Path) -> str:
    """Return both scores side by side and the next commands."""
    from edge.training.picture import NAMES, interval_text

    lines = []
    score = bundle.score
    if score is not None:
        name, before, after = (NAMES[score.metric], score.float, score.int8)
        lines += [
            f"{'':<16}{'float':<24}int8",
            f"{name:<16}{interval_text(before):<24}{interval_text(after):<24}"
            f"on {after.n} test pictures",
        ]
    lines += [
        f"written: {out} ({len(bundle.labels)} labels, {len(bundle.model) / 1000:.0f} KB model, "
        f"threshold {bundle.thresholds.default:.2f})",
        "next:",
        *(f"  {command}" for command in next_commands(out)),
    ]
    return "\n".join(lines)
