"""Every core that has an emulator, as a parameter that is skipped where its tools are absent."""

import pytest

from firmware_export import targets

TOOLS = {"cortex_m": "arm", "riscv": "riscv"}
NAMES = tuple(name for name in targets.names() if name != targets.HOST)
CORES = [
    pytest.param(name, marks=pytest.mark.needs(TOOLS[targets.find(name).family])) for name in NAMES
]
