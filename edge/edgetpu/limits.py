"""Why the Edge TPU compiler leaves an operator to the processor: one function, one reason each.

Each takes an operator and returns the reason in a few words, None where it does not apply.
"""

from edge.edgetpu.node import Node, outer

EIGHT_BITS = ("int8", "uint8")
SOFTMAX_MOST = 16_000
MEAN_DEPTH_UNIT = 4


def data_type(node: Node) -> str | None:
    """Every tensor that is computed must be int8 or uint8, quantized."""
    for tensor in node.activations:
        if tensor.dtype not in EIGHT_BITS:
            return f"works on {tensor.dtype}; the Edge TPU takes int8 and uint8"
        if tensor.quant is None:
            return f"works on {tensor.dtype} without a scale; quantize the whole model"
    return None


def fixed_size(node: Node) -> str | None:
    """Sizes must be known to the compiler."""
    for tensor in node.activations:
        if -1 in (tensor.shape_signature or tensor.shape):
            return f"has a size that may change: {list(tensor.shape_signature or tensor.shape)}"
    return None


def rank(node: Node) -> str | None:
    """Only the three innermost dimensions may be larger than 1."""
    for tensor in node.activations:
        if any(side > 1 for side in outer(tensor.shape, 3)):
            return f"shape {list(tensor.shape)}: only the three innermost sides may exceed 1"
    return None


def constant_weights(node: Node) -> str | None:
    """Weights and bias must be constants; weights of 8 bits."""
    for name, index in (("weights", 1), ("bias", 2)):
        tensor = node.input(index)
        if tensor is not None and tensor.data is None:
            return f"its {name} are computed, not constant"
    weights = node.input(1)
    if weights is not None and weights.dtype not in EIGHT_BITS:
        return f"its weights are {weights.dtype}; the Edge TPU takes int8 and uint8"
    return None


def constant_kernel(node: Node) -> str | None:
    """Weights of a transposed convolution must be constants of 8 bits."""
    weights = node.input(1)
    if weights is None or weights.data is None or weights.dtype not in EIGHT_BITS:
        return "its weights are not constants of 8 bits"
    return None


def same_dilation(node: Node) -> str | None:
    """Dilation must be the same in x and y."""
    x, y = node.op.options.get("dilation_w_factor", 1), node.op.options.get("dilation_h_factor", 1)
    return None if x == y else f"dilation {x} in x and {y} in y: they must be the same"


def no_activation(node: Node) -> str | None:
    """No fused activation."""
    fused = node.op.options.get("fused_activation_function", "NONE")
    return None if fused == "NONE" else f"fused activation {fused}: it takes none"


def zero_concatenation(node: Node) -> str | None:
    """Constant inputs must be all zeros, and one of two."""
    for tensor in node.inputs:
        if tensor is None or tensor.data is None:
            continue
        zero = tensor.quant.zero_points[0] & 0xFF if tensor.quant else 0
        if len(node.inputs) != 2 or tensor.data.strip(bytes([zero])):
            return "a constant input must be all zeros and one of two inputs"
    return None


def one_dimension(node: Node) -> str | None:
    """Allow outputs of one dimension and weights of the default format."""
    form = node.op.options.get("weights_format", "DEFAULT")
    if form != "DEFAULT":
        return f"weights in the format {form}; it takes DEFAULT"
    for tensor in node.outputs:
        if any(side > 1 for side in outer(tensor.shape, 1)):
            return f"output {list(tensor.shape)}: only the innermost side may exceed 1"
    return None


def softmax_size(node: Node) -> str | None:
    """One dimension of at most 16,000 elements."""
    tensor = node.input(0)
    if tensor is None:
        return None
    if any(side > 1 for side in outer(tensor.shape, 1)):
        return f"input {list(tensor.shape)}: only the innermost side may exceed 1"
    if tensor.shape and tensor.shape[-1] > SOFTMAX_MOST:
        return f"{tensor.shape[-1]:,} elements; at most {SOFTMAX_MOST:,}"
    return None


def no_batch_axes(node: Node) -> str | None:
    """Reductions must leave the batch alone; their axes must be constant."""
    if node.constant(1) is None:
        return "its axes are computed, not constant"
    return "reduces the batch" if 0 in node.axes(1) and _has_batch(node) else None


def mean_depth(node: Node) -> str | None:
    """Means over the depth need a depth that is a multiple of 4."""
    tensor = node.input(0)
    if tensor is None or not reduces_depth(node) or tensor.shape[-1] % MEAN_DEPTH_UNIT == 0:
        return None
    return f"mean over a depth of {tensor.shape[-1]}: it must be a multiple of {MEAN_DEPTH_UNIT}"


def no_batch_padding(node: Node) -> str | None:
    """Allow no padding of the batch, and only constant widths."""
    widths = node.constant(1)
    if widths is None:
        return "its paddings are computed, not constant"
    return "pads the batch" if any(widths[:2]) and _has_batch(node) else None


def no_batch_split(node: Node) -> str | None:
    """Allow no split of the batch."""
    axis, tensor = node.constant(0), node.input(1)
    if not axis or tensor is None or not tensor.shape:
        return "its axis is computed, not constant"
    parts = node.op.options.get("num_splits", 0)  # a split into one part splits nothing
    return "splits the batch" if axis[0] % len(tensor.shape) == 0 and parts != 1 else None


def no_batch_packing(node: Node) -> str | None:
    """Packing must leave the batch alone."""
    return "packs along the batch" if node.op.options.get("axis", 0) == 0 else None


def prelu_alpha(node: Node) -> str | None:
    """Alpha is a constant with one dimension."""
    alpha = node.input(1)
    if alpha is None or alpha.data is None:
        return "its alpha is computed, not constant"
    if any(side > 1 for side in outer(alpha.shape, 1)):
        return f"alpha {list(alpha.shape)}: only the innermost side may exceed 1"
    return None


def unit_strides(node: Node) -> str | None:
    """Strides of 1, and neither ellipsis nor new axes."""
    strides = node.constant(3)
    if strides is None:
        return "its strides are computed, not constant"
    if any(stride != 1 for stride in strides):
        return f"strides {list(strides)}: all must be 1"
    masks = [key for key in ("ellipsis_mask", "new_axis_mask") if node.op.options.get(key)]
    return f"{' and '.join(masks)} must be 0" if masks else None


def resized_picture(node: Node) -> str | None:
    """Only pictures: [1, height, width, depth]."""
    tensor = node.input(0)
    if tensor is None or len(tensor.shape) == 4:
        return None
    return f"input {list(tensor.shape)}: it takes pictures"


def is_dilated(node: Node) -> bool:
    """Tell whether a convolution leaves holes between its taps."""
    options = node.op.options
    return any(options.get(f"dilation_{side}_factor", 1) != 1 for side in "wh")


def reduces_depth(node: Node) -> bool:
    """Tell whether a reduction goes along the innermost side."""
    tensor = node.input(0)
    return tensor is not None and len(tensor.shape) - 1 in node.axes(1)


def pads_depth(node: Node) -> bool:
    """Tell whether the innermost side is padded."""
    return any((node.constant(1) or (0, 0))[-2:])


def has_inner_ones(node: Node) -> bool:
    """Tell whether a side of 1 that is dropped lies inside a larger one."""
    tensor = node.input(0)
    sides = tensor.shape if tensor else ()
    first = next((index for index, side in enumerate(sides) if side > 1), len(sides))
    return any(side == 1 for side in sides[first:])


def _has_batch(node: Node) -> bool:
    tensor = node.input(0)
    return tensor is not None and len(tensor.shape) > 1
