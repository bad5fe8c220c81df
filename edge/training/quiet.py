"""TensorFlow's first words, which say nothing to a person, kept off the terminal."""

import os
import sys


def import_tensorflow() -> None:
    """Import TensorFlow and wake its devices without what C++ writes to stderr meanwhile.

    No environment variable stops those lines: they come before the log is configured. Errors
    still arrive as exceptions. Nothing is done where TensorFlow is there already.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.constant(0)  # the devices are looked for at the first tensor
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
