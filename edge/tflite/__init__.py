"""`.tflite` files: read into a frozen graph of tensors and operators."""

from edge.tflite.graph import DTYPE_BITS, Graph, Operator, Quant, Signature, Tensor
from edge.tflite.outputs import with_outputs
from edge.tflite.reading import IDENTIFIER, read, read_metadata_buffers, read_metadata_names

__all__ = [
    "DTYPE_BITS",
    "IDENTIFIER",
    "Graph",
    "Operator",
    "Quant",
    "Signature",
    "Tensor",
    "read",
    "read_metadata_buffers",
    "read_metadata_names",
    "with_outputs",
]
