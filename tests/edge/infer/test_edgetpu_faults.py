"""Texts of loader, runtimes and libedgetpu, as they are written, and what they are taken for."""

import re

import pytest

from edge.infer.backend import FinalFault
from edge.infer.child import ChildEndedError
from edge.infer.edgetpu_faults import explain, explain_end

WORDS = {"library": "libedgetpu.so.1", "device": "usb:0", "runtime": "litert 2.3.0"}
ABSENT = "cannot open shared object file: No such file or directory"
# step, text, what is said, whether it is final
TEXTS = [
    ("library", f"libedgetpu.so.1: {ABSENT}", "libedgetpu.so.1 is not installed", True),
    ("library", f"libusb-1.0.so.0: {ABSENT}", "apt-get install libusb-1.0-0", True),
    ("library", f"libc++.so.1: {ABSENT}", "needs libc..\\.so.1, which is not installed", True),
    ("library", "/lib/libm.so.6: undefined symbol: tflite_plugin_create_delegate",
     "is another library", True),
    ("library", "libedgetpu.so.1: file too short", "is damaged", True),
    ("library", "libedgetpu.so.1: cannot read file data: Is a directory", "is damaged", True),
    ("library", "libedgetpu.so.1: wrong ELF class: ELFCLASS32", "another processor", True),
    ("library", "/lib/libc.so.6: version `GLIBC_2.38' not found (required by libedgetpu.so.1)",
     "needs GLIBC_2.38", True),
    ("library", "something else", "libedgetpu.so.1 cannot be opened: something else", True),
    ("load", "Failed to load delegate from libedgetpu.so.1\n", "finds no Edge TPU", False),
    ("load", "No module named 'ai_edge_litert'", "No module named", False),
    ("build", "no DELEGATE among the operators", "took no operator", True),
    ("allocate", "Encountered unresolved custom op: edgetpu-custom-op.\nSee instructions: Node "
     "number 0 (edgetpu-custom-op) failed to prepare.", "took no operator", True),
    ("allocate", "Internal: Unsupported data type in custom op handler: 0Node number 1 "
     "(EdgeTpuDelegateForCustomOp) failed to prepare.",
     "libedgetpu.so.1 and litert 2.3.0 disagree", True),
    ("allocate", "Failed precondition: Package requires runtime version (12), which is newer than "
     "this runtime version (10).Node number 0 (EdgeTpuDelegateForCustomOp) failed to prepare.",
     "needs Edge TPU runtime 12, libedgetpu.so.1 is runtime 10; .*--min_runtime_version 10", True),
    ("invoke", "", "fails in its first invoke: no reason given", False),
]  # fmt: skip


@pytest.mark.parametrize(("step", "text", "says", "final"), TEXTS)
def test_a_text_is_explained(step: str, text: str, says: str, final: bool) -> None:
    fault = explain(step, text, WORDS)
    (line,) = fault.faults
    assert re.search(says, line)
    assert isinstance(fault, FinalFault) is final
    assert "\n" not in line
    assert "{" not in line


@pytest.mark.parametrize(
    ("step", "status", "says", "final"),
    [
        ("ready", -6, r"at work: killed by SIGABRT \(Aborted\): last words; .*cable", False),
        ("load", -11, "while the library looked for the device: .*older than the runtime", False),
        ("allocate", -9, "while tensors were allocated: killed by SIGKILL", False),
        ("start", 1, "before it opened the library: ended with status 1: last words", False),
        ("library", -7, "ends the process that opens it: killed by SIGBUS .*damaged", True),
    ],
)
def test_an_end_is_explained(step: str, status: int, says: str, final: bool) -> None:
    fault = explain_end(step, ChildEndedError(status, "last words"))
    (line,) = fault.faults
    assert re.search(says, line)
    assert isinstance(fault, FinalFault) is final
