"""The states of a recurrent model: outputs that become inputs of the next answer."""

from collections.abc import Sequence

import numpy as np

from edge.bundle import Bundle
from edge.infer.backend import Array


class Feedback:
    """What a model remembers from one answer to the next: its states, in its own integers.

    They begin as real nought, and belong to one backend: where another takes over, it begins
    anew.
    """

    def __init__(self, model: Bundle) -> None:
        """Take the bundle's `states`; most models have none."""
        inputs, outputs = ([s.name for s in side] for side in (model.inputs, model.outputs))
        self._from = {inputs.index(a): outputs.index(b) for a, b in model.states}
        self._values: dict[int, Array] = {
            at: np.full(model.inputs[at].shape, model.inputs[at].zero_point, model.inputs[at].dtype)
            for at in self._from
        }
        self.asked = tuple(at for at in range(len(inputs)) if at not in self._from)

    def fill(self, entered: Sequence[Array]) -> list[Array]:
        """Return the tensors of all inputs, given those of the `asked` ones in order."""
        given = dict(zip(self.asked, entered, strict=True)) | self._values
        return [given[at] for at in range(len(given))]

    def keep(self, left: Sequence[Array]) -> None:
        """Remember the states among the tensors of all outputs."""
        self._values = {at: left[source] for at, source in self._from.items()}
