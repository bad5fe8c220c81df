import contextlib
import os
import subprocess
import sys
from pathlib import Path

from edge.quiet import native_messages_hidden, native_messages_kept

ROOT = Path(__file__).resolve().parents[2]


def test_words_of_c_code_are_hidden_and_come_back_after(capfd):
    with native_messages_hidden():
        os.write(2, b"hidden")
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_descriptors_do_not_leak():
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = descriptors()
    for _ in range(5):
        with native_messages_hidden(), native_messages_kept("x"):
            pass
    assert descriptors() == before


def test_kept_messages_are_given_and_others_pass(capfd) -> None:
    with native_messages_kept("bad") as lines:
        os.write(2, b"bad Huffman code\nsomebody else\nbad again\n")
        assert lines == []
    assert lines == ["bad Huffman code", "bad again"]
    assert capfd.readouterr().err == "somebody else\n"
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"


def test_kept_messages_survive_an_error(capfd) -> None:
    with contextlib.suppress(ValueError), native_messages_kept("bad") as lines:
        os.write(2, b"bad\n")
        raise ValueError
    assert lines == ["bad"]
    os.write(2, b"later")
    assert capfd.readouterr().err == "later"


def test_closed_stderr_hears_nothing_and_stays_closed() -> None:
    code = (
        "import os; from edge.quiet import native_messages_kept\n"
        "os.close(2)\n"
        "with native_messages_kept('x') as lines: pass\n"
        "try: os.fstat(2)\n"
        "except OSError: print('closed', lines)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "closed []\n"
