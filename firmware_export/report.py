"""report.json and report.md: what an export takes, layer by layer, and how its arena is used."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import devices
from devices.needs import CODE_BYTES
from edge import cost
from firmware_export.emit import unique_constants
from firmware_export.measure import Size
from firmware_export.model import Model
from firmware_export.plan import Lifetime, live_bound_bytes

ROWS = 24  # of the drawing
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SCRATCH, SHARED, FREE = "*", "+", "."


def record(
    model: Model, target: str, size: Size | None, instructions: Sequence[int] = ()
) -> dict[str, Any]:
    """Return report.json; without a compiler the text is an allowance and the stack a bound."""
    weights = sum(array.values.nbytes for array in unique_constants(model))
    text = CODE_BYTES if size is None else size.text_bytes
    found: dict[str, Any] = {
        "name": model.name,
        "sha256": model.sha256,
        "target": target,
        "rounding": model.rounding,
        "compiler": None if size is None else size.compiler,
        "arena_bytes": model.plan.arena_bytes,
        "live_bound_bytes": live_bound_bytes([place.life for place in model.plan.places]),
        "weight_bytes": weights,
        "text_bytes": text,
        "text_is_estimated": size is None,
        "flash_bytes": weights + text,
        "stack_bytes": model.stack_bytes if size is None else size.stack_bytes,
        "stack_is_bound": size is None,
        "macs": cost.macs(model.graph),
        "layers": list(_layers(model, instructions)),
        "plan": [
            {**asdict(place.life), "name": _name(model, place.life), "offset": place.offset_bytes}
            for place in model.plan.places
        ],
    }
    return {**found, "boards": list(_boards(found, len(model.content)))}


def markdown(model: Model, found: dict[str, Any]) -> str:
    """Return report.md."""
    text = f"{found['text_bytes']:,}" + (", estimated" if found["text_is_estimated"] else "")
    stack = f"{found['stack_bytes']:,}" + (", a bound" if found["stack_is_bound"] else "")
    return f"""# {found["name"]} for {found["target"]}

Compiler: {found["compiler"] or "none here"}. Rounding: {found["rounding"]}. \
Model: {found["sha256"][:16]}.

| | bytes |
|---|---:|
| arena: activations, scratch, inputs and outputs | {found["arena_bytes"]:,} |
| what is alive at once at most, were nothing to overlap | {found["live_bound_bytes"]:,} |
| weights | {found["weight_bytes"]:,} |
| text without weights | {text} |
| stack of invoke, worst case | {stack} |

## Layers

{_table(("layer", "operator", "MACs", "weights", "scratch", "instructions"), _layer_rows(found))}

## Arena

Steps go to the right, addresses up; a row is {row_bytes(model):,} bytes. \
`{SCRATCH}` is scratch, `{SHARED}` an output over the input that dies, `{FREE}` free.

```
{drawing(model)}
```

{_table(("", "tensor", "bytes", "offset", "steps"), _tensor_rows(model))}

## Boards

{_table(("board", "fits", "RAM usable", "flash usable", "missing"), _board_rows(found))}
"""


def drawing(model: Model) -> str:
    """Return the plan as text: a column for each step, a row for each stretch of addresses."""
    letters, height = _letters(model), row_bytes(model)
    lines = []
    for row in reversed(range(-(-model.plan.arena_bytes // height))):
        cells = []
        for step in range(len(model.layers)):
            held = [
                letters[place.life.number] if place.life.kind == "tensor" else SCRATCH
                for place in model.plan.places
                if place.life.first <= step <= place.life.last
                and place.offset_bytes < (row + 1) * height
                and place.end_bytes > row * height
            ]
            cells.append(SHARED if len(held) > 1 else (held or [FREE])[0])
        lines.append(f"{row * height:>9,} {' '.join(cells)}")
    return "\n".join(lines)


def row_bytes(model: Model) -> int:
    """Return how many bytes a row of the drawing stands for."""
    return max(-(-model.plan.arena_bytes // ROWS), 1)


def _letters(model: Model) -> dict[int, str]:
    tensors = sorted(
        (place.life.first, place.life.number)
        for place in model.plan.places
        if place.life.kind == "tensor"
    )
    return {number: LETTERS[n % len(LETTERS)] for n, (_, number) in enumerate(tensors)}


def _name(model: Model, life: Lifetime) -> str:
    if life.kind == "scratch":
        return f"scratch of layer {life.number}"
    # converters join the names of all that they fused
    return model.graph.tensors[life.number].name.split(";")[0]


def _layers(model: Model, instructions: Sequence[int]) -> Iterator[dict[str, Any]]:
    counted: set[int] = set()
    for i, layer in enumerate(model.layers):
        op = layer.node.op
        # an operator of several steps has its multiplications in the first
        macs = 0 if op.index in counted else cost.operator_macs(layer.node.graph, op)
        counted.add(op.index)
        yield {
            "index": i,
            "op": op.op,
            "function": layer.call.function,
            "macs": macs,
            "weight_bytes": sum(c.values.nbytes for c in layer.call.constants),
            "scratch_bytes": layer.call.scratch_bytes,
            "instructions": instructions[i] if i < len(instructions) else None,
        }


def _boards(found: dict[str, Any], model_bytes: int) -> Iterator[dict[str, Any]]:
    needs = devices.Needs(
        model_bytes=model_bytes,
        weight_bytes=found["weight_bytes"],
        ram_bytes=found["arena_bytes"],
        code_bytes=found["text_bytes"],
        macs=found["macs"],
    )
    for board in devices.boards():
        if board.kind == "mcu":
            faults = devices.fit(needs, board)
            yield {
                "id": board.id,
                "fits": not faults,
                "ram_usable_bytes": board.ram_usable_bytes,
                "flash_usable_bytes": board.flash_usable_bytes,
                "faults": [fault.text for fault in faults],
            }


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _layer_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for layer in found["layers"]:
        keys = ("macs", "weight_bytes", "scratch_bytes", "instructions")
        figures = ("" if layer[key] is None else f"{layer[key]:,}" for key in keys)
        yield (str(layer["index"]), layer["op"], *figures)


def _tensor_rows(model: Model) -> Iterator[tuple[str, ...]]:
    letters = _letters(model)
    for place in sorted(model.plan.places, key=lambda p: (p.life.first, p.life.number)):
        life = place.life
        letter = letters[life.number] if life.kind == "tensor" else SCRATCH
        name = _name(model, life).replace("|", "/")
        steps = f"{life.first} to {life.last}"
        yield (letter, name, f"{life.size_bytes:,}", f"{place.offset_bytes:,}", steps)


def _board_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for board in found["boards"]:
        flash = board["flash_usable_bytes"]
        usable = f"{board['ram_usable_bytes']:,}", "" if flash is None else f"{flash:,}"
        yield (board["id"], "yes" if board["fits"] else "no", *usable, "; ".join(board["faults"]))
