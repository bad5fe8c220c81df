"""`edge demo`: pictures, training, int8 and the camera loop in one go."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import show
from edge.cli.progress import progress_bars
from edge.config import WEB_ADDRESS
from edge.statistics import statistics_record

if TYPE_CHECKING:
    from edge.demo import Outcome


@click.command()
@click.option("--quick", is_flag=True, help="Plain scenes only: less than two minutes.")
@click.option("--data", type=click.Path(path_type=Path), help="Your pictures in class folders.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("edge-demo"),
    show_default=True,
    help="Where the results go.",
)
@click.option("--web", is_flag=False, flag_value=WEB_ADDRESS, help="Serve the live picture.")
@click.option("--no-window", is_flag=True, help="Open no window, even where one can open.")
@click.pass_context
def demo(
    ctx: click.Context, quick: bool, data: Path | None, out: Path, web: str | None, no_window: bool
) -> None:
    """Train on composed digits or on --data, then recognise on the webcam or on a clip."""
    from edge.demo import Options, run_demo

    options = Options(out, data, quick, web, False if no_window else None)
    with progress_bars(ctx.obj["quiet"]) as report:
        outcome = run_demo(options, report, lambda line: click.echo(line, err=True))
    show(ctx, _record(outcome, data), _text(outcome, data))


def _record(outcome: "Outcome", data: Path | None) -> dict[str, Any]:
    from edge.demo import next_commands

    record: dict[str, Any] = {
        "source": outcome.source,
        "statistics": statistics_record(outcome.statistics),
        "files": {name: str(path) for name, path in _files(outcome).items()},
        "next": list(next_commands(outcome, data)),
    }
    if outcome.bundle.score is not None:
        score = outcome.bundle.score
        record |= {"metric": score.metric, "float": score.float.value, "int8": score.int8.value}
    if outcome.clip is not None:
        record["clip"] = {"f1": outcome.clip.f1, "frames": outcome.clip.frames}
    return record


def _text(outcome: "Outcome", data: Path | None) -> str:
    from edge.demo import next_commands

    statistics = outcome.statistics
    infer = statistics.stages["infer"]
    lines = [
        f"{statistics.answered} of {statistics.frames_in} frames answered, "
        f"{infer.p50_ms:.2f} ms each by the int8 model (half of them), {infer.p99_ms:.2f} ms (99 %)"
    ]
    if outcome.clip is not None:
        c = outcome.clip
        lines.append(
            f"on the clip: F1 {c.f1:.3f} at IoU 0.5, {c.objects} digits in {c.frames} frames"
        )
    lines += [f"{name:<8} {path}" for name, path in _files(outcome).items()]
    lines += ["next:", *(f"  {command}" for command in next_commands(outcome, data))]
    return "\n".join(lines)


def _files(outcome: "Outcome") -> dict[str, Path]:
    files = outcome.files
    named = {
        "model": files.bundle,
        "video": files.video,
        "h264": files.h264,
        "score": files.score,
        "events": files.events,
        "truth": files.truth,
    }
    return {name: path for name, path in named.items() if path.exists()}
