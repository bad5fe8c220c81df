"""What a killed training needs to go on: one file, replaced whole or not at all."""

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import BadDataError, CannotWriteError

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state after `epoch` epochs; `best` are the weights of the best scoring so far.

    `key` names data and settings: a checkpoint of other ones must not be continued.
    """

    key: str
    epoch: int
    model: Arrays
    optimizer: Arrays
    best: Arrays
    best_score: float
    best_epoch: int


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; a kill at any moment leaves the old file or the new one."""
    arrays: dict[str, Any] = {
        "key": np.array(checkpoint.key),
        "epoch": np.array(checkpoint.epoch),
        "best_score": np.array(checkpoint.best_score),
        "best_epoch": np.array(checkpoint.best_epoch),
    }
    for name in ("model", "optimizer", "best"):
        arrays |= {f"{name}{i}": a for i, a in enumerate(getattr(checkpoint, name))}
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CannotWriteError(f"cannot write checkpoint {path}: {error.strerror}") from error


def load(path: Path, key: str) -> Checkpoint:
    """Return the checkpoint in `path`; raises BadDataError where it is of another training."""
    try:
        # from memory: np.load leaves a file open that is no archive
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found = str(arrays["key"])
        parts = {name: _numbered(arrays, name) for name in ("model", "optimizer", "best")}
        checkpoint = Checkpoint(
            found, int(arrays["epoch"]), **parts,
            best_score=float(arrays["best_score"]), best_epoch=int(arrays["best_epoch"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadDataError(
            f"{path} is no checkpoint: {error}; start again without --resume"
        ) from error
    if found != key:
        raise BadDataError(
            f"{path} is of a training with other data or settings; "
            "give the same ones, or start again without --resume"
        )
    return checkpoint


def values(variables: Sequence[Any]) -> Arrays:
    """Return copies of Keras variables as arrays."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign(variables: Sequence[Any], arrays: Arrays) -> None:
    """Set Keras variables to arrays, in order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _numbered(arrays: dict[str, NDArray[Any]], name: str) -> Arrays:
    count = sum(key.rstrip("0123456789") == name for key in arrays)
    return tuple(arrays[f"{name}{i}"] for i in range(count))
