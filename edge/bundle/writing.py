"""Write bundle folders, and their golden vectors, which only a host reads again."""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bundle.checks import own_faults
from edge.bundle.files import (
    EDGETPU_MODEL,
    GOLDEN,
    LABELS,
    MODEL,
    PARTS,
    RECORD,
    is_file_entry,
    read,
)
from edge.bundle.labels import labels_text
from edge.bundle.model import model_faults
from edge.bundle.parts import Bundle, Golden
from edge.bundle.record import to_record
from edge.bundle.swap import replace_folder, sync_folder
from edge.errors import BadDataError, CannotWriteError, NotFoundError


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
    faults += [*own_faults(bundle), *model_faults(bundle)]
    faults += _golden_faults(bundle, golden_arrays)
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
        elif is_file_entry(entry):
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
