"""`.tflite` files: read into a frozen graph of tensors and operators."""

from edge.tflite.compiled import EDGETPU_OP, Compiled, is_compiled, read_compiled
from edge.tflite.custom import read_numbers
from edge.tflite.graph import DTYPE_BITS, Graph, Operator, Quant, Signature, Tensor
from edge.tflite.outputs import with_outputs
from edge.tflite.reading import IDENTIFIER, read, read_metadata_buffers, read_metadata_names

__all__ = [
    "DTYPE_BITS",
    "EDGETPU_OP",
    "IDENTIFIER",
    "Compiled",
    "Graph",
    "Operator",
    "Quant",
    "Signature",
    "Tensor",
    "is_compiled",
    "read",
    "read_compiled",
    "read_metadata_buffers",
    "read_metadata_names",
    "read_numbers",
    "with_outputs",
]
