"""Representative data, from wherever they come, as the real numbers that a model will see."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle import Input
from edge.camera.images import SUFFIXES, natural, read_picture
from edge.errors import BadDataError, NotFoundError
from edge.infer.backend import Array
from edge.infer.runtime import one_line
from edge.training.load import Float, Port
from edge.vision.prepare import prepare

MOST_SAMPLES = 200  # more change the ranges by nothing that can be measured
MOST_FAULTS = 8

Rows = tuple[tuple[Array, ...], ...]
Samples = tuple[Float, ...]  # one array (n, height, width, channels) or alike per input


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What was given: pictures still on disk, or one row of arrays per sample.

    `truth` holds what is known of each: the name of its class folder, or its class number.
    """

    paths: tuple[Path, ...] = ()
    rows: Rows = ()
    truth: tuple[str | int, ...] = ()

    @property
    def count(self) -> int:
        """Return the number of samples."""
        return len(self.paths) or len(self.rows)

    def thinned(self, most: int) -> "Material":
        """Return at most `most` samples, evenly spread: folders are sorted by class."""
        keep = np.unique(np.linspace(0, self.count - 1, min(most, self.count)).astype(int))
        return self.chosen(keep.tolist()) if self.count > most else self

    def chosen(self, indices: Iterable[int]) -> "Material":
        """Return the samples at `indices`."""
        keep = list(indices)
        return Material(
            tuple(self.paths[i] for i in keep) if self.paths else (),
            tuple(self.rows[i] for i in keep) if self.rows else (),
            tuple(self.truth[i] for i in keep) if self.truth else (),
        )


