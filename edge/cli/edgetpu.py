"""The part of `edge inspect` that speaks of the Edge TPU."""

from dataclasses import asdict
from typing import Any

from edge import tflite
from edge.bundle import Bundle
from edge.errors import BadDataError


def edgetpu_report(content: Bundle, graph: tflite.Graph) -> dict[str, Any]:
    """Return what is known of a model and the Edge TPU, as plain values.

    `compiled` is that of the bundle's compiled model, else of the model itself; None where there
    is none.
    """
    return {"compiled": _compiled(content, graph)}


def edgetpu_lines(report: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    compiled = report["compiled"]
    if not compiled:
        return []
    if compiled["faults"]:
        return [f"  Edge TPU: {compiled['file']}: {fault}" for fault in compiled["faults"]]
    return [
        f"  Edge TPU: {compiled['file']} is compiled for it and needs its runtime in version "
        f"{compiled['runtime_min']} or newer"
    ]


def _compiled(content: Bundle, graph: tflite.Graph) -> dict[str, Any] | None:
    aside = content.edgetpu_model
    try:
        found = tflite.read_compiled(graph if aside is None else tflite.read(aside))
        faults: tuple[str, ...] = ()
    except BadDataError as error:
        found, faults = None, error.faults
    if found is None and not faults:
        return None
    file = "this model" if aside is None else "model_edgetpu.tflite"
    values = asdict(found) if found else {"operators": None, "runtime_min": None, "compiler": ""}
    return {"file": file, **values, "faults": list(faults)}
