"""`edge capture`: take the pictures to train on, with the camera that will recognise."""

import logging
import shlex
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import show
from edge.cli.camera import (
    Words,
    camera_of,
    require_opencv,
    roi_option,
    rotate_option,
    source_option,
    web_of,
    web_option,
    window_option,
)
from edge.config import Config, ModelConfig
from edge.errors import CannotWriteError, EdgeError

if TYPE_CHECKING:
    from edge.capture import Kept

log = logging.getLogger(__name__)

EVERY_MS = 500


@click.command()
@source_option
@click.option("--label", required=True, help="What is on the pictures: the name of their class.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option("--every", type=click.IntRange(1), default=EVERY_MS, show_default=True, metavar="MS")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after N pictures.")
@rotate_option
@roi_option
@window_option
@web_option
@click.pass_context
def capture(ctx: click.Context, /, **options: Any) -> None:
    """Take pictures of one class into DIR/LABEL, for `edge train DIR`.

    Pictures that nearly equal one that is there are left out: they would teach nothing new.
    """
    require_opencv("capture")
    config = configure(options)
    from edge.capture import Album, Foot, capture
    from edge.loop import open_camera, stop_on_signals
    from edge.sinks import Setting, build_sinks

    stop = threading.Event()
    with stop_on_signals(stop), closing(Album(options["out"] / options["label"])) as album:
        try:
            source = open_camera(config.cameras[0], stop)
        except EdgeError:
            if stop.is_set():
                raise click.Abort from None
            raise
        with closing(source):
            canvas = Foot(options["label"], album.kept)
            setting = Setting(canvas, source.fps, source.live, "edge capture", stop.set)
            sinks = build_sinks(config, setting)
            log.info("%s into '%s'", source.description, album.folder)
            faults = capture(
                source, album, sinks,
                every_ms=options["every"], count=options["count"], stop=stop, report=said(ctx),
            )  # fmt: skip
    record = summary(album.kept, options)
    show(ctx, record, summary_text(record))
    if faults:
        raise CannotWriteError(*faults)


def configure(options: Mapping[str, Any]) -> Config:
    """Return the configuration of one camera without a model; raises UsageError with all faults."""
    from edge.capture import check_label

    words = Words()
    words.check(check_label, options["label"])
    camera = camera_of(words, options)
    web = web_of(words, options)
    words.settle()
    return Config(
        model=ModelConfig(options["out"]),  # none is opened
        cameras=(camera,),
        web=web,
        window=options["window"],
    )


def said(ctx: click.Context) -> Callable[[int], None]:
    """Return what tells, now and then, how many pictures are kept."""

    def say(written: int) -> None:
        if written == 1 or written % 10 == 0:
            log.info("%d kept", written)

    return (lambda _: None) if ctx.obj["quiet"] else say


def summary(kept: "Kept", options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `--json` prints."""
    out = options["out"]
    return {
        "label": options["label"],
        "folder": str(out / options["label"]),
        "kept": kept.written,
        "nearly_the_same": kept.duplicates,
        "dark": kept.dark,
        "frames": kept.frames,
        "in_folder": kept.before + kept.written,
        "next": next_command(out, options),
    }


def next_command(out: Path, options: Mapping[str, Any]) -> str:
    """Return the command to type next: another class where this is the only one, else training."""
    classes = [p for p in out.glob("*") if p.is_dir() and not p.name.startswith(".")]
    data = shlex.quote(str(out))
    if len(classes) > 1:
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in out.resolve().name)
        return f"edge train {data} --out {(name or 'pictures').lower()}_model"
    from edge.camera import without_password

    source = shlex.quote(without_password(options["source"]))
    return f"edge capture --source {source} --label ANOTHER_CLASS --out {data}"


def summary_text(record: Mapping[str, Any]) -> str:
    """Return the summary for people."""
    lines = [
        f"{record['kept']} kept of {record['frames']} frames in '{record['folder']}', which now "
        f"holds {record['in_folder']}; {record['nearly_the_same']} left out as nearly the same"
    ]
    if record["dark"]:
        lines.append(f"{record['dark']} of them are nearly black: more light, or the lens cap off")
    return "\n".join([*lines, "next:", f"  {record['next']}"])