def gather(source: Any, ports: Sequence[Port], most: int = MOST_SAMPLES) -> Material:
    """Return what `source` holds: a folder of pictures, an .npz, arrays, or an iterable of inputs.

    A folder may hold one folder per class. An array is (n, ...); several inputs are a list or a
    dictionary of them. A callable is called; of an iterable, whose samples are lists of inputs
    with or without the batch of 1, at most `most` are taken. Raises EdgeError.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.exists():
            raise NotFoundError(f"no calibration data {str(path)!r}; a folder or an .npz file")
        return _pictures(path) if path.is_dir() else _npz(path, ports)
    if isinstance(source, Mapping) or _are_arrays(source, ports):
        return _from_arrays(source, ports)
    produced = source() if callable(source) else source
    if isinstance(produced, np.ndarray):
        return _from_arrays(produced, ports)
    if not isinstance(produced, Iterable):
        raise BadDataError(
            f"calibration is {type(source).__name__}; allowed: a folder, an .npz file, an array "
            "(n, ...), or a callable or iterable of lists of inputs"
        )
    return Material(rows=_from_iterable(produced, ports, most))


def realise(material: Material, specs: Sequence[Input]) -> Samples:
    """Return the samples as the model sees them, float32: pictures and pixels are prepared.

    A uint8 array for an image input holds pixels; every other holds the model's own numbers.
    Raises BadDataError with every shape and type that does not fit.
    """
    rows = _read_pictures(material.paths, specs) if material.paths else material.rows
    _refuse([f for i, row in enumerate(rows) for f in _row_faults(i, row, specs)])
    return tuple(
        _stacked([to_real(row[i].reshape(spec.shape[1:]), spec) for row in rows], spec)
        for i, spec in enumerate(specs)
    )


def to_real(value: Array, spec: Input) -> Float:
    """Return one input as real numbers: uint8 pixels of an image through mean and std."""
    if spec.kind == "image" and value.dtype == np.uint8:
        mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
        real: Float = ((value - mean) / std).astype(np.float32)
        return real
    return value.astype(np.float32)


def _stacked(values: Sequence[Float], spec: Input) -> Float:
    return np.stack(values) if values else np.zeros((0, *spec.shape[1:]), np.float32)


def _pictures(folder: Path) -> Material:
    """Return the pictures of a folder; sub-folders with pictures are classes.

    Classes are sorted as Keras sorts them when it reads a folder: by character, capitals first.
    """
    classes = [p for p in sorted(folder.iterdir()) if p.is_dir()]
    paths = [(p, "") for p in _in_folder(folder)]
    named = [(p, sub.name) for sub in classes for p in _in_folder(sub)]
    if not paths and not named:
        raise BadDataError(f"{folder}: no picture in it; known endings: {' '.join(SUFFIXES)}")
    if paths and named:  # a folder of both is no set of classes
        return Material(paths=tuple(p for p, _ in paths + named))
    every = paths or named
    truth = tuple(name for _, name in named)
    return Material(paths=tuple(p for p, _ in every), truth=truth)


def _in_folder(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()]
    return sorted(found, key=natural)


def _npz(path: Path, ports: Sequence[Port]) -> Material:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError) as error:
        raise BadDataError(f"{path}: no .npz file: {one_line(error)}") from None
    except Exception as error:  # zipfile and zlib have their own
        raise BadDataError(f"{path}: damaged: {one_line(error)}") from None
    truth = arrays.pop("y", None)
    if len(ports) == 1 and "x" in arrays:
        arrays = {ports[0].name: arrays["x"]}
    material = _from_arrays(arrays, ports)
    if truth is None:
        return material
    numbers = truth.argmax(-1) if truth.ndim == 2 and truth.shape[1] > 1 else truth.reshape(-1)
    if len(numbers) != material.count or not np.issubdtype(numbers.dtype, np.integer):
        raise BadDataError(
            f"{path}: y is {truth.dtype} {list(truth.shape)}; needs one class number for each "
            f"of {material.count} samples"
        )
    return Material(rows=material.rows, truth=tuple(int(n) for n in numbers))


def _are_arrays(source: Any, ports: Sequence[Port]) -> bool:
    """Return whether this is an array per input, each (n, ...), and no list of samples."""
    if isinstance(source, np.ndarray):
        return True
    if not isinstance(source, list | tuple) or len(source) != len(ports):
        return False
    return all(
        isinstance(a, np.ndarray) and a.ndim == len(p.shape) and a.shape[1:] == p.shape[1:]
        for a, p in zip(source, ports, strict=True)
    )


def _from_arrays(source: Any, ports: Sequence[Port]) -> Material:
    if isinstance(source, Mapping):
        absent = [p.name for p in ports if p.name not in source]
        if absent:
            raise BadDataError(
                f"calibration lacks input {', '.join(absent)}; it holds "
                f"{', '.join(map(str, source)) or 'nothing'}, the model takes "
                f"{', '.join(p.name for p in ports)}" + (" (or x)" if len(ports) == 1 else "")
            )
        source = [np.asarray(source[p.name]) for p in ports]
    arrays = [source] if isinstance(source, np.ndarray) else list(source)
    counts = {len(a) if a.ndim else 0 for a in arrays}
    if len(arrays) != len(ports) or len(counts) != 1:
        got = ", ".join(str(list(a.shape)) for a in arrays)
        raise BadDataError(
            f"calibration has arrays {got}; needs {len(ports)}, each (n, ...) with the same n"
        )
    return Material(rows=tuple(zip(*arrays, strict=True)))


def _from_iterable(produced: Iterable[Any], ports: Sequence[Port], most: int) -> Rows:
    rows = []
    for index, row in enumerate(itertools.islice(produced, most)):
        if isinstance(row, Mapping):
            row = [row.get(p.name) for p in ports]
        row = [row] if isinstance(row, np.ndarray) else row
        if not isinstance(row, list | tuple) or len(row) != len(ports):
            raise BadDataError(
                f"calibration sample {index} is {type(row).__name__}; needs a list with an array "
                f"for each input: {', '.join(p.name for p in ports)}"
            )
        rows.append(tuple(np.asarray(value) for value in row))
    return tuple(rows)


def _row_faults(index: int, row: Sequence[Array], specs: Sequence[Input]) -> Iterable[str]:
    for value, spec in zip(row, specs, strict=True):
        where = f"calibration sample {index}, input {spec.name!r}"
        if value.shape not in (spec.shape, spec.shape[1:]):
            yield (f"{where}: shape {list(value.shape)}; the model takes {list(spec.shape[1:])}")
        if value.dtype.kind not in "fiub":
            yield f"{where}: type {value.dtype}; allowed: float, or uint8 pixels for an image"
        elif value.dtype == np.int8:
            yield (
                f"{where}: int8; give real numbers, or pixels as uint8 (a uint8 picture viewed "
                "as int8 wraps at 128)"
            )


def _refuse_no_picture_input(specs: Sequence[Input]) -> None:
    if len(specs) != 1 or specs[0].kind != "image":
        got = ", ".join(f"{s.name} {list(s.shape)}" for s in specs)
        raise BadDataError(
            f"a folder of pictures feeds a model with one image input; this one takes {got}: "
            "give an .npz or a callable"
        )


def prepared_rows(material: Material, specs: Sequence[Input]) -> Iterator[tuple[Array, ...]]:
    """Yield each sample without its batch: pictures prepared as on the device, arrays as given.

    Raises BadDataError at a picture that cannot be read.
    """
    if material.paths:
        _refuse_no_picture_input(specs)
    for path in material.paths:
        yield (prepare(read_picture(path), specs[0]).pixels,)
    for row in material.rows:
        yield tuple(v.reshape(s.shape[1:]) for v, s in zip(row, specs, strict=True))


def _read_pictures(paths: Sequence[Path], specs: Sequence[Input]) -> Rows:
    _refuse_no_picture_input(specs)
    rows: list[tuple[NDArray[np.uint8]]] = []
    faults: list[str] = []
    for path in paths:
        try:
            rows.append((prepare(read_picture(path), specs[0]).pixels,))
        except BadDataError as error:
            faults += error.faults
    _refuse(faults)
    return tuple(rows)


def _refuse(faults: Sequence[str]) -> None:
    more = len(faults) - MOST_FAULTS
    if more > 0:
        faults = [*faults[:MOST_FAULTS], f"and {more} more like these"]
    if faults:
        raise BadDataError(*faults)


Calibration = Path | str | Array | Mapping[str, Array] | Sequence[Any] | Callable[[], Any]
