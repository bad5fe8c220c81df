"""Which backends an engine gets: the Edge TPUs that are here, then the CPU."""

import logging
from collections.abc import Callable

from edge.bundle import Bundle
from edge.config import EngineConfig
from edge.errors import BadDataError, NotFoundError, UnavailableError, UsageError
from edge.infer.backend import Backend, Choice
from edge.infer.cpu import open_cpu
from edge.infer.engine import Engine
from edge.infer.runtime import Runtime
from edge.infer.slot import Deadline

log = logging.getLogger(__name__)

EDGETPU = "edgetpu"
# Of the time that the engine waits for a choice to open: then the backend says where it hung.
START_SHARE = 0.9


def open_engine(model: Bundle, runtime: Runtime, config: EngineConfig) -> Engine:
    """Return an engine with the backends of the configuration, in its order.

    Raises UsageError for an unknown backend, UnavailableError where nothing can answer, or where
    an Edge TPU is required and none works: with the fault and the cure of each.
    """
    deadline = Deadline(usual_ms=config.deadline_ms)
    found = choices(model, runtime, config, deadline)
    engine = Engine(found, deadline=deadline, shapes=[output.shape for output in model.outputs])
    if config.edgetpu_required:
        tpus = [b for b in engine.statistics().backends if b.name.startswith(EDGETPU)]
        if all(tpu.fault for tpu in tpus):
            engine.close()
            raise UnavailableError(*(f"{tpu.name}: {tpu.fault}" for tpu in tpus))
    return engine


def choices(
    model: Bundle, runtime: Runtime, config: EngineConfig, deadline: Deadline
) -> list[Choice]:
    """Return a choice for each Edge TPU and for the CPU, in the configuration's order."""
    known: dict[str, Callable[[], list[Choice]]] = {
        EDGETPU: lambda: _edgetpus(model, runtime, config, deadline),
        "cpu": lambda: _cpu(model, runtime, config),
    }
    unknown = [name for name in config.backends if name not in known]
    if unknown:
        raise UsageError(
            *(f"no backend '{name}'; known backends: {', '.join(known)}" for name in unknown)
        )
    found = [choice for name in config.backends for choice in known[name]()]
    if not found:
        raise UnavailableError(_nothing(model))
    return found


def _cpu(model: Bundle, runtime: Runtime, config: EngineConfig) -> list[Choice]:
    if model.cpu_missing:
        return []
    return [Choice("cpu", lambda: open_cpu(model, runtime, config.threads))]


def _edgetpus(
    model: Bundle, runtime: Runtime, config: EngineConfig, deadline: Deadline
) -> list[Choice]:
    if model.edgetpu_model is None:
        if config.edgetpu_required:
            raise NotFoundError(_not_compiled(model))
        return []
    if model.states:
        said = f"model '{model.name}' is recurrent: only the CPU feeds its states back"
        if config.edgetpu_required:
            raise BadDataError(f"{said}; take --backend cpu")
        log.info("%s", said)
        return []
    # a run on the CPU starts without these
    from edge.infer import preflight
    from edge.infer.edgetpu import Settings, open_edgetpu

    machine = preflight.Machine(config.root)
    devices = config.edgetpu
    if devices == ("auto",):
        devices = tuple(preflight.name_of(tpu) for tpu in machine.tpus())
    if not devices and config.edgetpu_required:
        raise UnavailableError(preflight.none_here())
    if not devices:
        log.info("model %s is compiled, but no Edge TPU is here", model.name)
    elif model.cpu_missing:
        log.warning("no CPU model %s: no frame is answered while the Edge TPU does not work",
                    model.cpu_missing)  # fmt: skip
    starting = Deadline(deadline.usual_ms, deadline.times, START_SHARE * deadline.first_ms)
    settings = Settings(config.edgetpu_library, config.threads, starting, machine)

    def opener(device: str) -> Callable[[], Backend]:
        return lambda: open_edgetpu(model, runtime, device, settings)

    several = len(devices) > 1
    return [
        Choice(f"{EDGETPU}:{device}" if several else EDGETPU, opener(device)) for device in devices
    ]


def _not_compiled(model: Bundle) -> str:
    if model.folder is None:
        return (
            f"model '{model.name}' has no X_edgetpu.tflite beside it: the Edge TPU runs compiled "
            "models only; compile it with edgetpu_compiler"
        )
    import shlex  # only this fault needs it

    cure = f"edge compile {shlex.quote(str(model.folder))} adds one"
    return f"model '{model.name}' holds no model_edgetpu.tflite for the Edge TPU: {cure}"


def _nothing(model: Bundle) -> str:
    if not model.cpu_missing:
        return f"no backend is left for model '{model.name}'; take --backend auto"
    return (
        f"model '{model.name}' is compiled for the Edge TPU, and no Edge TPU is used here; "
        f"its CPU model is missing: {model.cpu_missing}"
    )
