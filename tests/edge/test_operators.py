"""The operator table against the installed runtime and the public models."""

import flatbuffers
import pytest
import tflite

from edge import operators


def one_code_model(code: int, version: int) -> bytes:
    """Return a model that names one operator and uses none: a runtime looks it up at once."""
    builder = flatbuffers.Builder(256)

    def vector(positions: list[int]) -> int:
        builder.StartVector(4, len(positions), 4)
        for position in reversed(positions):
            builder.PrependUOffsetTRelative(position)
        return int(builder.EndVector())

    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, 127))
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    tflite.OperatorCodeAddVersion(builder, version)
    codes = vector([tflite.OperatorCodeEnd(builder)])
    tflite.BufferStart(builder)
    buffers = vector([tflite.BufferEnd(builder)])
    empty = vector([])
    tflite.SubGraphStart(builder)
    for add in (tflite.SubGraphAddTensors, tflite.SubGraphAddOperators,
                tflite.SubGraphAddInputs, tflite.SubGraphAddOutputs):  # fmt: skip
        add(builder, empty)
    subgraphs = vector([tflite.SubGraphEnd(builder)])
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def loads(op: str, version: int) -> bool:
    """Return whether the installed runtime knows an operator in a version."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    code = getattr(tflite.BuiltinOperator, op)
    try:
        Interpreter(model_content=one_code_model(code, version))
    except ValueError as error:
        if "version" in str(error):
            return False
        raise
    return True


def is_oldest_runtime() -> bool:
    try:
        import ai_edge_litert  # noqa: F401
    except ImportError:
        return True
    return False


def test_every_version_in_the_table_loads() -> None:
    missing = [op for op, row in operators.OPERATORS.items() if not loads(op, row.version)]
    assert missing == []


def test_the_oldest_runtime_loads_no_higher_version() -> None:
    above = [op for op, row in operators.OPERATORS.items() if loads(op, row.version + 1)]
    if is_oldest_runtime():
        assert above == []
    else:
        assert "FULLY_CONNECTED" in above  # a newer runtime: the table does not follow it


@pytest.mark.parametrize(("op", "version"), [("CONV_2D", 7), ("FULLY_CONNECTED", 10), ("ADD", 5)])
def test_versions_of_common_operators(op: str, version: int) -> None:
    assert operators.max_version(op) == version


def test_operators_that_only_one_runtime_has_in_8_bits_are_absent() -> None:
    assert operators.max_version("LOG") is None
    assert operators.max_version("ELU") is None
    assert operators.max_version("STABLEHLO_ADD") is None


def test_small_networks_go_everywhere() -> None:
    both = operators.edgetpu_operators() & operators.export_operators()
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SOFTMAX"} <= both
    assert {"LOGISTIC", "RESHAPE", "MEAN", "MAX_POOL_2D", "AVERAGE_POOL_2D"} <= both
