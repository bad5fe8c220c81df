"""Which operators an int8 network may use, as data: training and export agree by this table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Support:
    """Where a builtin operator runs with 8-bit tensors.

    `version` is the highest that both device runtimes load: that of tflite-runtime 2.14, the
    older one; found by giving it one model per operator and version. `edgetpu`: the Edge TPU
    compiler maps it (Coral's list of supported operations, for runtime 14; within its limits on
    shapes). `export`: the C export takes it or folds it away.
    """

    version: int
    edgetpu: bool = False
    export: bool = False


OPERATORS: dict[str, Support] = {
    "ABS": Support(5, export=True),
    "ADD": Support(5, edgetpu=True, export=True),
    "ARG_MAX": Support(3, export=True),
    "ARG_MIN": Support(3),
    "ASSIGN_VARIABLE": Support(1, export=True),
    "AVERAGE_POOL_2D": Support(3, edgetpu=True, export=True),
    "BATCH_MATMUL": Support(4),
    "BATCH_TO_SPACE_ND": Support(4, export=True),
    "BROADCAST_ARGS": Support(1),
    "BROADCAST_TO": Support(3),
    "CALL_ONCE": Support(1, export=True),
    "CAST": Support(5),
    "CONCATENATION": Support(4, edgetpu=True, export=True),
    "CONV_2D": Support(7, edgetpu=True, export=True),
    "DEPTHWISE_CONV_2D": Support(7, edgetpu=True, export=True),
    "DEPTH_TO_SPACE": Support(2),
    "DEQUANTIZE": Support(5, export=True),
    "EQUAL": Support(4),
    "EXP": Support(2),
    "EXPAND_DIMS": Support(1, edgetpu=True, export=True),
    "FILL": Support(4),
    "FULLY_CONNECTED": Support(10, edgetpu=True, export=True),
    "GATHER": Support(6),
    "GATHER_ND": Support(4),
    "GELU": Support(2),
    "GREATER": Support(2),
    "GREATER_EQUAL": Support(3),
    "HARD_SWISH": Support(1, export=True),
    "L2_NORMALIZATION": Support(2, edgetpu=True),
    "LEAKY_RELU": Support(2, export=True),
    "LESS": Support(3),
    "LESS_EQUAL": Support(2),
    "LOGISTIC": Support(3, edgetpu=True, export=True),
    "LOG_SOFTMAX": Support(2),
    "LSTM": Support(4, export=True),
    "MAXIMUM": Support(4, edgetpu=True, export=True),
    "MAX_POOL_2D": Support(3, edgetpu=True, export=True),
    "MEAN": Support(3, edgetpu=True, export=True),
    "MINIMUM": Support(4, edgetpu=True, export=True),
    "MIRROR_PAD": Support(3),
    "MUL": Support(7, edgetpu=True, export=True),
    "NOT_EQUAL": Support(3),
    "PACK": Support(4, edgetpu=True, export=True),
    "PAD": Support(4, edgetpu=True, export=True),
    "PADV2": Support(4, export=True),
    "PRELU": Support(1, edgetpu=True, export=True),
    "QUANTIZE": Support(3, edgetpu=True, export=True),
    "READ_VARIABLE": Support(1, export=True),
    "REDUCE_ALL": Support(1),
    "REDUCE_ANY": Support(1),
    "REDUCE_MAX": Support(3, edgetpu=True),
    "REDUCE_MIN": Support(3, edgetpu=True),
    "REDUCE_PROD": Support(2),
    "RELU": Support(3, edgetpu=True, export=True),
    "RELU6": Support(3, edgetpu=True, export=True),
    "RELU_N1_TO_1": Support(1, edgetpu=True),
    "RESHAPE": Support(1, edgetpu=True, export=True),
    "RESIZE_BILINEAR": Support(4, edgetpu=True, export=True),
    "RESIZE_NEAREST_NEIGHBOR": Support(4, edgetpu=True, export=True),
    "REVERSE_V2": Support(3),
    "RSQRT": Support(2, edgetpu=True, export=True),
    "SELECT": Support(4),
    "SELECT_V2": Support(2),
    "SHAPE": Support(1, export=True),
    "SLICE": Support(6, edgetpu=True, export=True),
    "SOFTMAX": Support(3, edgetpu=True, export=True),
    "SPACE_TO_BATCH_ND": Support(4, export=True),
    "SPACE_TO_DEPTH": Support(2, edgetpu=True, export=True),
    "SPLIT": Support(4, edgetpu=True, export=True),
    "SPLIT_V": Support(2, export=True),
    "SQRT": Support(1, export=True),
    "SQUARED_DIFFERENCE": Support(2, edgetpu=True),
    "SQUEEZE": Support(2, edgetpu=True, export=True),
    "STRIDED_SLICE": Support(8, edgetpu=True, export=True),
    "SUB": Support(5, edgetpu=True, export=True),
    "SUM": Support(2, edgetpu=True, export=True),
    "SVDF": Support(4, export=True),
    "TANH": Support(3, edgetpu=True, export=True),
    "TILE": Support(3),
    "TOPK_V2": Support(3),
    "TRANSPOSE": Support(6, edgetpu=True, export=True),
    "TRANSPOSE_CONV": Support(4, edgetpu=True, export=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Support(4, edgetpu=True, export=True),
    "UNPACK": Support(4, export=True),
    "VAR_HANDLE": Support(1, export=True),
    "WHERE": Support(2),
}


def max_version(op: str) -> int | None:
    """Return the highest version of an operator that every runtime loads, None if not in use."""
    support = OPERATORS.get(op)
    return support.version if support else None


def edgetpu_operators() -> frozenset[str]:
    """Return the operators that the Edge TPU compiler maps."""
    return frozenset(op for op, support in OPERATORS.items() if support.edgetpu)


def export_operators() -> frozenset[str]:
    """Return the operators that the C export takes."""
    return frozenset(op for op, support in OPERATORS.items() if support.export)
