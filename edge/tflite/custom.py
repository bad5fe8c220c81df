"""The options of custom operators that are FlexBuffer maps, such as those of detectors."""

import struct
from collections.abc import Mapping

from flatbuffers import flexbuffers

from edge.errors import BadDataError
from edge.tflite.graph import Operator

MOST_OPTIONS = 256


def read_numbers(operator: Operator) -> Mapping[str, float]:
    """Return the numbers and truths in the map of a custom operator's options, {} without any.

    Raises BadDataError where the options are damaged: the library trusts what it reads, so any
    way of failing counts.
    """
    data = operator.custom_options
    if not data:
        return {}
    try:
        options = flexbuffers.GetRoot(data).AsMap
        if len(options) > MOST_OPTIONS:
            raise ValueError(f"{len(options)} options; at most {MOST_OPTIONS} are read")
        pairs = zip(options.Keys, options.Values, strict=True)
        return {
            str(key.AsKey): float(value.Value)
            for key, value in pairs
            if value.IsNumeric or value.IsBool
        }
    except (struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise BadDataError(
            f"operator {operator.index} ({operator.op}): its {len(data):,} bytes of options "
            "are no map of numbers"
        ) from error
