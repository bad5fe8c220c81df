"""What a training was asked for, checked before anything long begins."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BadDataError, CannotWriteError, UsageError
from edge.training.dataset import Dataset
from edge.training.networks import NETWORKS, Network

LEAST_PX, MOST_PX = 32, 512
NEEDS = {"classify": "one class a picture", "detect": "labelled boxes"}


@dataclass(frozen=True, slots=True)
class Request:
    """One training; `size_px` and `epochs` None are left to the network and the data."""

    out: Path
    model: str
    size_px: int | None
    epochs: int | None
    seed: int
    resume: bool
    max_drop: float
    golden_pictures: int

    @property
    def network(self) -> Network:
        """Return the row of NETWORKS."""
        return NETWORKS[self.model]

    @property
    def side_px(self) -> int:
        """Return the side of the model's input."""
        return self.network.size_px if self.size_px is None else self.size_px

    @property
    def checkpoint(self) -> Path:
        """Return where an unfinished training is kept: beside the bundle."""
        return self.out.with_name(f"{self.out.name}.checkpoint.npz")


def require_sense(request: Request) -> None:
    """Raise UsageError with everything that cannot be meant."""
    faults = []
    if request.model not in NETWORKS:
        faults.append(f"no model {request.model!r}; known models: {', '.join(NETWORKS)}")
    else:
        step, side = request.network.divisor_px, request.side_px
        if side % step or not LEAST_PX <= side <= MOST_PX:
            faults.append(f"size {side} px; allowed: {LEAST_PX} to {MOST_PX} in steps of {step}")
    if request.epochs is not None and request.epochs < 1:
        faults.append(f"{request.epochs} epochs; at least 1 is needed")
    if not 0 <= request.max_drop <= 1:
        faults.append(f"largest drop {request.max_drop:g}; allowed: 0 to 1")
    if request.golden_pictures < 0:
        faults.append(f"{request.golden_pictures} golden pictures; allowed: 0 or more")
    if request.seed < 0:
        faults.append(f"seed {request.seed}; allowed: 0 or more")
    if faults:
        raise UsageError(*faults)


def require_task(network: Network, dataset: Dataset) -> None:
    """Raise BadDataError where the network learns something else than the data show."""
    if network.task != dataset.task:
        fitting = ", ".join(n.name for n in NETWORKS.values() if n.task == dataset.task)
        raise BadDataError(
            f"model {network.name!r} needs {NEEDS[network.task]}, the data have "
            f"{NEEDS[dataset.task]}; models for them: {fitting}"
        )


def require_writable(out: Path) -> None:
    """Raise CannotWriteError now rather than after the training."""
    if out.exists() and not (out / "model.toml").is_file() and not _is_empty_folder(out):
        raise CannotWriteError(f"'{out}' is there and is no bundle; give another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise CannotWriteError(f"cannot write into '{out.parent}': {error.strerror}") from None


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
