"""What several tests of the training room share: made once, since each conversion takes seconds."""

from pathlib import Path
from typing import Any

import pytest
from toys import toy_classifier, toy_pictures, write_folders

from edge.bundle import Bundle


@pytest.fixture(scope="session")
def classifier() -> Any:
    """Return a trained Keras classifier of toy pictures."""
    return toy_classifier()


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one folder of toy pictures a kind, unseen in training."""
    return write_folders(tmp_path_factory.mktemp("kinds"), *toy_pictures(120, seed=2))


@pytest.fixture(scope="session")
def quantized(
    classifier: Any, class_folders: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bundle, Any]:
    """Return the classifier as a bundle on disk, and the report of its quantisation."""
    from edge.training.quantize import quantize

    found: list[Any] = []
    out = tmp_path_factory.mktemp("bundles") / "kinds"
    bundle = quantize(classifier, class_folders, out, report=found.append)
    return bundle, found[0]
