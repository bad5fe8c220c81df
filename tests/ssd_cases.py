"""What the tests of SSD detectors share."""

import itertools

ROLES = ("boxes", "classes", "scores", "count")
ORDERS = list(itertools.permutations(ROLES))


def told(detections) -> list[tuple]:
    return [
        (d.label, round(d.score, 4),
         tuple(round(v, 4) for v in (d.box.x0, d.box.y0, d.box.x1, d.box.y1)))
        for d in detections
    ]  # fmt: skip
