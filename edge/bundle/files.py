"""Read and write bundle folders."""

import hashlib
import io
import logging
import os
import re
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle.bare import read_bare
from edge.bundle.checks import bundle_faults
from edge.bundle.labels import labels_text
from edge.bundle.parts import FORMAT, Bundle, Golden
from edge.bundle.record import from_record, to_record, unknown_keys
from edge.bundle.swap import replace_folder, sync_folder
from edge.errors import BadDataError, CannotWriteError, NotFoundError

RECORD, MODEL, LABELS, GOLDEN = "model.toml", "model.tflite", "labels.txt", "golden.npz"
EDGETPU_MODEL, SIGNATURE = "model_edgetpu.tflite", "model.toml.sig"
PARTS = (RECORD, MODEL, EDGETPU_MODEL, LABELS, GOLDEN, SIGNATURE)
_SHA256 = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger(__name__)


def read(path: Path | str) -> Bundle:
    """Return the bundle in a folder, or what can be inferred of a bare `.tflite` file.

    Raises NotFoundError; BadDataError with every fault: a file that is missing or not what its
    hash says, a key that breaks its rule, a record that contradicts the model.
    """
    path = Path(path)
    if not path.exists():
        raise NotFoundError(f"no model {str(path)!r}: give a bundle folder or a .tflite file")
    return _read_folder(path) if path.is_dir() else read_bare(path)


def _read_folder(folder: Path) -> Bundle:
    record = _read_record(folder)
    faults: list[str] = []
    contents = _read_files(folder, record, faults)
    fields = from_record(record, faults)
    labels = _read_labels(contents, faults)
    if fields is None or MODEL not in contents:
        raise BadDataError(*(f"{folder}: {fault}" for fault in faults))
    bundle = Bundle(
        **fields,
        labels=labels,
        model=contents[MODEL],
        edgetpu_model=contents.get(EDGETPU_MODEL),
        folder=folder,
    )
    faults += bundle_faults(bundle)
    if bundle.golden and GOLDEN not in contents:
        faults.append(f"[golden] without {GOLDEN} in [files]")
    if faults:
        raise BadDataError(*(f"{folder}: {fault}" for fault in faults))
    unknown = unknown_keys(bundle.extra)
    if unknown:
        log.warning("%s: keys unknown to this version: %s", folder / RECORD, ", ".join(unknown))
    return bundle


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        raise BadDataError(f"{folder} is no bundle: it holds no {RECORD}")
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadDataError(f"{path} is no TOML: {error}") from error
    number = record.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise BadDataError(
            f"{path}: format {number} is newer than {FORMAT}, the newest that this version reads; "
            "update embedded-edge"
        )
    return record


def _read_files(folder: Path, record: Mapping[str, Any], faults: list[str]) -> dict[str, bytes]:
    """Return the files that [files] names and that are what it says, unknown ones as well."""
    listed = record.get("files")
    listed = listed if isinstance(listed, dict) else {}
    contents = {}
    for name in (MODEL, *(name for name in listed if name != MODEL)):
        entry = listed.get(name)
        if name in (RECORD, SIGNATURE) or Path(name).name != name:
            faults.append(f"[files] names {name!r}; a plain file name, not {RECORD}, {SIGNATURE}")
        elif name not in PARTS and not _is_file_entry(entry):
            continue  # a newer version's own way to say something
        elif not _is_file_entry(entry):
            faults.append(f"[files] has no bytes and sha256 for {name!r}")
        elif not (folder / name).is_file():
            faults.append(f"{name} is missing")
        else:
            data = (folder / name).read_bytes()
            faults += _hash_faults(name, data, entry)
            contents[name] = data
    return contents


def _is_file_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        and _SHA256.fullmatch(entry["sha256"]) is not None
    )


def _hash_faults(name: str, data: bytes, entry: Any) -> list[str]:
    if len(data) != entry["bytes"]:
        return [f"{name} has {len(data)} bytes; {RECORD} says {entry['bytes']}"]
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry["sha256"]:
        return [f"{name} has sha256 {digest}; {RECORD} says {entry['sha256']}"]
    return []


def _read_labels(contents: Mapping[str, bytes], faults: list[str]) -> tuple[str, ...]:
    try:
        return tuple(contents.get(LABELS, b"").decode("utf-8").splitlines())
    except UnicodeDecodeError as error:
        faults.append(f"{LABELS} is not UTF-8: {error}")
        return ()


