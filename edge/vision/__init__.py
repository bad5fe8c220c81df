"""Pure array functions: pictures to model inputs, model outputs to detections."""

from edge.vision.boxes import decode_boxes
from edge.vision.centroid import decode_centroid
from edge.vision.classify import decode_classes
from edge.vision.decoder import Decoder
from edge.vision.none import decode_nothing
from edge.vision.ssd import decode_ssd

DECODERS: dict[str, Decoder] = {
    "classify": decode_classes,
    "boxes": decode_boxes,
    "ssd": decode_ssd,
    "centroid": decode_centroid,
    "none": decode_nothing,
}

# What each decoder reads, for who brings a model that suits none.
TAKES: dict[str, str] = {
    "classify": "one vector of class scores",
    "ssd": "boxes [1, N, 4], classes and scores [1, N] and a count, "
    "or heads [1, N, 4] and [1, N, C] with N anchors in the file",
    "centroid": "one heat map [1, h, w, C] of class scores",
    "boxes": "three maps [1, h, w, 1], [1, h, w, C] and [1, h, w, 4] of a bundle by edge train",
}
