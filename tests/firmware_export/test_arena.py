"""The arena: below the published peers, at its bound, and nothing that is alive is overwritten."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge import tflite
from edge.errors import BadDataError
from firmware_export import emit, export, harness, header, poison, toolchain, vectors, verify
from firmware_export.layers import outside_arena
from firmware_export.model import Model
from firmware_export.placement import plan
from firmware_export.plan import live_bound_bytes
from firmware_export.rewrite import Rewritten, rewrite

MODELS = Path("data") / "mlperf-tiny"
# Input, output and scratch included: what each must keep within.
GATES = {
    "kws_ref_model.tflite": 9_216,
    "pretrainedResnet_quant.tflite": 36_864,
    "vww_96_int8.tflite": 40_960,
    "ad01_int8.tflite": 2_048,
}


@pytest.mark.parametrize("core", ["c99", "cortex-m4"])
@pytest.mark.parametrize(("name", "most_bytes"), GATES.items())
def test_public_networks_need_less_than_their_gate(
    shared: Path, name: str, most_bytes: int, core: str
) -> None:
    made = export(shared / MODELS / name, core)
    assert made.report["arena_bytes"] == made.model.plan.arena_bytes <= most_bytes


@pytest.mark.parametrize("name", ["kws_ref_model.tflite", "ad01_int8.tflite"])
def test_inputs_and_outputs_of_the_caller_leave_the_arena(shared: Path, name: str) -> None:
    inside, outside = (export(shared / MODELS / name, io=io).model for io in ("arena", "caller"))
    numbers = {p.life.number for p in outside.plan.places if p.life.kind == "tensor"}
    assert not numbers & {*outside.graph.inputs, *outside.graph.outputs}
    assert outside.plan.arena_bytes <= inside.plan.arena_bytes
    inputs = vectors.synthetic(inside.inputs, 3)
    flags = ("-O1", *toolchain.SANITIZERS)
    got = verify.compiled_answers(outside, sources(outside), inputs, flags)
    want = verify.compiled_answers(inside, sources(inside), inputs)
    assert verify.compare(got, want).different == 0


def test_a_uint8_border_cannot_be_the_callers(shared: Path) -> None:
    graph = rewrite(tflite.read((shared / MODELS / "ad01_int8.tflite").read_bytes())).graph
    tensors = tuple(
        replace(t, dtype="uint8") if t.index in graph.inputs else t for t in graph.tensors
    )
    unsigned = Rewritten(replace(graph, tensors=tensors), {})
    with pytest.raises(BadDataError, match=r"uint8.*take --io arena"):
        outside_arena(unsigned, [], [])


@pytest.mark.parametrize("name", ["kws_ref_model.tflite", "ad01_int8.tflite"])
def test_poison_in_every_dead_byte_changes_no_answer(shared: Path, name: str) -> None:
    assert_poison_is_harmless(export(shared / MODELS / name).model)


def test_poison_shows_a_plan_that_overwrites_what_is_alive(shared: Path) -> None:
    made = export(shared / MODELS / "kws_ref_model.tflite").model
    ahead = {place.life.number: place for place in made.plan.places if place.life.kind == "tensor"}
    moved = made.layers[4].outputs[0]
    places = tuple(
        replace(place, offset_bytes=ahead[made.layers[4].inputs[0]].offset_bytes + 64)
        if place is ahead[moved] else place
        for place in made.plan.places
    )  # fmt: skip
    wrong = replace(made, plan=replace(made.plan, places=places))
    with pytest.raises(AssertionError, match="output bytes differ"):
        assert_poison_is_harmless(wrong)


@pytest.mark.full
def test_placement_reaches_the_live_tensor_bound_on_19_of_20_shared_models(shared: Path) -> None:
    """Nothing may overlap here, so that the bound is the sum of what lives at once."""
    gaps = []
    for path in sorted((shared / "data").rglob("*.tflite")):
        try:
            made = export(path).model
        except BadDataError:
            continue
        lives = [place.life for place in made.plan.places]
        gaps.append(plan(lives).arena_bytes - live_bound_bytes(lives))
    assert len(gaps) >= len(GATES)
    assert gaps.count(0) >= 0.95 * len(gaps), sorted(gaps)[-10:]


@pytest.mark.full
def test_poison_changes_no_answer_of_any_shared_model(shared: Path) -> None:
    tried = 0
    for path in sorted((shared / "data").rglob("*.tflite")):
        try:
            made = export(path).model
        except BadDataError:
            continue
        assert_poison_is_harmless(made)
        tried += 1
    assert tried >= len(GATES)


def assert_poison_is_harmless(made: Model) -> None:
    """The answers of a plan without overlaps are those with them, whatever the poison is."""
    inputs = vectors.synthetic(made.inputs, 3)
    files = sources(made)
    wanted = verify.compiled_answers(apart(made), sources(apart(made)), inputs)
    for byte in ("0x55", "0xaa"):
        with tempfile.TemporaryDirectory() as folder:
            flags = ("-O1", f"-D{poison.MACRO}={byte}")
            program = toolchain.build(poison.texts(made, files), Path(folder), flags)
            got = harness.answers(program, made, inputs)
        verdict = verify.compare(got, wanted)
        assert verdict.different == 0, verdict.text


def apart(made: Model) -> Model:
    """The model with a plan in which nothing shares bytes with anything, at any time."""
    end = len(made.layers)
    lives = [replace(place.life, first=0, last=end) for place in made.plan.places]
    plain = tuple(
        replace(
            layer,
            call=replace(
                layer.call, fields=tuple(f for f in layer.call.fields if f[0] != "backward")
            ),
        )
        for layer in made.layers
    )
    return replace(made, layers=plain, plan=plan(lives))


def sources(made: Model) -> dict[str, str]:
    n = made.name
    return {
        f"{n}.h": header.header(made), f"{n}.c": emit.source(made),
        f"{n}_weights.c": emit.weights(made),
    }  # fmt: skip
