"""What a failed step of starting an Edge TPU means, and its cure: one line each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UnavailableError
from edge.infer.backend import FinalFault
from edge.infer.child import ChildEndedError

# The steps of `edge.infer.worker`, as a phrase after "killed" or "hangs".
STEPS = {
    "start": "before it opened the library",
    "library": "while it opened the library",
    "load": "while the library looked for the device",
    "build": "while the model was handed to the device",
    "allocate": "while tensors were allocated",
    "invoke": "in its first invoke",
    "ready": "at work",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text of one step stands for; `final`: no retry can mend it."""

    steps: tuple[str, ...]
    pattern: str
    line: str
    final: bool


_RUNNING = ("build", "allocate", "invoke")
# The first that fits counts; {library}, {device}, {text} and the groups of the pattern are filled.
MEANINGS = (
    Meaning(
        ("library",), r"(?P<absent>\S+): cannot open shared object file: No such file",
        "{why_absent}", True,
    ),
    Meaning(
        ("library",), r"undefined symbol: tflite_plugin|has no attribute 'tflite_plugin",
        "{library} is another library: it has no tflite_plugin_create_delegate; "
        "install libedgetpu1-std", True,
    ),
    Meaning(
        ("library",), r"version `(?P<version>[^']+)' not found",
        "{library} needs {version}, which this system does not have; "
        "install a libedgetpu built for this system", True,
    ),
    Meaning(
        ("library",), r"file too short|cannot read file data|invalid ELF|wrong ELF|ELF file",
        "{library} is damaged or built for another processor ({text}); "
        "install libedgetpu1-std again", True,
    ),
    Meaning(
        ("library",), r"",
        "{library} cannot be opened: {text}", True,
    ),
    Meaning(
        ("load",), r"Failed to load delegate",
        "{library} finds no Edge TPU it can use at {device}; end other programs that use it, "
        "or unplug it and plug it in again", False,
    ),
    Meaning(
        _RUNNING, r"no DELEGATE among|unresolved custom op: edgetpu-custom-op",
        "the Edge TPU took no operator of this model; compile the model with edgetpu_compiler, "
        "and use a libedgetpu and a runtime of about the same age", True,
    ),
    Meaning(
        _RUNNING, r"requires runtime version \((?P<needed>\d+)\).*runtime version \((?P<had>\d+)\)",
        "the model needs Edge TPU runtime {needed}, {library} is runtime {had}; compile it with "
        "edgetpu_compiler --min_runtime_version {had}, or install a newer libedgetpu", True,
    ),
    Meaning(
        _RUNNING, r"Unsupported data type in custom op handler",
        "{library} and {runtime} disagree ({text}); install a libedgetpu built for this runtime, "
        "or the runtime that this libedgetpu was built for", True,
    ),
)  # fmt: skip


def explain(step: str, text: str, words: Mapping[str, str]) -> UnavailableError:
    """Return the fault of a step that failed with a text; FinalFault where no retry can mend it.

    `words` has library, device and runtime, for people.
    """
    text = " ".join(text.split())[:300] or "no reason given"
    for meaning in MEANINGS:
        found = re.search(meaning.pattern, text) if step in meaning.steps else None
        if found:
            groups = {key: value for key, value in found.groupdict().items() if value}
            why = _why_absent(groups.get("absent", ""), words["library"])
            line = meaning.line.format(text=text, why_absent=why, **words, **groups)
            return FinalFault(line) if meaning.final else UnavailableError(line)
    return UnavailableError(f"the Edge TPU fails {STEPS.get(step, step)}: {text}")


def explain_end(step: str, end: ChildEndedError) -> UnavailableError:
    """Return the fault of a child that died at a step."""
    where = STEPS.get(step, step)
    if step == "library":  # half a file can be mapped, and is missed only when it is read
        return FinalFault(
            f"the Edge TPU's library ends the process that opens it: {end}; it is damaged: "
            "install libedgetpu1-std again"
        )
    if end.status == -11:
        cure = "; a libedgetpu older than the runtime does this: install one built for it"
    elif end.status == -6:
        cure = "; libedgetpu does this when it loses the device: check cable, port and power"
    else:
        cure = ""
    return UnavailableError(f"the Edge TPU's process ended {where}: {end}{cure}")


def explain_hang(step: str, limit_s: float) -> UnavailableError:
    """Return the fault of a child that took longer than allowed at a step, and was ended."""
    where = STEPS.get(step, step)
    return UnavailableError(
        f"the Edge TPU gave no answer within {limit_s * 1e3:.0f} ms {where}; its process was ended"
    )


def _why_absent(absent: str, library: str) -> str:
    if absent == library and Path(library).exists():
        return (
            f"{library} exists but is built for another processor; "
            "install the libedgetpu1-std of this architecture"
        )
    if absent == library:
        return f"{library} is not installed; install libedgetpu1-std, or give the library's path"
    package = " (sudo apt-get install libusb-1.0-0)" if absent.startswith("libusb-1.0") else ""
    return f"{library} needs {absent}, which is not installed; install it{package}"
