"""The operators that can be exported: a module each, a row each."""

from firmware_export.node import Op
from firmware_export.ops import (
    add,
    average_pool_2d,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    softmax,
)

OPS: dict[str, Op] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "SOFTMAX": softmax,
}
