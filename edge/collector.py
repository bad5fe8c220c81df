"""The garbage collector at rest while modules are imported."""

import gc


class Paused:
    """Keeps the collector from walking what is made inside: not now, and never again.

    A class, because `contextlib` is itself among the modules that are better imported inside.
    """

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.freeze()
        if self._was_enabled:
            gc.enable()
