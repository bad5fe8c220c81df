import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from live_bench import LiveBench, picture

import edge
from edge.bundle import Bundle, Decode, Input, Output
from edge.camera import Context, open_source
from edge.config import EngineConfig, ModelConfig
from edge.errors import CannotWriteError, UnavailableError, UsageError
from edge.infer.backend import Choice
from edge.infer.choices import open_engine
from edge.infer.engine import Engine
from edge.infer.runtime import pick
from edge.loop import Loop, load_model, stop_on_signals
from edge.scene import Box, Detection, Event, Frame, Scene
from edge.sinks.sink import Health
from edge.statistics import Statistics

DEADLINE_S = 10.0
NOW = datetime(2026, 11, 25, tzinfo=UTC)
BUNDLE = Bundle(
    name="even",
    task="classify",
    inputs=(Input("image", "image", (1, 4, 4, 3), "uint8", 1.0, 0, mean=(0.0,), std=(1.0,)),),
    outputs=(Output("scores", "scores", (1, 2), "float32", 0.0, 0),),
    decode=Decode("classify"),
    labels=("even", "odd"),
    model=b"",
)


def frame(index: int) -> Frame:
    """Return a frame whose pixels are its index."""
    return Frame("camera", index, index, NOW, np.full((4, 4, 3), index, np.uint8))


class Listed:
    """A clip of `count` frames; it notes how far it was read."""

    live = False
    description = "listed"
    fps = 10.0

    def __init__(self, count: int, then: Exception | None = None) -> None:
        self.count, self.then = count, then
        self.read_until = 0
        self.reading = threading.Condition()
        self.closed = False

    def read(self) -> Frame | None:
        with self.reading:
            self.read_until += 1
            self.reading.notify_all()
        if self.read_until > self.count:
            if self.then:
                raise self.then
            return None
        return frame(self.read_until - 1)

    def close(self) -> None:
        self.closed = True


