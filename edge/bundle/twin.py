"""A bare model and its twin for the Edge TPU: `X.tflite` and `X_edgetpu.tflite` side by side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.bundle.parts import Bundle
from edge.errors import NotFoundError

SUFFIX = "_edgetpu"  # what edgetpu_compiler adds to the name


def with_twin(path: Path, read: Callable[[Path], Bundle]) -> Bundle:
    """Return the model at a path, and its twin where that lies beside it, as one bundle.

    `read` reads either file, or the folder of a bundle, which holds both. A compiled model without
    its CPU model comes back as both, with `cpu_missing` set.
    """
    if path.is_dir():
        return read(path)
    given = read(path)
    if _is_compiled(given.model):
        return _with_cpu(path, given, read)
    beside = path.with_name(f"{path.stem}{SUFFIX}{path.suffix}")
    if not beside.is_file():
        return given
    compiled = _bytes(beside)
    if not _is_compiled(compiled):
        return _guessing(given, f"{beside.name} beside it has no operator for the Edge TPU")
    said = f"{beside.name} beside it is used where there is an Edge TPU"
    return _guessing(replace(given, edgetpu_model=compiled), said)


def _with_cpu(path: Path, given: Bundle, read: Callable[[Path], Bundle]) -> Bundle:
    if not path.stem.endswith(SUFFIX):
        missing = f"of {path.name} (name the pair X.tflite and X{SUFFIX}.tflite)"
        return replace(given, edgetpu_model=given.model, cpu_missing=missing)
    beside = path.with_name(f"{path.stem.removesuffix(SUFFIX)}{path.suffix}")
    if not beside.is_file():
        return replace(given, edgetpu_model=given.model, cpu_missing=str(beside))
    cpu = replace(read(beside), edgetpu_model=given.model)
    return _guessing(cpu, f"{beside.name} beside it answers where the Edge TPU does not")


def _guessing(bundle: Bundle, said: str) -> Bundle:
    return replace(bundle, guesses=(*bundle.guesses, said))


def _is_compiled(model: bytes) -> bool:
    from edge import tflite  # a bundle is run without it

    return tflite.is_compiled(tflite.read(model))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read {str(path)!r}: {error.strerror}") from error
