"""Train a Keras model, quantize it to full int8 TFLite, and recognise objects on the device.

`edge.train`, `edge.quantize`, `edge.open` and `edge.watch` are imported when they are first named,
so that a board which only runs models never loads what a host needs for training.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["open", "quantize", "train", "watch"]

_HOME = {
    "train": ("edge.training.fit", "train"),
    "quantize": ("edge.training.quantize", "quantize"),
    "open": ("edge.recognizer", "open_recognizer"),
    "watch": ("edge.loop", "watch"),
}

if TYPE_CHECKING:
    from edge.loop import watch
    from edge.recognizer import open_recognizer as open
    from edge.training.fit import train
    from edge.training.quantize import quantize


def __getattr__(name: str) -> Any:
    """Return a function of the public API; the first use imports the room it lives in."""
    if name not in _HOME:
        raise AttributeError(f"module 'edge' has no attribute {name!r}; it offers {__all__}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(module), attribute)
