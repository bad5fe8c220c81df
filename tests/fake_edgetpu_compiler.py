"""Stands in for edgetpu_compiler: takes its options, prints its report, gives a published result.

Which published model it gives is told by the model it is given; `mode` beside the program makes
it fail as the real one does. The texts are those of compiler 16.0.
"""

import sys
from pathlib import Path

HERE = Path(sys.argv[0]).resolve().parent
FAILURES = {
    "internal": (1, "Internal compiler error. Aborting! \n"),
    "version": (
        1,
        "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'. An older version of this "
        "builtin might be supported. Are you using an old TFLite binary with a newer model?\n\n"
        "ERROR: Registration failed.\n\nInvalid model: model.tflite\nModel could not be parsed\n",
    ),
    "large": (
        1,
        "Started a compilation timeout timer of 180 seconds.\n"
        "ERROR: Restored original execution plan after delegate application failure.\n"
        "Compilation failed: Compilation failed due to large activation tensors in model.\n"
        "Compilation child process completed within timeout period.\nCompilation failed! \n",
    ),
    "silent": (3, ""),
    "odd": (0, "\x1b[31mhello\n"),
}
BANNER = (
    "Edge TPU Compiler version 16.0.384591198\n"
    "Started a compilation timeout timer of 180 seconds.\n"
)
TABLE = "\nOperator                       Count      Status\n\n"
PARTLY = (
    "\nModel successfully compiled but not all operations are supported by the Edge TPU. A "
    "percentage of the model will instead run on the CPU, which is slower. If possible, consider "
    "updating your model to use only operations supported by the Edge TPU. For details, visit "
    "g.co/coral/model-reqs.\nNumber of operations that will run on Edge TPU: {tpu}\n"
    "Number of operations that will run on CPU: {cpu}\n"
)


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def arguments() -> tuple[int, Path, Path]:
    words = sys.argv[1:]
    if len(words) != 6 or words[0] != "-s" or words[1] != "-m" or words[3] != "-o":
        raise SystemExit(f"unexpected arguments {words}")
    return int(words[2]), Path(words[4]), Path(words[5])


def sizes(used: str, left: str, streamed: str, total: int, parts: int = 1) -> str:
    return (
        "\nModel compiled successfully in 1354 ms.\n\nInput model: model.tflite\n"
        "Input size: 513.28KiB\nOutput model: model_edgetpu.tflite\nOutput size: 782.67KiB\n"
        f"On-chip memory used for caching model parameters: {used}\n"
        f"On-chip memory remaining for caching model parameters: {left}\n"
        f"Off-chip memory used for streaming uncached model parameters: {streamed}\n"
        f"Number of Edge TPU subgraphs: {parts}\nTotal number of operations: {total}\n"
        "Operation log: model_edgetpu.log\n"
    )


def row(op: str, count: int, status: str) -> str:
    return f"{op:<31}{count:<11}{status}\n"


def main() -> None:
    runtime, out, source = arguments()
    coral = Path((HERE / "coral").read_text())
    mode = (HERE / "mode").read_text() if (HERE / "mode").exists() else ""
    (HERE / "runtime").write_text(str(runtime))
    if mode in FAILURES:
        code, text = FAILURES[mode]
        say(text)
        raise SystemExit(code)
    given = source.read_bytes()
    (twin,) = [
        path.with_name(f"{path.stem}_edgetpu.tflite")
        for path in coral.glob("*.tflite")
        if path.read_bytes() == given and not path.stem.endswith("_edgetpu")
    ]
    result = out / f"{source.stem}_edgetpu.tflite"
    table = row("CONV_2D", 15, "Mapped to Edge TPU") + row("SOFTMAX", 1, "Mapped to Edge TPU")
    say(BANNER)
    if mode == "none":
        result.write_bytes(given)
        why = "Operation is working on an unsupported data type"
        say(sizes("0.00B", "8.05MiB", "0.00B", 31, 0) + PARTLY.format(tpu=0, cpu=31))
        table = row("CONV_2D", 31, why)
    elif mode == "other":
        result.write_bytes((coral / "split_concat_edgetpu.tflite").read_bytes())
        say(sizes("1.00KiB", "8.04MiB", "0.00B", 3))
    elif mode == "partly":
        result.write_bytes(twin.read_bytes())
        say(sizes("6.86MiB", "7.75KiB", "1.22MiB", 31) + PARTLY.format(tpu=30, cpu=1))
        table = row("CONV_2D", 30, "Mapped to Edge TPU") + row(
            "SOFTMAX", 1, "More than one subgraph is not supported"
        )
    else:
        result.write_bytes(twin.read_bytes())
        say(sizes("480.00KiB", "7.47MiB", "0.00B", 31))
        table = (
            row("DEPTHWISE_CONV_2D", 13, "Mapped to Edge TPU")
            + row("CONV_2D", 15, "Mapped to Edge TPU")
            + row("AVERAGE_POOL_2D", 1, "Mapped to Edge TPU")
            + row("RESHAPE", 1, "Mapped to Edge TPU")
            + row("SOFTMAX", 1, "Mapped to Edge TPU")
        )
    log = f"Edge TPU Compiler version 16.0.384591198\nInput: model.tflite\n{TABLE}{table}"
    (out / f"{source.stem}_edgetpu.log").write_text(log)
    if mode != "log only":
        say(TABLE + table)
    say("Compilation child process completed within timeout period.\nCompilation succeeded! \n")


main()
