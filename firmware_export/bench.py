"""Instructions of one inference on an emulated core, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge import cost
from edge.errors import UnavailableError
from firmware_export import emulate, oracle, selftest, toolchain, vectors
from firmware_export.model import Model
from firmware_export.targets import Target


@dataclass(frozen=True, slots=True)
class Step:
    """One layer: the C function that runs it, its multiply-accumulates, what it took."""

    function: str
    macs: int
    instructions: int


@dataclass(frozen=True, slots=True)
class Bench:
    """The figures of one program, built once with the target's flags.

    `instructions` are those of an inference, the call of it included, without counting the layers;
    `steps` are counted by a second program. `checked`: the answers were compared with the named
    runtime's; None where that is not here.
    """

    machine: str
    compiler: str
    flags: tuple[str, ...]
    instructions: int
    steps: tuple[Step, ...]
    text_bytes: int
    arena_bytes: int
    checked: bool | None

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates of an inference."""
        return sum(step.macs for step in self.steps)


def bench(
    model: Model, files: Mapping[str, str], target: Target, *, by_layer: bool = True
) -> Bench:
    """Count one inference; raises UnavailableError without compiler, emulator or room.

    Its input is 0 in every byte.
    """
    text, has_vectors = _selftest(model)
    whole = {**files, f"{model.name}_selftest.c": text}
    count = emulate.run(model, whole, target)
    no_counts = (0,) * len(model.layers)
    counts = emulate.run(model, whole, target, layers=True).layers if by_layer else no_counts
    return Bench(
        machine=count.machine,
        compiler=toolchain.version(target),
        flags=target.flags,
        instructions=count.instructions,
        steps=tuple(_steps(model, counts)),
        text_bytes=count.text_bytes,
        arena_bytes=model.plan.arena_bytes,
        checked=count.failed == 0 if has_vectors else None,
    )


def _steps(model: Model, counts: tuple[int, ...]) -> list[Step]:
    found, seen = [], set()
    for layer, instructions in zip(model.layers, counts, strict=True):
        op = layer.node.op
        # an operator may take several calls: its work stands at the first
        macs = 0 if op.index in seen else cost.operator_macs(layer.node.graph, op)
        seen.add(op.index)
        found.append(Step(layer.call.function, macs, instructions))
    return found


def _selftest(model: Model) -> tuple[str, bool]:
    inputs = vectors.synthetic(model.inputs, 1)
    try:
        outputs = oracle.answers(model.content, inputs, model.rounding)
    except UnavailableError:
        return _without_vectors(model), False
    return selftest.text(model, inputs, outputs), True


def _without_vectors(model: Model) -> str:
    n = model.name
    return (
        f'#include "{n}.h"\nint {n}_selftest({n}_t *m, void (*print)(const char *line))\n'
        "{\n    (void)m;\n    (void)print;\n    return 0;\n}\n"
    )
