"""What the Edge TPU benchmarks share: a stand-in for the stick, on a machine made for it.

It is the one of the tests: a delegate library compiled with gcc, whose invokes take as long as it
is told. So these figures are those of everything around an Edge TPU, not of the Edge TPU.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("EDGE_SHARED", ROOT.parent / "shared"))
sys.path.insert(0, str(ROOT / "tests"))

from edgetpu_standin import Stick, build_library, compiled_twin  # noqa: E402
from machine_trees import add_usb_tpu  # noqa: E402

from edge.bundle import Bundle, Thresholds, read_bare  # noqa: E402
from edge.infer.edgetpu import EdgeTpuBackend, Settings, open_edgetpu  # noqa: E402
from edge.infer.preflight import Machine  # noqa: E402
from edge.infer.runtime import Runtime  # noqa: E402
from edge.infer.slot import Deadline  # noqa: E402

VWW = "mlperf-tiny/vww_96_int8.tflite"  # 96 px, under a millisecond on the CPU
MOBILENET = "coral/mobilenet_v2_1.0_224_quant.tflite"


class Standin:
    """A stick, the library for it, and a machine that has one plugged in."""

    def __init__(self, folder: Path) -> None:
        """Build all in a folder; children of this process find it from here on."""
        self.library = build_library(folder)
        self.stick = Stick(folder / "stick")
        self.root = folder / "machine"
        add_usb_tpu(self.root, "1-1", "18d1:9302", bus=1, device=2)
        os.environ["EDGETPU_STANDIN"] = str(self.stick.folder)

    def settings(self, deadline: Deadline) -> Settings:
        """Return how a backend finds it."""
        return Settings(str(self.library), deadline=deadline, machine=Machine(self.root))

    def open(
        self, model: Bundle, runtime: Runtime, deadline: Deadline | None = None
    ) -> EdgeTpuBackend:
        """Return a backend on it."""
        return open_edgetpu(model, runtime, "usb:0", self.settings(deadline or Deadline()))


def paired(name: str, side_px: int | None = None) -> Bundle:
    """Return a model of the shared data with a compiled twin; `side_px` changes both borders.

    With another size its CPU model no longer fits: for the stand-in only.
    """
    read = read_bare(SHARED / "data" / name)
    twin = compiled_twin(read.model, side_px)
    image = replace(read.inputs[0], interpolation="linear")
    if side_px is not None:
        image = replace(image, shape=(1, side_px, side_px, 3))
    # its answers are noise over all classes: what a model would say of a picture names a few
    return replace(read, inputs=(image,), edgetpu_model=twin, thresholds=Thresholds(1.0))
