"""`edge inspect`: what a model file or a bundle holds."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge import bundle, cost, metadata, tflite
from edge.bundle import Bundle
from edge.cli import show
from edge.cli.edgetpu import edgetpu_lines, edgetpu_report

SHOWN_LABELS = 10


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.pass_context
def inspect(ctx: click.Context, model: Path) -> None:
    """Show inputs, outputs, operators, costs and metadata of MODEL, a bundle or a .tflite file."""
    content = bundle.read(model)
    record = describe(content)
    show(ctx, {"path": str(model), **record}, "\n".join([str(model), *_lines(record)]))


def describe(content: Bundle) -> dict[str, Any]:
    """Return all that is known of a model as plain values."""
    graph = tflite.read(content.model)
    own = metadata.read_metadata(content.model)
    signature = graph.signature
    return {
        "name": content.name,
        "version": content.version,
        "task": content.task,
        "bundle": content.folder is not None,
        "created": content.created,
        "created_by": content.created_by,
        "license": content.license if content.folder is not None else "",
        "description": graph.description,
        "file_bytes": len(content.model),
        "macs": cost.macs(graph),
        "weight_bytes": cost.weight_bytes(graph),
        "live_tensor_bound_bytes": cost.live_tensor_bound_bytes(graph),
        "subgraphs": graph.subgraph_count,
        "signature": signature.key if signature else None,
        "inputs": [asdict(spec) for spec in content.inputs],
        "outputs": [asdict(spec) for spec in content.outputs],
        "decode": asdict(content.decode),
        "thresholds": asdict(content.thresholds),
        "score": asdict(content.score) if content.score else None,
        "operators": _operators(graph),
        "labels": list(content.labels),
        "edgetpu": edgetpu_report(content, graph),
        "metadata": asdict(own) if own else None,
        "golden": dict(content.golden),
        "guesses": list(content.guesses),
    }


def _operators(graph: tflite.Graph) -> list[dict[str, Any]]:
    """Return one row per operator and version, the most frequent first."""
    counts = Counter((op.op, op.version, op.custom) for op in graph.operators)
    macs: Counter[tuple[str, int, bool]] = Counter()
    for op in graph.operators:
        macs[op.op, op.version, op.custom] += cost.operator_macs(graph, op)
    return [
        {"op": key[0], "version": key[1], "custom": key[2], "count": count, "macs": macs[key]}
        for key, count in counts.most_common()
    ]


def _lines(record: dict[str, Any]) -> list[str]:
    lines = [
        f"  {'bundle' if record['bundle'] else 'bare model'} {record['name']}, "
        f"version {record['version']}, task {record['task']}",
        f"  file {record['file_bytes']:,} bytes; weights {record['weight_bytes']:,} bytes; "
        f"live tensors at least {record['live_tensor_bound_bytes']:,} bytes",
        f"  {record['macs']:,} multiply-accumulates",
        f"  signature {record['signature'] or 'none'}"
        + (f"; {record['subgraphs']} subgraphs" if record["subgraphs"] > 1 else ""),
    ]
    lines += [_input_line(spec) for spec in record["inputs"]]
    lines += [_output_line(spec) for spec in record["outputs"]]
    lines += [
        f"  {row['count']:>5} x {row['op']} version {row['version']}"
        + (" (custom)" if row["custom"] else "")
        for row in record["operators"]
    ]
    lines += edgetpu_lines(record["edgetpu"])
    lines += _label_lines(record) + _score_lines(record) + _metadata_lines(record["metadata"])
    return lines + [f"  guessed: {guess}" for guess in record["guesses"]]


def _quantization(spec: dict[str, Any]) -> str:
    if not spec["scale"]:
        return "no scale"
    return f"scale {spec['scale']:.9g} zero point {spec['zero_point']}"


def _input_line(spec: dict[str, Any]) -> str:
    line = f"  input {spec['name']!r}: {spec['kind']} {spec['dtype']} {list(spec['shape'])} "
    line += _quantization(spec)
    if spec["kind"] == "image":
        mean, std = (", ".join(f"{v:.6g}" for v in spec[key]) for key in ("mean", "std"))
        line += f"; {spec['color']}, {spec['resize']}, real = (pixel - {mean}) / {std}"
    return line


def _output_line(spec: dict[str, Any]) -> str:
    return (
        f"  output {spec['name']!r}: {spec['role']} {spec['dtype']} {list(spec['shape'])} "
        + _quantization(spec)
    )


def _label_lines(record: dict[str, Any]) -> list[str]:
    labels = record["labels"]
    if not labels:
        return ["  labels none"]
    more = f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else ""
    background = "; label 0 is the background" if record["decode"]["background"] else ""
    return [f"  labels {', '.join(labels[:SHOWN_LABELS])}{more}{background}"]


def _score_lines(record: dict[str, Any]) -> list[str]:
    score = record["score"]
    if not score:
        return []
    return [
        f"  {score['metric']} {kind}: {score[kind]['value']:.3f} "
        f"({score[kind]['low']:.3f} to {score[kind]['high']:.3f}, {score[kind]['n']} pictures)"
        for kind in ("float", "int8")
    ]


def _metadata_lines(own: dict[str, Any] | None) -> list[str]:
    if own is None:
        return ["  metadata none"]
    words = [own["name"], own["version"], own["author"], own["license"]]
    lines = [f"  metadata {'; '.join(word for word in words if word) or 'without a name'}"]
    if own["description"]:
        lines.append(f"    {own['description'].splitlines()[0]}")
    for side in ("inputs", "outputs"):
        for info in own[side]:
            parts = [info["kind"], info["color"] or ""]
            if info["mean"]:
                parts.append(f"mean {info['mean'][0]:g} std {info['std'][0]:g}")
            if info["labels"]:
                parts.append(f"{len(info['labels'])} labels")
            if info["threshold"] is not None:
                parts.append(f"threshold {info['threshold']:g}")
            lines.append(f"    {side[:-1]} {info['name']!r}: {' '.join(p for p in parts if p)}")
    return lines
