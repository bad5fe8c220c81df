"""The boards: one TOML file each in `devices/boards`, every figure with its source."""

import dataclasses
import difflib
import importlib.resources
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, Literal

Kind = Literal["linux", "accelerator", "mcu"]

KINDS = ("linux", "accelerator", "mcu")
ACCELERATORS = ("edgetpu",)
TARGETS = (
    "c99", "cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55",
    "rv32imc",
)  # fmt: skip
EXTRAS = ("device", "device-headless", "legacy")
NAME_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class DevicesError(Exception):
    """What is wrong, what was got, what is allowed or the cure; one line a fault."""

    exit_code: ClassVar[int] = 65

    def __init__(self, *faults: str) -> None:
        """Keep every fault: a user sees all of them at once."""
        self.faults = faults
        super().__init__("\n".join(faults))


class UnknownBoardError(DevicesError):
    """No board of that name."""

    exit_code = 66


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of RAM of a microcontroller; `origin` is its address."""

    name: str
    origin: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Probe:
    """By what a running machine is known as this board; one of them is enough.

    `device_tree` holds names in the device tree's `model` (a revision may follow), `compatible`
    identifiers of its `compatible`, `usb` and `pci` ids `vendor:product` of an accelerator.
    """

    device_tree: tuple[str, ...] = ()
    compatible: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    pci: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A board; a figure that the board has not, or its maker does not state, is None or empty.

    `ram_usable_bytes` is what one application can have: on Linux RAM less firmware and system, on
    a microcontroller the largest contiguous stretch less bootloader, radio and stack, on an
    accelerator the memory for weights. `flash_usable_bytes` is what a bootloader or a second
    stage leaves. `toolchain` is an export target, `extra` the pip extra to install on the board,
    `host` what an accelerator must be plugged into. `sources` maps each figure to where it stands.
    """

    id: str
    name: str
    kind: Kind
    cpu: str
    core: str
    cores: int
    architecture: str
    ram_bytes: int
    ram_usable_bytes: int
    clock_hz: int | None = None
    flash_bytes: int | None = None
    flash_usable_bytes: int | None = None
    accelerator: str = ""
    accelerator_cache_bytes: int | None = None
    camera: str = ""
    host: str = ""
    toolchain: str = ""
    flasher: str = ""
    qemu_machine: str = ""
    extra: str = ""
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    probe: Probe | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Key:
    """What one key of a board file must be; `required` names the kinds that cannot lack it."""

    type: type
    required: tuple[str, ...] = ()
    sourced: bool = True
    allowed: tuple[str, ...] = ()


KEYS: dict[str, Key] = {
    "id": Key(str, KINDS, sourced=False),
    "name": Key(str, KINDS, sourced=False),
    "kind": Key(str, KINDS, sourced=False, allowed=KINDS),
    "aliases": Key(list, sourced=False),
    "notes": Key(list, sourced=False),
    "cpu": Key(str, KINDS),
    "core": Key(str, KINDS),
    "cores": Key(int, KINDS),
    "clock_hz": Key(int, ("mcu",)),
    "architecture": Key(str, KINDS),
    "ram_bytes": Key(int, KINDS),
    "ram_usable_bytes": Key(int, KINDS),
    "flash_bytes": Key(int, ("mcu",)),
    "flash_usable_bytes": Key(int, ("mcu",)),
    "accelerator": Key(str, ("accelerator",), allowed=ACCELERATORS),
    "accelerator_cache_bytes": Key(int, ("accelerator",)),
    "camera": Key(str, ("linux",)),
    "host": Key(str, ("accelerator",)),
    "flasher": Key(str, ("mcu",)),
    "qemu_machine": Key(str),
    "toolchain": Key(str, ("mcu",), sourced=False, allowed=TARGETS),
    "extra": Key(str, ("linux",), sourced=False, allowed=EXTRAS),
    "region": Key(list),
    "probe": Key(dict, ("linux", "accelerator")),
}

REGION_KEYS: dict[str, type] = {"name": str, "origin": int, "bytes": int}
PROBE_KEYS = tuple(field.name for field in dataclasses.fields(Probe))
TYPE_NAMES = {str: "text", int: "a whole number", list: "a list", dict: "a table"}


def boards(folder: Traversable | None = None) -> tuple[Device, ...]:
    """Return every board, sorted by kind and name; raise DevicesError with all faults at once."""
    found: list[Device] = []
    faults: list[str] = []
    for path in _board_files(folder):
        try:
            found.append(read_board(path.name, path.read_bytes()))
        except DevicesError as error:
            faults.extend(error.faults)
    faults.extend(_shared_names(found))
    faults.extend(_shared_identities(found))
    if faults:
        raise DevicesError(*faults)
    return tuple(sorted(found, key=lambda board: (KINDS.index(board.kind), board.name)))


def find(board_id: str, folder: Traversable | None = None) -> Device:
    """Return the board of that id or alias; raise UnknownBoardError with the known ids."""
    known = boards(folder)
    names = {name: board for board in known for name in (board.id, *board.aliases)}
    if board_id in names:
        return names[board_id]
    close = difflib.get_close_matches(board_id.lower(), names, n=3)
    # A match by its alias is named by its id, once.
    hints = list(dict.fromkeys(names[name].id for name in close))
    hint = f"did you mean {' or '.join(hints)}? " if hints else ""
    ids = ", ".join(board.id for board in known)
    raise UnknownBoardError(f"no board {board_id!r}; {hint}known boards: {ids}")


def read_board(file_name: str, content: bytes) -> Device:
    """Return the board that a TOML file describes; raise DevicesError with all of its faults."""
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DevicesError(f"{file_name}: not TOML: {error}") from error
    faults = [f"{file_name}: {fault}" for fault in _faults(file_name, table)]
    if faults:
        raise DevicesError(*faults)
    return _device(table)


