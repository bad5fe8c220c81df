import os

from edge.quiet import native_messages_hidden


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
        with native_messages_hidden():
            pass
    assert descriptors() == before
