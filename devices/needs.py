"""Whether a model's needs, as plain numbers, fit on a board, and what they would take there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from devices.catalogue import Device

# An allowance for the code of a generated model: kernels, tables, calls; nothing was compiled.
CODE_BYTES = 10_240
EDGETPU_OP = "edgetpu-custom-op"
# Custom by the schema, yet built into every TFLite runtime on Linux.
RUNTIME_OPS = frozenset({"TFLite_Detection_PostProcess"})


@dataclass(frozen=True, slots=True)
class Planned:
    """A model as C: the arena that holds its activations, and the constants in flash."""

    ram_bytes: int
    weight_bytes: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model asks for.

    `ram_bytes` is a lower bound of the activations (the largest sum of live tensors), `int8` says
    that every tensor between the borders is int8 or uint8, `custom_ops` names operators outside
    the TFLite set. `planned` is what an exporter placed for a microcontroller, where it can.
    """

    model_bytes: int
    weight_bytes: int
    ram_bytes: int
    code_bytes: int = CODE_BYTES
    macs: int = 0
    int8: bool = True
    custom_ops: tuple[str, ...] = ()
    planned: Planned | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a model does not fit; `missing_bytes` is 0 where bytes are not the reason."""

    what: Literal["ram", "flash", "type", "operator"]
    missing_bytes: int
    text: str

    def __str__(self) -> str:
        """Return the line for a person."""
        return self.text


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a model would take of a board, in bytes; flash is None where none is counted.

    Always an estimate: nothing was compiled or measured.
    """

    ram_bytes: int
    ram_usable_bytes: int
    flash_bytes: int | None
    flash_usable_bytes: int | None
    notes: tuple[str, ...] = ()
    estimated: Literal[True] = True

    @property
    def ram_part(self) -> float:
        """Return the part of the usable RAM, 1.0 for all of it."""
        return self.ram_bytes / self.ram_usable_bytes

    @property
    def flash_part(self) -> float | None:
        """Return the part of the usable flash, 1.0 for all of it; None where none is counted."""
        if self.flash_bytes is None or self.flash_usable_bytes is None:
            return None
        return self.flash_bytes / self.flash_usable_bytes


def estimate(needs: Needs, device: Device) -> Estimate:
    """Return what `needs` would take of `device`.

    Linux: the file, the weights once more as the runtime packs them, and the activations.
    Accelerator: the weights in the memory on the chip. Microcontroller: the planned arena, else
    the activations, in RAM, weights and code in flash.
    """
    on_mcu = needs.planned or Planned(needs.ram_bytes, needs.weight_bytes)
    ram_bytes = {
        "linux": needs.model_bytes + needs.weight_bytes + needs.ram_bytes,
        "accelerator": needs.weight_bytes,
        "mcu": on_mcu.ram_bytes,
    }[device.kind]
    flash_bytes = None
    if device.flash_usable_bytes is not None:
        as_c = on_mcu.weight_bytes + needs.code_bytes
        flash_bytes = as_c if device.kind == "mcu" else needs.model_bytes
    return Estimate(
        ram_bytes=ram_bytes,
        ram_usable_bytes=device.ram_usable_bytes,
        flash_bytes=flash_bytes,
        flash_usable_bytes=device.flash_usable_bytes,
        notes=tuple(_notes(needs, device)),
    )


def fit(needs: Needs, device: Device) -> list[Fault]:
    """Return why `needs` cannot run on `device`; an empty list means that it fits."""
    taken = estimate(needs, device)
    faults: list[Fault] = []
    # An accelerator streams the weights that its memory cannot hold: slower, not impossible.
    if device.kind != "accelerator":
        faults.extend(_lack("ram", taken.ram_bytes, taken.ram_usable_bytes))
    if taken.flash_bytes is not None and taken.flash_usable_bytes is not None:
        faults.extend(_lack("flash", taken.flash_bytes, taken.flash_usable_bytes))
    faults.extend(_refusals(needs, device))
    return faults


def _lack(what: Literal["ram", "flash"], wanted: int, usable: int) -> Iterator[Fault]:
    missing = wanted - usable
    if missing > 0:
        name = {"ram": "RAM", "flash": "flash"}[what]
        text = f"{name}: {missing:,} bytes missing (needs {wanted:,}, usable {usable:,})"
        yield Fault(what, missing, text)


def _refusals(needs: Needs, device: Device) -> Iterator[Fault]:
    if not needs.int8 and device.kind != "linux":
        takes = "the Edge TPU" if device.kind == "accelerator" else "a microcontroller"
        text = f"{takes} takes full int8 or uint8 models only: quantize it with `edge quantize`"
        yield Fault("type", 0, text)
    known = set() if device.kind == "mcu" else set(RUNTIME_OPS)
    if device.accelerator == "edgetpu":
        known.add(EDGETPU_OP)
    for op in dict.fromkeys(needs.custom_ops):
        if op not in known:
            yield Fault("operator", 0, _unknown_operator(op, device))


def _unknown_operator(op: str, device: Device) -> str:
    if op == EDGETPU_OP:
        cure = "take the model as it was before edgetpu_compiler"
        if device.kind == "linux":
            cure += ", or plug in a Coral accelerator"
        return f"{op} runs on an Edge TPU only: {cure}"
    return f"custom operator {op} is not known here"


def _notes(needs: Needs, device: Device) -> Iterator[str]:
    if device.accelerator != "edgetpu":
        return
    if not needs.int8:
        if device.kind == "linux":
            yield "runs on the CPU: the Edge TPU takes full int8 or uint8 models only"
        return
    if EDGETPU_OP not in needs.custom_ops:
        yield "compile it with edgetpu_compiler; operators that it cannot map run on the CPU"
    cache_bytes = device.accelerator_cache_bytes
    if cache_bytes is not None and needs.weight_bytes > cache_bytes:
        streamed = needs.weight_bytes - cache_bytes
        yield f"{streamed:,} bytes of weights are sent again for every picture: slower"
