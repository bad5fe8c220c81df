"""What the shared data's manifest says of each model, and of which a test names every result."""

import re
from pathlib import Path

import cv2
import numpy as np

V2 = "coral/mobilenet_v2_1.0_224_quant.tflite"
V1 = "coral/mobilenet_v1_0.25_128_quant.tflite"
VWW = "mlperf-tiny/vww_96_int8.tflite"
RESNET = "mlperf-tiny/pretrainedResnet_quant.tflite"
FOX = "tensorflow-examples/fox.jpeg"

# What each classifier sees first on which picture.
NAMED = {
    V2: {
        "coral/images/parrot.jpg": "macaw",
        "coral/images/cat.bmp": "Egyptian cat",
        "coral/images/hot_dog.jpg": "hotdog, hot dog, red hot",
        "coral/images/grace_hopper.bmp": "military uniform",
        FOX: "red fox, Vulpes vulpes",
    },
    V1: {
        "coral/images/parrot.jpg": "macaw",
        "coral/images/cat.bmp": "Egyptian cat",
        FOX: "red fox, Vulpes vulpes",
    },
    RESNET: {"coral/images/cat.bmp": "cat", "coral/images/parrot.jpg": "bird"},
    VWW: {
        "openmv/person.bmp": "person",
        "openmv/faces.bmp": "person",
        "coral/images/grace_hopper.bmp": "person",
        "coral/images/cat.bmp": "no_person",
        "coral/images/parrot.jpg": "no_person",
        "coral/images/hot_dog.jpg": "no_person",
    },
}


def models(data: Path) -> dict[str, str]:
    """Return each model's path in `data` with all that the manifest says of it."""
    text = (data / "MANIFEST.md").read_text()
    entries = re.findall(r"^- `(\S+\.tflite)`.*\n((?:(?!- `).*\n)*)", text, re.MULTILINE)
    return dict(entries)


def is_broken(notes: str) -> bool:
    """Tell whether a model's run ended in an error."""
    return re.search(r"tfl214:.*ERROR", notes) is not None


def readable(path: Path) -> np.ndarray:
    """Return a picture; OpenCV does not read the two bitmaps with 5, 6 and 5 bits a pixel."""
    picture = cv2.imread(str(path))
    if picture is not None:
        return picture
    raw = path.read_bytes()
    width, height = np.frombuffer(raw, "<i4", 2, 18)
    pixels = np.frombuffer(raw, "<u2", width * abs(height), int.from_bytes(raw[10:14], "little"))
    red, green, blue = pixels >> 11, pixels >> 5 & 63, pixels & 31
    bgr = np.stack([blue * 255 // 31, green * 255 // 63, red * 255 // 31], -1).astype(np.uint8)
    return bgr.reshape(abs(height), width, 3)[:: 1 if height < 0 else -1]
