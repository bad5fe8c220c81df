"""The command `edge`: each command lives in a file of its own and is imported when it is called."""

from edge.collector import Paused

with Paused():
    import contextlib
    import importlib
    import logging
    import os
    import sys
    import threading
    from typing import Any

    import click

    import edge
    from edge.errors import EdgeError, UnavailableError

# In the order of the work: on a host, on a board, about boards, for microcontrollers.
COMMANDS = {
    "demo": "edge.cli.demo:demo",
    "capture": "edge.cli.capture:capture",
    "train": "edge.cli.train:train",
    "quantize": "edge.cli.quantize:quantize",
    "evaluate": "edge.cli.evaluate:evaluate",
    "inspect": "edge.cli.inspect:inspect",
    "compile": "edge.cli.compile:compile_bundle",
    "run": "edge.cli.run:run",
    "devices": "edge.cli.devices:devices",
    "fit": "edge.cli.fit:fit",
    "export": "edge.cli.export:export",
    "bench": "edge.cli.bench:bench",
}

CAMERA_THREAD = "camera"  # edge.camera.reader.THREAD, which is not imported for other commands

# A module that a command needs and pip did not bring -> the extra that does.
EXTRAS = {
    "cv2": "device",
    "tornado": "device",
    "tensorflow": "train",
    "keras": "train",
    "sklearn": "train",
    "matplotlib": "train",
    "rich": "train",
    "tomli_w": "train",
}


class LazyGroup(click.Group):
    """A group that imports a command's file only when that command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None where the name is unknown."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        with Paused():
            if cmd_name == "run":
                # nothing there multiplies matrices, and numpy's idle threads spin as it starts
                os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
                # from here, because Python 3.11 keeps frames in chunks of 16 kB: numpy's imports,
                # nested in ours, crossed a chunk's end 1,800 times, each time with a new mapping
                importlib.import_module("numpy")
            command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a wrong row of the table
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(edge.__version__, prog_name="edge")
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")
@click.option("-v", "verbose", is_flag=True, help="Say more.")
@click.option("-q", "quiet", is_flag=True, help="Say only what matters.")
@click.pass_context
def cli(ctx: click.Context, as_json: bool, verbose: bool, quiet: bool) -> None:
    """Train, quantize and run models on the device you hold."""
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other")
    ctx.obj = {"json": as_json, "quiet": quiet}
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)


def show(ctx: click.Context, record: Any, text: str) -> None:
    """Print `record` as JSON where --json was given, else `text`."""
    if ctx.obj["json"]:
        import json  # a run of pictures starts without it

        text = json.dumps(record, default=str)
    click.echo(text)


def main() -> None:
    """Run the command line; a user's mistake ends with its lines and exit code, no traceback."""
    code: int | str | None
    try:
        code = _run()
    except SystemExit as end:
        code = 0 if end.code is None else end.code
    if isinstance(code, int) and _reader_left_behind():
        # it would wake up in an interpreter that is half gone, and abort the process
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    try:
        cli.main(standalone_mode=True)
    except EdgeError as error:
        for fault in error.faults:
            click.echo(f"edge: {fault}", err=True)
        return error.exit_code
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        cure = f"pip install 'embedded-edge[{EXTRAS[error.name]}]'"
        click.echo(f"edge: this command needs {error.name}: {cure}", err=True)
        return UnavailableError.exit_code
    return 0


def _reader_left_behind() -> bool:
    """Return whether a camera's thread is still in a call into its driver."""
    return any(thread.name == CAMERA_THREAD for thread in threading.enumerate())
