"""Frames in, answers out: the best working backend answers, and no frame is lost when it fails.

One thread answers. A second, the housekeeper, looks a few times a second whether the answer under
way is late and whether a failed backend is due again; opening and closing happen on threads of
their own, so that no frame waits for them. A call that does not come back is abandoned: another
thread takes its frame to the next choice, and what it may still return is thrown away.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from edge.backoff import Backoff
from edge.errors import BadDataError, UnavailableError, UsageError
from edge.infer.backend import Backend, Choice, Mortal, Reals
from edge.infer.slot import BackendStatistics, Deadline, Slot
from edge.records import dataclass
from edge.scene import Change, Prepared

log = logging.getLogger(__name__)

DEADLINE = Deadline()
BACKOFF = Backoff()


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the model said of one frame, and what changed among the backends since the last one."""

    outputs: Reals
    backend: str
    infer_ms: float
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Statistics:
    """Frames submitted and answered, and what each backend did, in order of preference."""

    submitted: int
    answered: int
    backends: tuple[BackendStatistics, ...]


class _Job:
    __slots__ = ("future", "prepared", "tried")

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.future: Future[Answer] = Future()
        self.tried: set[str] = set()


class _Flight:
    __slots__ = ("backend", "job", "slot", "started")

    def __init__(self, job: _Job, slot: Slot, backend: Backend, started: float) -> None:
        self.job, self.slot, self.backend, self.started = job, slot, backend, started


