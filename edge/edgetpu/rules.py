"""Which operators the Edge TPU compiler maps, as data: since which runtime, within which limits.

From "TensorFlow models on the Edge TPU", supported operations (SOURCE), of compiler 16.0 and
runtime 14, the last ones. Two of its remarks cannot be decided from a model: it leaves "certain
reshapes" of large tensors and resizes that would lose precision to the processor.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge.edgetpu import limits
from edge.edgetpu.node import Node

SOURCE = "https://coral.ai/docs/edgetpu/models-intro/#supported-operations"
# The first runtime for which the table speaks of "all" versions.
FIRST_RUNTIME = 10

Limit = Callable[[Node], str | None]
# Limits of every operator, in the order in which the first is named.
GENERAL: tuple[Limit, ...] = (limits.data_type, limits.fixed_size, limits.rank)


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operator maps.

    `runtime`: the first runtime that takes it. `version`: the highest operator version that
    compiler 16.0 loads; it refuses the whole model for a higher one. `limits` give the reason
    for the processor, `later` names runtimes that a special case waits for, `maybe` what cannot
    be decided here.
    """

    runtime: int = FIRST_RUNTIME
    version: int = 1
    limits: tuple[Limit, ...] = ()
    later: tuple[tuple[int, Callable[[Node], bool]], ...] = ()
    maybe: str = ""


_RESIZE = "depends on its sizes: it is left out where it would lose precision"
_ACTIVATION = (limits.no_activation,)
_WEIGHTS = (limits.constant_weights, limits.same_dilation)
_BATCH = (limits.no_batch_axes,)

# Versions: TensorFlow 2.9's tensorflow/lite/kernels/register.cc is an upper bound, since the
# compiler refuses its CONV_2D 6 (github.com/google-coral/edgetpu/issues/631) and, of later ones,
# TRANSPOSE_CONV 4 (issues/845).
RULES: dict[str, Rule] = {
    "ADD": Rule(version=4),
    "AVERAGE_POOL_2D": Rule(version=3, limits=_ACTIVATION),
    "CONCATENATION": Rule(version=3, limits=(limits.no_activation, limits.zero_concatenation)),
    "CONV_2D": Rule(version=5, limits=_WEIGHTS),
    "DEPTHWISE_CONV_2D": Rule(version=6, limits=_WEIGHTS, later=((13, limits.is_dilated),)),
    "EXPAND_DIMS": Rule(runtime=13),
    "FULLY_CONNECTED": Rule(version=9, limits=(limits.constant_weights, limits.one_dimension)),
    "L2_NORMALIZATION": Rule(version=2),
    "LOGISTIC": Rule(version=3),
    "MAXIMUM": Rule(version=4),
    "MAX_POOL_2D": Rule(version=3, limits=_ACTIVATION),
    "MEAN": Rule(
        version=3,
        limits=(limits.no_batch_axes, limits.mean_depth),
        later=((13, limits.reduces_depth),),
    ),
    "MINIMUM": Rule(version=4),
    "MUL": Rule(version=5),
    "PACK": Rule(runtime=13, version=3, limits=(limits.no_batch_packing,)),
    "PAD": Rule(version=4, limits=(limits.no_batch_padding,), later=((13, limits.pads_depth),)),
    "PRELU": Rule(runtime=13, limits=(limits.prelu_alpha,)),
    "QUANTIZE": Rule(runtime=13, version=2),
    "REDUCE_MAX": Rule(runtime=14, version=3, limits=_BATCH),
    "REDUCE_MIN": Rule(runtime=14, version=3, limits=_BATCH),
    "RELU": Rule(version=3),
    "RELU6": Rule(version=3),
    "RELU_N1_TO_1": Rule(version=1),
    "RESHAPE": Rule(version=1),
    "RESIZE_BILINEAR": Rule(version=4, limits=(limits.resized_picture,), maybe=_RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Rule(version=4, limits=(limits.resized_picture,), maybe=_RESIZE),
    "RSQRT": Rule(runtime=14, version=2),
    "SLICE": Rule(version=5),
    "SOFTMAX": Rule(version=3, limits=(limits.softmax_size,)),
    "SPACE_TO_DEPTH": Rule(version=2),
    "SPLIT": Rule(version=4, limits=(limits.no_batch_split,)),
    "SQUARED_DIFFERENCE": Rule(runtime=14, version=2),
    "SQUEEZE": Rule(version=1, later=((13, limits.has_inner_ones),)),
    "STRIDED_SLICE": Rule(version=4, limits=(limits.unit_strides,)),
    "SUB": Rule(version=5),
    "SUM": Rule(runtime=13, version=2, limits=_BATCH),
    "TANH": Rule(version=3),
    "TRANSPOSE": Rule(runtime=14, version=5),
    "TRANSPOSE_CONV": Rule(runtime=13, version=3, limits=(limits.constant_kernel,)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(runtime=14, version=3),
}
