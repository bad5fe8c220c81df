"""The bundle, format 1: the only thing that training, the board and the export share.

What reads model files or writes bundles is imported when it is first named, so that a board which
runs a bundle starts without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edge.bundle.files import EDGETPU_MODEL, SIGNATURE, read
from edge.bundle.parts import (
    FORMAT,
    Bundle,
    Decode,
    Golden,
    Input,
    Interval,
    Output,
    Role,
    Score,
    Task,
    Thresholds,
)
from edge.bundle.twin import with_twin

__all__ = [
    "EDGETPU_MODEL",
    "FORMAT",
    "SIGNATURE",
    "Bundle",
    "Decode",
    "Golden",
    "Input",
    "Interval",
    "Output",
    "Role",
    "Score",
    "Task",
    "Thresholds",
    "load_golden",
    "parse_labels",
    "read",
    "read_bare",
    "requirements",
    "tensor_order",
    "with_metadata",
    "with_twin",
    "write",
]

_HOME = {
    "load_golden": "edge.bundle.writing",
    "parse_labels": "edge.bundle.labels",
    "read_bare": "edge.bundle.bare",
    "requirements": "edge.bundle.embed",
    "tensor_order": "edge.bundle.model",
    "with_metadata": "edge.bundle.embed",
    "write": "edge.bundle.writing",
}

if TYPE_CHECKING:
    from edge.bundle.bare import read_bare
    from edge.bundle.embed import requirements, with_metadata
    from edge.bundle.labels import parse_labels
    from edge.bundle.model import tensor_order
    from edge.bundle.writing import load_golden, write


def __getattr__(name: str) -> Any:
    """Return what its first use imports."""
    if name not in _HOME:
        raise AttributeError(f"module 'edge.bundle' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
