"""The operators that can be exported: a module or an entry of a module's table each."""

from firmware_export.node import Op
from firmware_export.ops import (
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    max_pool_2d,
    softmax,
    transpose_conv,
)
from firmware_export.ops.arg_max import ARG
from firmware_export.ops.binary import BINARY
from firmware_export.ops.moves import MOVERS
from firmware_export.ops.reduce import REDUCE
from firmware_export.ops.resize import RESIZE
from firmware_export.ops.unary import UNARY

OPS: dict[str, Op] = {
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": max_pool_2d,
    "SOFTMAX": softmax,
    "TRANSPOSE_CONV": transpose_conv,
    **ARG,
    **BINARY,
    **MOVERS,
    **REDUCE,
    **RESIZE,
    **UNARY,
}
