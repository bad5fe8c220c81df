"""TFLite Metadata ("M001"), MediaPipe's for detectors ("V001"), and signatures inside a model."""

from edge.metadata.detector import AnchorOptions, read_anchor_options
from edge.metadata.info import Metadata, TensorInfo
from edge.metadata.reading import read_metadata
from edge.metadata.writing import add_signature, write_metadata

__all__ = [
    "AnchorOptions",
    "Metadata",
    "TensorInfo",
    "add_signature",
    "read_anchor_options",
    "read_metadata",
    "write_metadata",
]
