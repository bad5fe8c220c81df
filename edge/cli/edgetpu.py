"""The part of `edge inspect` that speaks of the Edge TPU."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from edge import tflite
from edge.bundle import Bundle
from edge.edgetpu import SOURCE, Prediction, predict
from edge.errors import BadDataError

SHOWN_REASONS = 8


def edgetpu_report(content: Bundle, graph: tflite.Graph) -> dict[str, Any]:
    """Return what is known of a model and the Edge TPU, as plain values.

    `compiled` is that of the bundle's compiled model, else of the model itself; None where there
    is none. `predicted` is what the compiler would map, None for a model that is compiled.
    """
    return {"compiled": _compiled(content, graph), "predicted": _predicted(predict(graph))}


def edgetpu_lines(report: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    return [*_compiled_lines(report["compiled"]), *_predicted_lines(report["predicted"])]


def _predicted(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    reasons = Counter((placed.op, placed.reason) for placed in prediction.on_processor)
    return {
        "operators": len(prediction.placements),
        "mapped": len(prediction.mapped),
        "runtime_min": prediction.runtime_min,
        "weight_bytes": prediction.weight_bytes,
        "streamed_bytes": list(prediction.streamed_bytes),
        "refusals": list(prediction.refusals),
        "on_processor": [
            {"op": op, "count": count, "reason": reason}
            for (op, reason), count in reasons.most_common()
            if reason
        ],
        "maybe": sorted({f"{p.op} {p.maybe}" for p in prediction.mapped if p.maybe}),
        "source": SOURCE,
    }


def _predicted_lines(predicted: dict[str, Any] | None) -> list[str]:
    if predicted is None:
        return []
    head = "  Edge TPU (predicted, nothing was compiled):"
    if predicted["refusals"]:
        return [f"{head} the compiler refuses it: {why}" for why in predicted["refusals"]]
    total, mapped = predicted["operators"], predicted["mapped"]
    if not mapped:
        return [f"{head} no operator maps", *_reason_lines(predicted)]
    share = f"all {total}" if mapped == total else f"{mapped} of {total}"
    lines = [
        f"{head} {share} operators map; runtime {predicted['runtime_min']} or newer; "
        f"{predicted['weight_bytes']:,} bytes of weights{_where(*predicted['streamed_bytes'])}"
    ]
    lines += [f"    perhaps not: {maybe}" for maybe in predicted["maybe"]]
    return lines + _reason_lines(predicted)


def _where(least: int, most: int) -> str:
    """Say whether weights fit on the chip; the rest goes over the bus at each inference."""
    if least:
        return f", {least:,} or more of them do not fit on the chip: slower"
    return ", not all of them may fit on the chip" if most else " fit on the chip"


def _reason_lines(predicted: dict[str, Any]) -> list[str]:
    rows = predicted["on_processor"]
    lines = [
        f"    on the processor: {row['count']} x {row['op']}: {row['reason']}"
        for row in rows[:SHOWN_REASONS]
    ]
    more = len(rows) - SHOWN_REASONS
    return lines + ([f"    and {more} more reasons (--json lists them)"] if more > 0 else [])


def _compiled_lines(compiled: dict[str, Any] | None) -> list[str]:
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
