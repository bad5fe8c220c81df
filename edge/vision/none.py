"""The decoder of raw models: their outputs mean nothing to a scene."""

from edge.bundle import Bundle
from edge.scene import Detection
from edge.vision.decoder import Reals
from edge.vision.geometry import Geometry


def decode_nothing(
    outputs: Reals,  # noqa: ARG001 - every decoder takes these three
    bundle: Bundle,  # noqa: ARG001
    geometry: Geometry,  # noqa: ARG001
) -> tuple[Detection, ...]:
    """Return no detection, whatever the outputs are."""
    return ()
