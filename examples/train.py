"""Train on a folder of pictures, then recognise one of them: `python train.py PICTURES`.

PICTURES holds one folder per class; the bundle is written into the current folder.
"""

import sys
from pathlib import Path

import cv2

import edge


def main() -> None:
    """Train, print both scores, and try the int8 model on the first picture found."""
    pictures = Path(sys.argv[1])
    bundle = edge.train(pictures, Path("my_model"), model="tiny-cnn", epochs=12, seed=1)
    if bundle.score is not None:
        print(f"float {bundle.score.float.value:.3f}  int8 {bundle.score.int8.value:.3f}")

    picture = next(iter(sorted(pictures.rglob("*.jpg"))))
    with edge.open("my_model") as recognizer:
        scene = recognizer(cv2.imread(str(picture)))
    for detection in scene.detections:
        print(f"{picture.name}: {detection.label} {detection.score:.2f} ({scene.backend})")


if __name__ == "__main__":
    main()