class _FairQueue:
    """Frames that wait, handed out one camera after the other."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Job]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def push(self, job: _Job) -> None:
        self._waiting.setdefault(job.prepared.camera, deque()).append(job)

    def pop(self) -> _Job:
        """Return the oldest frame of the camera whose turn it is, and end its turn."""
        camera = next(iter(self._waiting))
        jobs = self._waiting.pop(camera)
        job = jobs.popleft()
        if jobs:
            self._waiting[camera] = jobs  # a dict keeps insertion order: now it is the last
        return job

    def clear(self) -> list[_Job]:
        """Remove and return every frame."""
        jobs = [job for waiting in self._waiting.values() for job in waiting]
        self._waiting = {}
        return jobs


class Engine:
    """Answers frames by the first choice that works; a context manager.

    `submit` may be called from any thread. Futures of one camera complete in the order of their
    frames; they carry BadDataError when the frame does not fit the model, and UnavailableError
    with the fault of every choice when none works. Callbacks of a future run on the thread that
    answers: keep them short.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: Deadline = DEADLINE,
        backoff: Backoff = BACKOFF,
        shapes: Sequence[Sequence[int]] = (),
        poll_s: float = 0.05,
        close_wait_s: float = 2.0,
    ) -> None:
        """Open every choice at once, so that each is warm when the one before it fails.

        `clock` counts seconds. `shapes` are those of the outputs: a backend that returns others
        has failed; an unknown size is 0 or less. Returns when each choice is open or failed,
        at the latest after the deadline of a first answer. Raises UnavailableError with every
        fault when none is open by then, BadDataError when the model is at fault in all.
        """
        names = [choice.name for choice in choices]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"an engine needs choices of different names; got: {names}")
        self._slots = tuple(Slot(choice, backoff) for choice in choices)
        self._clock = clock
        self._deadline = deadline
        self._shapes = tuple(tuple(shape) for shape in shapes)
        self._poll_s = poll_s
        self._close_wait_s = close_wait_s
        self._lock = threading.Lock()
        self._work_ready = threading.Condition(self._lock)
        self._settled = threading.Condition(self._lock)
        self._stop = threading.Event()
        self._waiting = _FairQueue()
        self._flight: _Flight | None = None
        self._late: _Flight | None = None
        self._news: list[Change] = []
        self._submitted = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._start()

    def submit(self, prepared: Prepared) -> Future[Answer]:
        """Queue one frame and return at once. Raises UnavailableError when the engine is closed."""
        job = _Job(prepared)
        best = next((slot for slot in self._slots if slot.backend is not None), None)
        if best is not None:
            best.stage(prepared.inputs)
        with self._lock:
            if self._closed:
                raise UnavailableError("the engine is closed: it takes no more frames")
            self._submitted += 1
            self._waiting.push(job)
            self._work_ready.notify()
        return job.future

    def statistics(self) -> Statistics:
        """Return what was done until now."""
        with self._lock:
            backends = tuple(slot.statistics() for slot in self._slots)
            return Statistics(self._submitted, sum(b.answered for b in backends), backends)

    def close(self) -> None:
        """Cancel what waits, let the answer under way end for a moment, free every backend."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            waiting = self._waiting.clear()
            self._work_ready.notify_all()
        self._stop.set()
        for job in waiting:
            job.future.cancel()
        end = time.monotonic() + self._close_wait_s
        while (thread := self._running()) and (left_s := end - time.monotonic()) > 0:
            thread.join(left_s)
        with self._lock:
            flight, self._flight = self._flight, None
            # a call that is still under way keeps its backend, and closes it when it returns
            free = [s for s in self._slots if s.backend and not (flight and s is flight.slot)]
            backends = [slot.backend for slot in free]
            for slot in self._slots:
                slot.backend = None
        for backend in backends:
            if backend is not None:
                _close(backend)
        if flight is not None:
            flight.job.future.set_exception(
                UnavailableError(f"{flight.slot.name} had no answer when the engine was closed")
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> None:
        # read before anything opens: time spent by an opening that is quick to hang counts too
        limit = self._clock() + self._deadline.first_ms / 1e3
        for slot in self._slots:
            self._spawn(self._open, slot)
        with self._lock:
            while any(slot.busy for slot in self._slots):
                if self._clock() >= limit:
                    break
                self._settled.wait(self._poll_s)
            self._note_those_still_opening()
            dead = all(slot.backend is None for slot in self._slots)
        if dead:
            self.close()
            if all(slot.bad_model for slot in self._slots):
                raise BadDataError(*self._all_faults().faults)
            raise self._all_faults()
        self._spawn(self._work, None)
        self._spawn(self._keep_house)

    def _note_those_still_opening(self) -> None:
        for slot in self._slots:
            if slot.busy:
                late = UnavailableError(f"not open after {self._deadline.first_ms:.0f} ms")
                self._news += slot.fail(late, self._clock())

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        """Start a thread; a daemon, so that a call which never returns cannot hold the process."""
        name = f"engine-{target.__name__.strip('_')}"
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]

    def _running(self) -> threading.Thread | None:
        """Return a thread of this engine that has not ended, other than the caller's."""
        with self._lock:
            others = (t for t in self._threads if t is not threading.current_thread())
            return next((t for t in others if t.is_alive()), None)

    # the thread that answers

    def _work(self, job: _Job | None) -> None:
        """Answer frames, the given one first, until closing or until this thread is given up."""
        while job := job or self._next_job():
            if not self._answer(job):
                return
            job = None

    def _next_job(self) -> _Job | None:
        with self._lock:
            while not self._closed:
                if not self._waiting:
                    self._work_ready.wait()
                    continue
                job = self._waiting.pop()
                if job.future.set_running_or_notify_cancel():
                    return job
        return None

    def _answer(self, job: _Job) -> bool:
        """Take a frame from choice to choice; False when this thread was given up meanwhile."""
        while flight := self._board(job):
            result = self._call(flight)
            with self._lock:
                ours = self._flight is flight
                if ours:
                    self._flight = None
                    outcome = self._judge(flight, result)
            if not ours:
                self._retire(flight.slot, flight.backend)
                return False
            if isinstance(outcome, Answer):
                job.future.set_result(outcome)
                return True
            if isinstance(outcome, BadDataError):
                job.future.set_exception(outcome)
                return True
            self._spawn(self._retire, flight.slot, flight.backend)
        job.future.set_exception(self._all_faults())
        return True

    def _board(self, job: _Job) -> _Flight | None:
        """Return the frame on its way to the best choice that has not had it yet."""
        with self._lock:
            for slot in self._slots:
                if slot.backend is not None and slot.name not in job.tried:
                    job.tried.add(slot.name)
                    self._flight = _Flight(job, slot, slot.backend, self._clock())
                    return self._flight
        return None

    def _call(self, flight: _Flight) -> Reals | BaseException:
        try:
            outputs = flight.backend.infer(flight.job.prepared.inputs)
            got = [output.shape for output in outputs]
        except BaseException as error:  # whatever it is, the frame goes on
            return error
        if self._shapes and not _fit(got, self._shapes):
            return UnavailableError(f"outputs have shapes {got}, not {list(self._shapes)}")
        return outputs

    def _judge(
        self, flight: _Flight, result: Reals | BaseException
    ) -> Answer | BadDataError | None:
        """Return what the frame's future gets, None when the next choice must answer."""
        now = self._clock()
        if isinstance(result, BadDataError):
            return result  # the frame is at fault, not the backend
        if isinstance(result, BaseException):
            flight.slot.busy = True  # until it is closed
            self._news += flight.slot.fail(result, now)
            return None
        infer_ms = (now - flight.started) * 1e3
        changes = (*self._news, *flight.slot.answer(infer_ms))
        self._news = []
        return Answer(result, flight.slot.name, infer_ms, changes)

    def _all_faults(self) -> UnavailableError:
        return UnavailableError(*(f"{slot.name}: {slot.fault or 'closed'}" for slot in self._slots))

    # the housekeeper, and the threads that open and close

    def _keep_house(self) -> None:
        while not self._stop.wait(self._poll_s):
            with self._lock:
                job = self._abandon_late()
                due = [slot for slot in self._slots if slot.is_due(self._clock())]
                for slot in due:
                    slot.busy = True
            if job:
                self._spawn(self._work, job)
            for slot in due:
                self._spawn(self._open, slot)

    def _abandon_late(self) -> _Job | None:
        """Return the frame under way when its call is past the deadline, and give the call up.

        Only the second look in a row counts: a process that was stopped and continued finds every
        call late at first.
        """
        flight = self._flight
        if flight is None:
            return None
        tried = flight.job.tried
        alone = not any(s.backend and s.name not in tried for s in self._slots)
        limit_s = flight.slot.limit_s(self._deadline, alone)
        if self._clock() - flight.started <= limit_s:
            return None
        if self._late is not flight:
            self._late = flight
            return None
        self._flight = self._late = None
        flight.slot.busy = True  # until the call comes back, if ever
        late = UnavailableError(f"no answer within {limit_s * 1e3:.0f} ms")
        self._news += flight.slot.fail(late, self._clock())
        return flight.job

    def _open(self, slot: Slot) -> None:
        try:
            backend = slot.choice.open()
        except BaseException as error:  # whatever it is, others may answer
            with self._lock:
                slot.busy = False
                self._news += slot.fail(error, self._clock())
                self._settled.notify_all()
            return
        with self._lock:
            welcome = not self._closed
            if welcome:
                slot.open(backend, self._clock())
                self._settled.notify_all()
        if not welcome:
            _close(backend)
        elif isinstance(backend, Mortal):
            backend.on_death(lambda error: self._bury(slot, backend, error))

    def _bury(self, slot: Slot, backend: Backend, error: BaseException) -> None:
        """Give up a backend that died while it was idle.

        A call under way is waited for: it fails by itself, unless its answer came just before.
        """
        while not self._stop.is_set():
            with self._lock:
                if self._closed or slot.backend is not backend:
                    return
                if self._flight is None or self._flight.backend is not backend:
                    slot.busy = True  # until it is closed
                    self._news += slot.fail(error, self._clock())
                    break
            self._stop.wait(self._poll_s)
        else:
            return  # whoever closes the engine closes this
        self._spawn(self._retire, slot, backend)

    def _retire(self, slot: Slot, backend: Backend) -> None:
        """Close a backend that failed; only then may its slot be opened again."""
        _close(backend)
        with self._lock:
            slot.busy = False


def _close(backend: Backend) -> None:
    try:
        backend.close()
    except BaseException as error:  # it is gone either way
        log.debug("closing failed: %s", error)


def _fit(got: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether the shapes agree in every size that is known; () agrees with any."""
    return len(got) == len(wanted) and all(
        shape == known or not known or _agree(shape, known)
        for shape, known in zip(got, wanted, strict=True)
    )


def _agree(shape: tuple[int, ...], known: tuple[int, ...]) -> bool:
    return len(shape) == len(known) and all(
        side <= 0 or side == length for side, length in zip(known, shape, strict=True)
    )
