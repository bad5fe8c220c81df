"""Read bundle folders."""

import hashlib
import logging
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.bundle.checks import own_faults
from edge.bundle.parts import FORMAT, Bundle
from edge.bundle.record import from_record, unknown_keys
from edge.errors import BadDataError, NotFoundError

RECORD, MODEL, LABELS, GOLDEN = "model.toml", "model.tflite", "labels.txt", "golden.npz"
EDGETPU_MODEL, SIGNATURE = "model_edgetpu.tflite", "model.toml.sig"
PARTS = (RECORD, MODEL, EDGETPU_MODEL, LABELS, GOLDEN, SIGNATURE)
_SHA256 = re.compile(r"[0-9a-f]{64}")

log = logging.getLogger(__name__)


def read(path: Path | str, *, against_model: bool = True) -> Bundle:
    """Return the bundle in a folder, or what can be inferred of a bare `.tflite` file.

    Raises NotFoundError; BadDataError with every fault: a file that is missing or not what its
    hash says, a key that breaks its rule, a record that contradicts the model. `against_model`
    False leaves the last to the backend, which compares the record with its interpreter: a board
    starts without the schema's modules.
    """
    path = Path(path)
    if not path.exists():
        raise NotFoundError(f"no model {str(path)!r}: give a bundle folder or a .tflite file")
    if path.is_dir():
        return _read_folder(path, against_model)
    from edge.bundle.bare import read_bare

    return read_bare(path)


def _read_folder(folder: Path, against_model: bool) -> Bundle:
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
    faults += own_faults(bundle)
    if against_model:
        from edge.bundle.model import model_faults

        faults += model_faults(bundle)
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
        elif name not in PARTS and not is_file_entry(entry):
            continue  # a newer version's own way to say something
        elif not is_file_entry(entry):
            faults.append(f"[files] has no bytes and sha256 for {name!r}")
        elif not (folder / name).is_file():
            faults.append(f"{name} is missing")
        else:
            data = (folder / name).read_bytes()
            faults += _hash_faults(name, data, entry)
            contents[name] = data
    return contents


def is_file_entry(entry: Any) -> bool:
    """Tell whether an entry of [files] has the bytes and the hash of a file."""
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
