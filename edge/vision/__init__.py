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