def write(bundle: Bundle, folder: Path, golden_arrays: Mapping[str, NDArray[Any]]) -> Bundle:
    """Write a bundle and return it as it reads back.

    `golden_arrays` has input0.. and output0.., each (count, *shape of that tensor); {} for none.
    A bundle at `folder` is replaced whole; anything else there is refused. Raises BadDataError
    with every contradiction, CannotWriteError.
    """
    counts = [len(array) for array in golden_arrays.values()]
    golden = {**bundle.golden, "count": max(counts)} if counts else {}
    extra, faults = _unknown_files(bundle)
    bundle = replace(bundle, golden=golden, folder=None)
    faults += bundle_faults(bundle) + _golden_faults(bundle, golden_arrays)
    if faults:
        raise BadDataError(*faults)
    _refuse_foreign(folder, extra)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
        try:
            _write_parts(bundle, fresh, golden_arrays, extra)
            replace_folder(fresh, folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    except OSError as error:
        raise CannotWriteError(f"cannot write the bundle {folder}: {error}") from error
    return read(folder)


def _unknown_files(bundle: Bundle) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a newer version that a rewrite carries along, and what is missing."""
    contents, faults = {}, []
    for name, entry in bundle.extra.get("files", {}).items():
        path = bundle.folder / name if bundle.folder else None
        if path is not None and path.is_file():
            contents[name] = path.read_bytes()
        elif _is_file_entry(entry):
            faults.append(f"{name} is listed in [files] and not there: it cannot be kept")
    return contents, faults


def _refuse_foreign(folder: Path, extra: Mapping[str, bytes]) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise CannotWriteError(f"{folder} exists and is no folder; give another name")
    known = {*PARTS, *extra}
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in known)
    if foreign:
        raise CannotWriteError(
            f"{folder} holds {foreign[0]!r}, which is no part of a bundle; give another folder"
        )


def _write_parts(
    bundle: Bundle,
    folder: Path,
    golden_arrays: Mapping[str, NDArray[Any]],
    extra: Mapping[str, bytes],
) -> None:
    import tomli_w  # only who writes bundles needs it

    contents = {MODEL: bundle.model}
    if bundle.edgetpu_model is not None:
        contents[EDGETPU_MODEL] = bundle.edgetpu_model
    if bundle.labels:
        contents[LABELS] = labels_text(bundle.labels).encode()
    if golden_arrays:
        stream = io.BytesIO()
        np.savez(stream, **dict[str, Any](golden_arrays))
        contents[GOLDEN] = stream.getvalue()
    entries = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    }
    contents[RECORD] = tomli_w.dumps(to_record(bundle, entries)).encode()
    contents |= extra
    folder.chmod(0o755)  # temporary folders are private, bundles are not
    for name, data in contents.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)


def load_golden(bundle: Bundle) -> Golden:
    """Return the golden vectors of a bundle.

    Raises NotFoundError where it has none, BadDataError where they do not suit its model.
    """
    if bundle.folder is None or not bundle.golden:
        raise NotFoundError(f"bundle {bundle.name!r} has no golden vectors")
    try:
        with np.load(bundle.folder / GOLDEN, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise BadDataError(f"{bundle.folder / GOLDEN} is damaged: {error}") from error
    faults = _golden_faults(bundle, arrays)
    if faults:
        raise BadDataError(*faults)
    return Golden(
        inputs=tuple(arrays[f"input{i}"] for i in range(len(bundle.inputs))),
        outputs=tuple(arrays[f"output{i}"] for i in range(len(bundle.outputs))),
    )


def _golden_faults(bundle: Bundle, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    if not arrays and not bundle.golden:
        return []
    specs = [(f"input{i}", spec) for i, spec in enumerate(bundle.inputs)]
    wanted: dict[str, Any] = dict(specs)
    wanted |= {f"output{i}": spec for i, spec in enumerate(bundle.outputs)}
    faults = [f"golden: {name} is missing" for name in wanted if name not in arrays]
    faults += [f"golden: {name} belongs to no tensor" for name in arrays if name not in wanted]
    count = bundle.golden.get("count")
    for name, spec in wanted.items():
        array = arrays.get(name)
        if array is None:
            continue
        shape = (count, *spec.shape)
        if array.shape != shape or array.dtype.name != spec.dtype:
            faults.append(
                f"golden: {name} is {array.dtype.name} {list(array.shape)}; "
                f"it must be {spec.dtype} {list(shape)}"
            )
    return faults