def _board_files(folder: Traversable | None) -> list[Traversable]:
    root = importlib.resources.files("devices") / "boards" if folder is None else folder
    files = [path for path in root.iterdir() if path.name.endswith(".toml")]
    return sorted(files, key=lambda path: path.name)


def _shared_names(found: Iterable[Device]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for board in found:
        for name in (board.id, *board.aliases):
            if name in owners:
                yield f"{board.id}.toml: {name!r} already names the board {owners[name]!r}"
            owners[name] = board.id


def _shared_identities(found: Iterable[Device]) -> Iterator[str]:
    owners: dict[tuple[str, str], str] = {}
    for board in found:
        for key in PROBE_KEYS if board.probe else ():
            for identity in getattr(board.probe, key):
                if (key, identity) in owners:
                    owner = owners[key, identity]
                    yield f"{board.id}.toml: probe: {identity!r} is already that of {owner!r}"
                owners[key, identity] = board.id


def _device(table: Mapping[str, Any]) -> Device:
    values = {key: value for key, value in table.items() if key != "region"}
    for key in ("aliases", "notes"):
        values[key] = tuple(values.get(key, ()))
    regions = tuple(Region(**region) for region in table.get("region", ()))
    if "probe" in values:
        values["probe"] = Probe(**{key: tuple(names) for key, names in values["probe"].items()})
    return Device(**values, regions=regions)


def _faults(file_name: str, table: Mapping[str, Any]) -> Iterator[str]:
    kind = table.get("kind")
    for key in sorted(table.keys() - KEYS.keys() - {"sources"}):
        close = difflib.get_close_matches(key, KEYS, n=1)
        yield f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    for name, rule in KEYS.items():
        if name in table:
            yield from _value_faults(name, rule, table[name])
        elif kind in rule.required or (kind not in KINDS and rule.required == KINDS):
            yield f"{name} is missing"
    yield from _source_faults(table)
    yield from _contradictions(file_name, table)


def _value_faults(name: str, rule: Key, value: Any) -> Iterator[str]:
    # bool is an int to isinstance; a board file that says true is wrong all the same.
    if type(value) is not rule.type:
        yield f"{name} must be {TYPE_NAMES[rule.type]}, got {value!r}"
    elif isinstance(value, int) and value <= 0:
        yield f"{name} must be above 0, got {value}"
    elif isinstance(value, str) and not value.strip():
        yield f"{name} is empty; leave the key out instead"
    elif rule.allowed and value not in rule.allowed:
        yield f"{name} must be one of {', '.join(rule.allowed)}, got {value!r}"
    elif isinstance(value, list) and name == "region":
        for region in value:
            yield from _region_faults(region)
    elif isinstance(value, dict):
        yield from _probe_faults(value)
    elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
        yield f"{name} must hold texts only, got {value!r}"


def _region_faults(region: Any) -> Iterator[str]:
    if not isinstance(region, dict):
        yield f"region must be a table, got {region!r}"
        return
    for name in sorted(region.keys() ^ REGION_KEYS.keys()):
        yield f"region: {name} is {'unknown' if name in region else 'missing'}"
    for name, wanted in REGION_KEYS.items():
        if name in region and type(region[name]) is not wanted:
            yield f"region: {name} must be {TYPE_NAMES[wanted]}, got {region[name]!r}"


def _probe_faults(table: Mapping[str, Any]) -> Iterator[str]:
    for name, values in table.items():
        texts = isinstance(values, list) and all(isinstance(each, str) for each in values)
        if name not in PROBE_KEYS:
            yield f"probe: unknown key {name!r}; known: {', '.join(PROBE_KEYS)}"
        elif not texts or not values or not all(each.strip() for each in values):
            yield f"probe: {name} must be a list of texts, got {values!r}"
    if not table:
        yield f"probe is empty; it takes one of {', '.join(PROBE_KEYS)}"


def _source_faults(table: Mapping[str, Any]) -> Iterator[str]:
    sources = table.get("sources", {})
    if not isinstance(sources, dict):
        yield f"sources must be a table, got {sources!r}"
        return
    sourced = {name for name, rule in KEYS.items() if rule.sourced and name in table}
    for name in sorted(sourced - sources.keys()):
        yield f"{name} has no source; say under [sources] where it stands"
    for name, text in sources.items():
        if name not in sourced:
            yield f"sources: {name!r} is no figure of this board"
        elif not isinstance(text, str) or not text.strip():
            yield f"sources: {name} must be text, got {text!r}"


def _contradictions(file_name: str, table: Mapping[str, Any]) -> Iterator[str]:
    board_id = table.get("id")
    if isinstance(board_id, str) and f"{board_id}.toml" != file_name:
        yield f"id must be the file's name without .toml, got {board_id!r}"
    aliases = table.get("aliases", [])
    for name in (board_id, *(aliases if isinstance(aliases, list) else ())):
        if isinstance(name, str) and not NAME_PATTERN.fullmatch(name):
            yield f"names are lower-case letters, digits and single hyphens, got {name!r}"
    for memory in ("ram", "flash"):
        whole, usable = table.get(f"{memory}_bytes"), table.get(f"{memory}_usable_bytes")
        if type(usable) is int and type(whole) is int and usable > whole:
            yield f"{memory}_usable_bytes {usable} is above {memory}_bytes {whole}"
        elif usable is not None and whole is None and memory == "flash":
            yield "flash_usable_bytes needs flash_bytes"
    if ("accelerator" in table) != ("accelerator_cache_bytes" in table):
        yield "accelerator and accelerator_cache_bytes come together or not at all"
