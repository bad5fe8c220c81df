"""TFLite Metadata ("M001", tflite-support's metadata_schema) and signatures inside a model."""

from edge.metadata.info import Metadata, TensorInfo
from edge.metadata.reading import read_metadata
from edge.metadata.writing import add_signature, write_metadata

__all__ = ["Metadata", "TensorInfo", "add_signature", "read_metadata", "write_metadata"]
