"""fit(): exact at the border, never milder for a larger model, and honest about what it guesses."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices
from devices import Needs

BOARDS = devices.boards()
COUNTS = st.integers(0, 1 << 31)
OPS = st.lists(
    st.sampled_from(["edgetpu-custom-op", "TFLite_Detection_PostProcess", "ethos-u", "Mine"]),
    max_size=3,
)
NEEDS = st.builds(
    Needs,
    model_bytes=COUNTS,
    weight_bytes=COUNTS,
    ram_bytes=COUNTS,
    code_bytes=COUNTS,
    macs=COUNTS,
    int8=st.booleans(),
    custom_ops=OPS.map(tuple),
)
SMALL = Needs(model_bytes=0, weight_bytes=0, ram_bytes=0, code_bytes=0)
COUNTED = ("model_bytes", "weight_bytes", "ram_bytes", "code_bytes", "macs")
MCUS = [board for board in BOARDS if board.kind == "mcu"]
LINUX = [board for board in BOARDS if board.kind == "linux"]
ACCELERATORS = [board for board in BOARDS if board.kind == "accelerator"]


def missing(needs: Needs, board: devices.Device) -> dict[str, int]:
    return {fault.what: fault.missing_bytes for fault in devices.fit(needs, board)}


@given(
    needs=NEEDS,
    more=st.fixed_dictionaries(dict.fromkeys(COUNTED, COUNTS)),
    ops=OPS,
    board=st.sampled_from(BOARDS),
)
def test_asking_for_more_never_removes_a_fault(
    needs: Needs, more: dict[str, int], ops: list[str], board: devices.Device
) -> None:
    larger = dataclasses.replace(
        needs,
        int8=False,
        custom_ops=(*needs.custom_ops, *ops),
        **{name: getattr(needs, name) + count for name, count in more.items()},
    )
    before, after = missing(needs, board), missing(larger, board)
    assert before.keys() <= after.keys()
    assert all(after[what] >= count for what, count in before.items())


@given(needs=NEEDS, board=st.sampled_from(BOARDS))
def test_fitting_and_the_estimate_say_the_same(needs: Needs, board: devices.Device) -> None:
    taken, lacking = devices.estimate(needs, board), missing(needs, board)
    assert taken.estimated
    if board.kind != "accelerator":
        assert lacking.get("ram", 0) == max(0, taken.ram_bytes - taken.ram_usable_bytes)
        assert ("ram" in lacking) == (taken.ram_part > 1)
    if taken.flash_bytes is not None and taken.flash_usable_bytes is not None:
        assert lacking.get("flash", 0) == max(0, taken.flash_bytes - taken.flash_usable_bytes)


@pytest.mark.parametrize("board", MCUS, ids=lambda board: board.id)
def test_a_microcontroller_fits_exactly_at_the_border(board: devices.Device) -> None:
    assert board.flash_usable_bytes is not None
    full = dataclasses.replace(
        SMALL,
        ram_bytes=board.ram_usable_bytes,
        weight_bytes=board.flash_usable_bytes - devices.Needs(0, 0, 0).code_bytes,
        code_bytes=devices.Needs(0, 0, 0).code_bytes,
    )
    assert devices.fit(full, board) == []
    assert missing(dataclasses.replace(full, ram_bytes=full.ram_bytes + 1), board) == {"ram": 1}
    above = dataclasses.replace(full, weight_bytes=full.weight_bytes + 3)
    assert missing(above, board) == {"flash": 3}


@pytest.mark.parametrize("board", LINUX, ids=lambda board: board.id)
def test_a_linux_board_fits_exactly_at_the_border(board: devices.Device) -> None:
    needs = Needs(model_bytes=1000, weight_bytes=900, ram_bytes=board.ram_usable_bytes - 1900)
    assert devices.fit(needs, board) == []
    above = dataclasses.replace(needs, ram_bytes=needs.ram_bytes + 7)
    assert missing(above, board) == {"ram": 7}


def test_the_code_allowance_is_the_default_in_flash() -> None:
    board = devices.find("pico")
    assert devices.estimate(Needs(1, 1000, 1), board).flash_bytes == 11_240


@pytest.mark.parametrize("board", ACCELERATORS, ids=lambda board: board.id)
def test_weights_above_the_cache_slow_an_accelerator_but_fit(board: devices.Device) -> None:
    assert board.accelerator_cache_bytes is not None
    needs = dataclasses.replace(SMALL, weight_bytes=board.accelerator_cache_bytes + 5)
    assert devices.fit(needs, board) == []
    assert any("5 bytes of weights" in note for note in devices.estimate(needs, board).notes)
    inside = dataclasses.replace(needs, weight_bytes=board.accelerator_cache_bytes)
    assert not any("slower" in note for note in devices.estimate(inside, board).notes)


@pytest.mark.parametrize("board", [*ACCELERATORS, *MCUS], ids=lambda board: board.id)
def test_a_float_model_is_refused_with_the_cure(board: devices.Device) -> None:
    (fault,) = devices.fit(dataclasses.replace(SMALL, int8=False), board)
    assert (fault.what, fault.missing_bytes) == ("type", 0)
    assert "edge quantize" in str(fault)


@pytest.mark.parametrize("board", LINUX, ids=lambda board: board.id)
def test_a_float_model_runs_on_linux_and_the_idle_edge_tpu_is_said(board: devices.Device) -> None:
    needs = dataclasses.replace(SMALL, int8=False)
    assert devices.fit(needs, board) == []
    said = any("runs on the CPU" in note for note in devices.estimate(needs, board).notes)
    assert said == bool(board.accelerator)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_a_compiled_model_needs_an_edge_tpu(board: devices.Device) -> None:
    needs = dataclasses.replace(SMALL, custom_ops=("edgetpu-custom-op",))
    assert (devices.fit(needs, board) == []) == (board.accelerator == "edgetpu")
    assert not any("compile it" in note for note in devices.estimate(needs, board).notes)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_detection_postprocess_runs_where_there_is_a_runtime(board: devices.Device) -> None:
    needs = dataclasses.replace(SMALL, custom_ops=("TFLite_Detection_PostProcess",))
    assert (devices.fit(needs, board) == []) == (board.kind != "mcu")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_every_foreign_operator_is_listed_once(board: devices.Device) -> None:
    needs = dataclasses.replace(SMALL, custom_ops=("ethos-u", "Mine", "ethos-u"))
    texts = [str(fault) for fault in devices.fit(needs, board)]
    assert len(texts) == 2
    assert "ethos-u" in texts[0]
    assert "Mine" in texts[1]
