"""Read TFLite Metadata: a flatbuffer inside the model, label files in a zip archive behind it."""

import io
import struct
import zipfile
import zlib
from typing import Literal

from flatbuffers import number_types
from flatbuffers.table import Table

from edge import tflite
from edge.errors import BadDataError
from edge.metadata.info import (
    AXIS_LABELS,
    BUFFER_NAME,
    COLORS,
    CONTENT,
    IDENTIFIER,
    NORMALIZATION,
    THRESHOLDING,
    VALUE_LABELS,
    Metadata,
    TensorInfo,
)
from edge.metadata.view import View

MAX_LABELS_BYTES = 4 << 20


def read_metadata(model: bytes) -> Metadata | None:
    """Return the metadata of a model, None where it has none.

    Raises BadDataError where the model or its metadata are damaged, or a label file is missing.
    """
    blob = tflite.read_metadata_buffers(model).get(BUFFER_NAME)
    if blob is None:
        return None
    if blob[4:8] != IDENTIFIER:
        raise BadDataError(f"TFLite Metadata begin with {blob[:8]!r}; {IDENTIFIER!r} at byte 4")
    try:
        root = View(Table(blob, struct.unpack_from("<I", blob)[0]))
        return _metadata(root, model)
    except (struct.error, ValueError, IndexError, TypeError, OverflowError) as error:
        raise BadDataError(f"the TFLite Metadata are damaged: {error}") from error


def _metadata(root: View, model: bytes) -> Metadata:
    subgraphs = root.children(3)
    sides = [subgraphs[0].children(slot) if subgraphs else [] for slot in (2, 3)]
    inputs, outputs = (tuple(_tensor_info(view, model) for view in side) for side in sides)
    return Metadata(
        name=root.text(0),
        description=root.text(1),
        version=root.text(2),
        author=root.text(4),
        license=root.text(5),
        inputs=inputs,
        outputs=outputs,
    )


def _tensor_info(view: View, model: bytes) -> TensorInfo:
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold = None
    for unit in view.children(4):
        kind, options = unit.number(0, number_types.Uint8Flags, 0), unit.child(1)
        if kind == NORMALIZATION and options:
            mean, std = options.floats(0), options.floats(1)
        if kind == THRESHOLDING and options:
            threshold = options.number(0, number_types.Float32Flags, 0.0)
    content = view.child(3)
    kind = content.number(0, number_types.Uint8Flags, 0) if content else 0
    image = content.child(1) if content and CONTENT.get(kind) == "image" else None
    stats = view.child(5)
    labels_of, labels = _labels(view, model)
    return TensorInfo(
        name=view.text(0),
        description=view.text(1),
        kind=CONTENT.get(kind, "other"),
        color=COLORS.get(image.number(0, number_types.Int8Flags, 0)) if image else None,
        mean=mean,
        std=std,
        low=stats.floats(1) if stats else (),
        high=stats.floats(0) if stats else (),
        labels=labels,
        labels_of=labels_of,
        threshold=threshold,
    )


def _labels(view: View, model: bytes) -> tuple[Literal["axis", "value"], tuple[str, ...]]:
    """Return the first label file without a locale of its own, else the first."""
    files = [(f, f.number(2, number_types.Int8Flags, 0)) for f in view.children(6)]
    found = [(f, kind) for f, kind in files if kind in (AXIS_LABELS, VALUE_LABELS)]
    if not found:
        return "axis", ()
    file, kind = min(found, key=lambda pair: pair[0].text(3) != "")
    lines = tuple(_associated_file(model, file.text(0)).splitlines())
    return "value" if kind == VALUE_LABELS else "axis", lines


def _associated_file(model: bytes, name: str) -> str:
    shown = name[:80]
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            info = archive.getinfo(name)
            if info.file_size > MAX_LABELS_BYTES:
                raise BadDataError(
                    f"label file {shown!r} in the model has {info.file_size} bytes; "
                    f"at most {MAX_LABELS_BYTES} are read"
                )
            return archive.read(info).decode("utf-8-sig")
    except KeyError as error:
        raise BadDataError(f"the metadata name {shown!r}, the model's archive lacks it") from error
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error
    ) as error:  # fmt: skip
        raise BadDataError(f"label file {shown!r} in the model is damaged: {error}") from error
