"""What commands that read a user's pictures share: the words of the option, and what is told."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.training.dataset import Dataset

log = logging.getLogger(__name__)

FORMAT_HELP = "auto, folder, yolo, coco, voc, csv or edge-impulse."


def tell_dataset(dataset: "Dataset") -> None:
    """Say what was left out and decided; with -v every file and row that was left out."""
    for note in dataset.notes:
        log.info("%s", note)
    for fault in dataset.faults:
        log.debug("%s", fault)
