"""`edge quantize`: any Keras model of the user's own to a full int8 bundle."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge.bundle import Bundle, Interval, parse_labels
from edge.cli import show
from edge.cli.progress import progress_bars
from edge.errors import BadDataError, NotFoundError, UsageError


@click.command()
@click.argument("keras_model", metavar="KERAS", type=click.Path(path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path),
    help="Pictures, perhaps in class folders, or an .npz with x (and y).",
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The bundle to write.")
@click.option("--max-drop", default=0.03, show_default=True, help="Most that int8 may lose.")
@click.option("--io", type=click.Choice(["int8", "uint8"]), default="int8", show_default=True)
@click.option("--labels", type=click.Path(path_type=Path), help="One label a line, class order.")
@click.option("--mean", help="Of pixels 0..255: one number or one a channel, such as 127.5.")
@click.option("--std", help="Likewise; real = (pixel - mean) / std, as in training.")
@click.option("--color", type=click.Choice(["rgb", "bgr", "gray"]), help="Order of the channels.")
@click.option(
    "--resize", type=click.Choice(["stretch", "letterbox", "crop"]), default="stretch",
    show_default=True, help="How pictures become the input's size.",
)  # fmt: skip
@click.option("--name", help="The model's name, [a-z][a-z0-9_]*; else that of the folder.")
@click.option("--golden-pictures", default=0, help="Samples of yours to keep as golden vectors.")
@click.pass_context
def quantize(
    ctx: click.Context,
    keras_model: Path,
    data: Path,
    out: Path,
    max_drop: float,
    io: Any,
    labels: Path | None,
    mean: str | None,
    std: str | None,
    color: str | None,
    resize: str,
    name: str | None,
    golden_pictures: int,
) -> None:
    """Turn KERAS (.keras, .h5 or a SavedModel) into the int8 bundle OUT.

    Calibrated and checked with DATA. Exit code 1 where int8 is worse than float by more than
    --max-drop beyond doubt; nothing is written then.
    """
    from edge.training.quantize import Report
    from edge.training.quantize import quantize as convert
    from edge.training.trainer import Progress

    found: list[Report] = []
    with progress_bars(ctx.obj["quiet"]) as tell:
        bundle = convert(
            keras_model, data, out, name=name, labels=_labels(labels), mean=_numbers(mean, "mean"),
            std=_numbers(std, "std"), color=color, resize=resize, io=io, max_drop=max_drop,
            golden_pictures=golden_pictures,
            progress=lambda step, done, total: tell(Progress(step, done, total)),
            report=found.append,
        )  # fmt: skip
    show(ctx, _record(bundle, found[0], out), _text(bundle, found[0], out))


def _labels(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    if not path.is_file():
        raise NotFoundError(f"no label file {str(path)!r}")
    try:
        return parse_labels(path.read_text(encoding="utf-8-sig"))[0]
    except UnicodeDecodeError as error:
        raise BadDataError(f"{path} is not UTF-8: {error}") from None


def _numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3) or (option == "std" and 0.0 in values):
        raise UsageError(f"--{option} is {text!r}; one number or three with commas (std not 0)")
    return values


def _record(bundle: Bundle, report: Any, out: Path) -> dict[str, Any]:
    drop = report.comparison.drop if report.comparison else None
    return {
        "bundle": str(out),
        "name": bundle.name,
        "task": bundle.task,
        "bytes": len(bundle.model),
        "inputs": [asdict(spec) for spec in bundle.inputs],
        "outputs": [asdict(spec) for spec in bundle.outputs],
        "requires": dict(bundle.requires),
        "golden": dict(bundle.golden),
        "parity": [asdict(parity) for parity in report.parity],
        "score": asdict(bundle.score) if bundle.score else None,
        "drop": asdict(drop) if drop else None,
        "notes": list(report.notes),
    }


def _text(bundle: Bundle, report: Any, out: Path) -> str:
    lines = [f"{out}: {bundle.name}, {bundle.task}, {len(bundle.model):,} bytes, full int8"]
    lines += [
        f"  {side} {spec.name} {list(spec.shape)} {spec.dtype}, scale {spec.scale:.6g}, "
        f"zero point {spec.zero_point}"
        for side, specs in (("input ", bundle.inputs), ("output", bundle.outputs))
        for spec in specs
    ]
    lines += [f"  parity {parity.text}" for parity in report.parity]
    if bundle.score:
        drop = report.comparison.drop
        lines.append(
            f"  {bundle.score.metric}: float {_interval(bundle.score.float)}, int8 "
            f"{_interval(bundle.score.int8)}, lost {_interval(drop)}, n={drop.n}"
        )
    return "\n".join(lines)


def _interval(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
