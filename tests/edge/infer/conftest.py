"""The bench that the engine's tests share."""

from collections.abc import Iterator

import pytest
from engine_bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Return devices, a clock and engines; what still hangs or runs at the end is let go."""
    bench = Bench()
    yield bench
    for gate in bench.gates:
        gate.open.set()
    for engine in bench.engines:
        engine.close()
