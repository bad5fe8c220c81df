"""Fakes at the edge of the engine: devices that fail as told, a clock, a bench to open them on."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edge.backoff import Backoff
from edge.infer.backend import Backend, Choice, Reals
from edge.infer.engine import Answer, Engine
from edge.scene import Prepared

PATIENCE_S = 20.0  # real seconds until a test gives up
STEADY = Backoff(first_s=1.0, most_s=8.0, jitter=lambda: 1.0)


class Clock:
    """Seconds that pass only when told; counts how often it is read."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + PATIENCE_S
    never = threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.001)


class Device:
    """A processor that obeys: what the engine opens is one of these.

    The answer to a frame with value v is v * factor, so that every answer tells who gave it.
    """

    def __init__(self, name: str, factor: float, clock: Clock) -> None:
        self.name, self.factor, self.clock = name, factor, clock
        self.orders: list[Callable[[float], Reals]] = []  # the next answers, in order
        self.always: Callable[[float], Reals] | None = None  # every answer
        self.open_error: BaseException | None = None
        self.open_gate: threading.Event | None = None
        self.cost_s = 0.0
        self.seen: list[float] = []
        self.opens = self.closes = 0
        self.tells = False  # whether it says when it dies
        self.listeners: list[Callable[[BaseException], None]] = []

    def choice(self) -> Choice:
        return Choice(self.name, self.open)

    def open(self) -> Backend:
        self.opens += 1
        if self.open_gate:
            self.open_gate.wait(PATIENCE_S)
        if self.open_error:
            raise self.open_error
        return Telling(self) if self.tells else Opened(self)

    def right(self, value: float) -> Reals:
        return (np.full((1, 3), value * self.factor, np.float32),)


class Opened:
    def __init__(self, device: Device) -> None:
        self.device = device

    @property
    def description(self) -> str:
        return f"fake {self.device.name}"

    def infer(self, inputs: Sequence[Any]) -> Reals:
        device, value = self.device, float(inputs[0][0])
        device.seen.append(value)
        device.clock.advance(device.cost_s)
        order = device.orders.pop(0) if device.orders else device.always or device.right
        return order(value)

    def close(self) -> None:
        self.device.closes += 1


class Telling(Opened):
    def on_death(self, report: Callable[[BaseException], None]) -> None:
        self.device.listeners.append(report)


class Gate:
    """An answer that does not come until the gate is opened."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, value: float) -> Reals:
        self.entered.set()
        self.open.wait(PATIENCE_S)
        return self.device.right(value)


def raising(error: BaseException) -> Callable[[float], Reals]:
    def answer(value: float) -> Reals:
        raise error

    return answer


def frame(value: float, camera: str = "a") -> Prepared:
    return Prepared(camera, (np.array([value]),))


def value_of(answer: Answer) -> float:
    return float(answer.outputs[0][0, 0])


class Bench:
    """Two devices under one engine and one clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tpu = Device("tpu", 2.0, self.clock)
        self.cpu = Device("cpu", 3.0, self.clock)
        self.gates: list[Gate] = []
        self.engines: list[Engine] = []

    def engine(self, *devices: Device, **options: Any) -> Engine:
        options = {"backoff": STEADY, "poll_s": 0.002, "close_wait_s": 5.0, **options}
        choices = [device.choice() for device in devices or (self.tpu, self.cpu)]
        self.engines.append(Engine(choices, clock=self.clock, **options))
        return self.engines[-1]

    def gate(self, device: Device) -> Gate:
        self.gates.append(Gate(device))
        return self.gates[-1]

    def housekeeping(self) -> None:
        """Wait until the housekeeper has looked around a few times."""
        start = self.clock.reads
        until(lambda: self.clock.reads >= start + 10)

    def answer(self, engine: Engine, value: float) -> Answer:
        return engine.submit(frame(value)).result(PATIENCE_S)

    def until_answered_by(self, engine: Engine, name: str) -> Answer:
        answers: list[Answer] = []

        def answered() -> bool:
            answers.append(self.answer(engine, 7.0))
            return answers[-1].backend == name

        until(answered)
        return answers[-1]


SHAPES = [(1, 3)]
DEATHS: dict[str, Callable[[float], Reals]] = {
    "error": raising(RuntimeError("invoke failed")),
    "exit": raising(SystemExit(3)),
    "interrupt": raising(KeyboardInterrupt()),
    "memory": raising(MemoryError()),
    "shape": lambda value: (np.zeros((1, 4), np.float32),),
    "count": lambda value: (np.zeros((1, 3), np.float32),) * 2,
    "nothing": lambda value: None,  # type: ignore[dict-item,return-value]
}
