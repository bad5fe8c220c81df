"""What a picture file's own header says of it that its pixels, once read, no longer tell."""

import struct
from typing import Literal

Trait = Literal["turned", "grey", "cmyk", "alpha"]

START_OF_SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
EXIF, ORIENTATION, UPRIGHT = b"Exif\x00\x00", 0x0112, 1
PNG = b"\x89PNG\r\n\x1a\n"


def traits(data: bytes) -> tuple[Trait, ...]:
    """Return what has to be undone to get at upright colour pixels: JPEG, PNG, WebP and PNM files.

    turned: EXIF asks for it; grey: one channel; cmyk: four inks; alpha: transparency. Other
    formats, and headers that break off, have no traits. Sources: ITU-T T.81 annex B, Exif 2.32,
    PNG third edition (W3C), RFC 9649 (WebP).
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(PNG):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        return ()
    return ("grey",) if data[:2] in (b"P1", b"P2", b"P4", b"P5") else ()


def _jpeg(data: bytes) -> tuple[Trait, ...]:
    found: list[Trait] = []
    at = 2
    while data[at] == 0xFF and data[at + 1] != START_OF_SCAN:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF or length < 2:  # fill bytes before a marker
            at += 1
            continue
        if marker == 0xE1 and data[at + 4 : at + 10] == EXIF:
            found += ["turned"] if _orientation(data[at + 10 : at + 2 + length]) else []
        if marker in FRAMES:
            channels = data[at + 9]
            found += ["grey"] if channels == 1 else ["cmyk"] if channels == 4 else []
        at += 2 + length
    return tuple(found)


def _orientation(tiff: bytes) -> bool:
    """Return whether the first directory asks for the picture to be turned or mirrored."""
    order = "<" if tiff[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for i in range(count):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * i)
        if tag == ORIENTATION:
            return UPRIGHT < int(value) <= 8
    return False


def _png(data: bytes) -> tuple[Trait, ...]:
    colour = data[25]
    found: list[Trait] = ["grey"] if colour in (0, 4) else []
    clear = colour in (4, 6) or b"tRNS" in data[: max(data.find(b"IDAT"), 0)]
    return (*found, "alpha") if clear else tuple(found)


def _webp(data: bytes) -> tuple[Trait, ...]:
    kind = data[12:16]
    clear = (kind == b"VP8X" and data[20] & 0x10) or (
        kind == b"VP8L" and int.from_bytes(data[21:25], "little") >> 28 & 1
    )
    return ("alpha",) if clear else ()