class Parity:
    """A backend that says whether the pixels are even or odd; `act` may fail or wait first."""

    description = "parity"

    def __init__(self, act: Callable[[int], None] = lambda index: None) -> None:
        self.act = act
        self.seen: list[int] = []

    def infer(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        index = int(inputs[0][0, 0, 0])
        self.act(index)
        self.seen.append(index)
        return (np.array([[1 - index % 2, index % 2]], np.float32),)

    def close(self) -> None:
        pass


class Kept:
    """A sink that keeps everything; `fails` says at which scene it breaks."""

    def __init__(self, fails_at: int | None = None, opens: Exception | None = None) -> None:
        self.fails_at, self.opens = fails_at, opens
        self.scenes: list[Scene] = []
        self.events: list[Event] = []
        self.state = "new"

    def open(self) -> None:
        if self.opens:
            raise self.opens
        self.state = "open"

    def write(self, scene: Scene) -> None:
        if self.fails_at is not None and scene.frame.index >= self.fails_at:
            raise CannotWriteError("disk full")
        self.scenes.append(scene)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def health(self) -> Health:
        return Health(True)

    def close(self) -> None:
        self.state = "closed"

    @property
    def indices(self) -> list[int]:
        return [scene.frame.index for scene in self.scenes]


def run(
    source, *sinks: Kept, backends: dict | None = None, bundle: Bundle = BUNDLE, **options
) -> Statistics:
    backends = backends or {"cpu": Parity()}
    choices = [Choice(name, lambda backend=backend: backend) for name, backend in backends.items()]
    with Engine(choices) as engine:
        return Loop(bundle, engine, source, **options).run(sinks)


def test_each_frame_of_a_clip_is_answered_once_in_order():
    sink = Kept()
    statistics = run(Listed(200), sink)
    assert sink.indices == list(range(200))
    assert [s.detections[0].label for s in sink.scenes] == ["even", "odd"] * 100
    assert (statistics.frames_in, statistics.answered, statistics.dropped) == (200, 200, 0)
    assert statistics.backends == {"cpu": 200}
    assert sink.state == "closed"


def test_next_frame_is_ready_while_the_engine_is_busy():
    source = Listed(5)

    def wait_until_the_next_was_read(index: int) -> None:
        with source.reading:
            assert source.reading.wait_for(lambda: source.read_until >= index + 2, DEADLINE_S)

    sink = Kept()
    run(source, sink, backends={"cpu": Parity(wait_until_the_next_was_read)})
    assert sink.indices == [0, 1, 2, 3, 4]


def test_slow_engine_gets_the_newest_frame_of_a_camera():
    with LiveBench(started=False) as bench:
        bench.driver.give(picture(0))
        bench.live.start()

        def slow(index: int) -> None:
            if index == 0:
                bench.driver.give(*map(picture, range(1, 7)))  # while frame 0 is answered
            elif index == 6:
                bench.driver.give(*map(picture, range(7, 10)))

        sink = Kept()
        statistics = run(bench.live, sink, backends={"cpu": Parity(slow)}, frames=3)
    assert sink.indices == [0, 6, 9]
    assert (statistics.frames_in, statistics.answered, statistics.dropped) == (10, 3, 7)


def test_camera_that_fails_and_comes_back_is_two_events_while_no_frame_comes():
    with LiveBench() as bench:

        def unplug_and_plug_in() -> None:
            bench.driver.set_always(False)
            while not bench.driver.opened[0].released_by:
                bench.advance(50)
                time.sleep(0.001)
            bench.driver.set_always("wait")
            while len(bench.driver.opened) == 1:
                bench.advance(50)
                time.sleep(0.001)
            bench.driver.give(picture(2))

        sink = Kept()
        driver = threading.Thread(target=unplug_and_plug_in)
        driver.start()
        statistics = run(bench.live, sink, frames=1)
        driver.join(DEADLINE_S)
    assert [(event.type, event.camera, event.model, event.backend) for event in sink.events] == [
        ("fault", "camera", None, None),
        ("recovered", "camera", None, None),
    ]
    assert sink.events[0].label.startswith("closed: unplugged")
    camera = statistics.cameras["camera"]
    assert (camera.faults, camera.recovered, camera.reopened) == ({"closed": 1}, 1, 1)


def test_age_of_a_live_frame_is_measured_until_its_answer():
    with LiveBench() as bench:
        bench.driver.give(picture(2))
        slow = Parity(lambda index: bench.advance(40))
        statistics = run(bench.live, Kept(), backends={"cpu": slow}, frames=1)
    assert statistics.age.p50_ms == pytest.approx(40, rel=0.011)
    assert run(Listed(3), Kept()).age is None


def test_failed_backend_is_an_event_and_loses_no_frame():
    def dies(index: int) -> None:
        if index == 3:
            raise RuntimeError("device is gone")

    sink = Kept()
    statistics = run(Listed(8), sink, backends={"tpu": Parity(dies), "cpu": Parity()})
    assert sink.indices == list(range(8))
    assert [s.backend for s in sink.scenes][:4] == ["tpu"] * 3 + ["cpu"]
    assert [(e.type, e.backend, e.camera) for e in sink.events][:1] == [("fault", "tpu", "camera")]
    assert "device is gone" in (sink.events[0].label or "")
    assert statistics.changes[0].type == "fault"
    assert sum(statistics.backends.values()) == 8


def test_run_ends_with_the_fault_when_no_backend_is_left():
    def dies(index: int) -> None:
        if index == 3:
            raise RuntimeError("out of memory")

    sink = Kept()
    with pytest.raises(UnavailableError, match="out of memory"):
        run(Listed(8), sink, backends={"cpu": Parity(dies)})
    assert sink.indices == [0, 1, 2]
    assert sink.state == "closed"


def test_frame_under_way_is_answered_before_the_source_fails():
    sink = Kept()
    with pytest.raises(UnavailableError, match="unplugged"):
        run(Listed(3, then=UnavailableError("unplugged")), sink)
    assert sink.indices == [0, 1, 2]
    assert sink.state == "closed"


def test_sink_that_fails_is_named_once_and_the_others_go_on(caplog):
    good, bad = Kept(), Kept(fails_at=2)
    statistics = run(Listed(6), bad, good)
    assert good.indices == list(range(6))
    assert bad.indices == [0, 1]
    assert statistics.sink_faults == ("disk full",)
    assert caplog.text.count("disk full") == 1
    assert bad.state == "closed"


def test_all_sinks_that_cannot_open_are_named_at_once():
    good = Kept()
    bad = [Kept(opens=CannotWriteError(f"no folder {n}")) for n in (1, 2)]
    with pytest.raises(CannotWriteError) as caught:
        run(Listed(3), good, *bad)
    assert caught.value.faults == ("no folder 1", "no folder 2")
    assert good.state == "closed"
    assert good.scenes == []


def test_number_of_frames_ends_the_run():
    sink = Kept()
    source = Listed(100)
    assert run(source, sink, frames=7).answered == 7
    assert sink.indices == list(range(7))
    assert source.read_until == 7


def test_stop_ends_the_run_after_the_frames_under_way():
    stop = threading.Event()
    sink = Kept()

    class Stopping(Kept):
        def write(self, scene: Scene) -> None:
            if scene.frame.index == 4:
                stop.set()

    statistics = run(Listed(100), sink, Stopping(), stop=stop)
    assert sink.indices == list(range(statistics.frames_in))
    assert statistics.answered == statistics.frames_in <= 6


def test_empty_clip_ends_well():
    sink = Kept()
    assert run(Listed(0), sink).answered == 0
    assert sink.state == "closed"


def where(index: int) -> tuple[Detection, ...]:
    """Return a cat that is there from frame 2 to 9, and a dog that stays to the end."""
    cat = Detection("cat", 0.9, Box(0.1, 0.1, 0.3, 0.3))
    dog = Detection("dog", 0.8, Box(0.6, 0.6, 0.9, 0.9))
    return (cat, dog) if 2 <= index < 10 else (dog,)


class Paced(Listed):
    """The same clip at ten frames a second."""

    def read(self) -> Frame | None:
        found = super().read()
        return found and replace(found, monotonic_ns=found.index * 10**8)


def followed(count: int, **options) -> Kept:
    answered = iter(range(count))
    sink = Kept()
    run(
        Paced(count),
        sink,
        bundle=replace(BUNDLE, task="detect"),
        decoder=lambda outputs, bundle, geometry: where(next(answered)),
        **options,
    )
    return sink


def test_objects_are_numbered_and_enter_and_leave_as_events():
    sink = followed(30)
    numbers = {(d.label, d.track) for s in sink.scenes for d in s.detections}
    assert numbers == {("cat", None), ("dog", None), ("cat", 2), ("dog", 1)}
    told = [(e.type, e.label, e.track, e.camera, e.model, e.backend) for e in sink.events]
    about = ("camera", "even", "cpu")
    assert told == [
        ("entered", "dog", 1, *about),
        ("entered", "cat", 2, *about),
        ("left", "cat", 2, *about),
        ("left", "dog", 1, *about),
    ]
    assert sink.events[1].box == where(4)[0].box
    assert len({e.id for e in sink.events}) == 4
    scene = sink.scenes[4]
    assert (scene.entered, scene.left) == ((replace(where(4)[0], track=2),), ())


def test_what_is_there_leaves_when_the_run_ends_however_it_ends():
    def dies(index: int) -> None:
        if index == 7:
            raise RuntimeError("out of memory")

    sink = Kept()
    with pytest.raises(UnavailableError):
        run(Listed(9), sink, backends={"cpu": Parity(dies)}, decoder=lambda *_: where(0))
    assert [(e.type, e.label, e.track) for e in sink.events if e.type != "fault"] == [
        ("entered", "dog", None),
        ("left", "dog", None),
    ]
    assert sink.state == "closed"


def test_pictures_of_a_folder_are_not_followed(shared: Path):
    pictures = str(shared / "data/coral/images/*.bmp")
    sink = Kept()
    source = open_source(pictures)
    run(source, sink, bundle=replace(BUNDLE, task="detect"), decoder=lambda *_: where(0))
    assert len(sink.scenes) >= 3
    assert sink.events == []
    assert {d.track for s in sink.scenes for d in s.detections} == {None}


def test_each_stage_is_measured():
    statistics = run(Listed(50), Kept())
    assert set(statistics.stages) == {"read", "prepare", "infer", "decode"}
    for stage in statistics.stages.values():
        assert 0 < stage.p50_ms <= stage.p95_ms <= stage.p99_ms


def test_real_clip_is_answered_frame_by_frame(shared: Path):
    source = open_source(str(shared / "data/tensorflow-examples/carving_ice.mp4"), Context("ice"))
    sink = Kept()
    statistics = run(source, sink)
    source.close()
    assert sink.indices == list(range(131))
    assert statistics.answered == 131
    assert {s.frame.camera for s in sink.scenes} == {"ice"}


def test_watch_yields_scenes_and_closes_the_camera(shared: Path):
    source = open_source(str(shared / "data/coral/images/cat.bmp"))
    model = shared / "data/coral/mobilenet_v1_0.25_128_quant.tflite"
    labels = shared / "data/coral/labels/imagenet_labels.txt"
    from edge.bundle import read_bare

    scenes = list(edge.watch(read_bare(model, labels), source, threshold=0.05))
    assert scenes[0].detections[0].label == "Egyptian cat"
    assert len(scenes) == 1


def test_unknown_backend_names_the_known_ones():
    from edge.infer.runtime import pick

    with pytest.raises(UsageError, match="no backend 'gpu'; known backends: edgetpu, cpu"):
        open_engine(BUNDLE, pick(), EngineConfig(("gpu",)))


def test_first_signal_stops_and_the_second_would_kill():
    stop = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals(stop):
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == before


def test_threshold_that_is_given_is_not_called_a_guess(shared: Path):
    path = shared / "data/mlperf-tiny/vww_96_int8.tflite"
    guessing = load_model(ModelConfig(path), pick())
    given = load_model(ModelConfig(path, threshold=0.3), pick())
    assert set(guessing.guesses) - set(given.guesses) == {"scores from 0.5 on are reported"}
    assert given.thresholds.default == 0.3
