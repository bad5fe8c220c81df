"""The bundle, format 1: the only thing that training, the board and the export share."""

from edge.bundle.bare import read_bare
from edge.bundle.checks import tensor_order
from edge.bundle.embed import requirements, with_metadata
from edge.bundle.files import SIGNATURE, load_golden, read, write
from edge.bundle.labels import parse_labels
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
