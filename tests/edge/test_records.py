"""Records behave as the standard library's frozen slotted dataclasses, whatever is done to them."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from edge import records
from edge.bundle import Input


def made_by(decorator: Any) -> Any:
    @decorator(frozen=True, slots=True)
    class Point:
        """Where."""

        x: int
        y: float = 2.0
        tags: list[str] = dataclasses.field(default_factory=list)

        @property
        def sum(self) -> float:
            return self.x + self.y

    return Point


def outcome(act: Callable[[Any], object], kind: Any) -> object:
    """Return what an act gives, or the kind of its error."""
    try:
        return act(kind)
    except Exception as error:
        return type(error)


def set_x(kind: Any) -> None:
    kind(1).x = 2


def delete_x(kind: Any) -> None:
    del kind(1).x


def matched(kind: Any) -> object:
    match kind(1, 3.0):
        case kind(x, y):
            return x, y
    return None


ACTS: dict[str, Callable[[Any], object]] = {
    "repr": lambda kind: repr(kind(1, tags=["a"])),
    "sum": lambda kind: kind(1, 3.5).sum,
    "slots": lambda kind: hasattr(kind(1), "__dict__"),
    "doc": lambda kind: kind.__doc__,
    "fields": lambda kind: [(f.name, f.type) for f in dataclasses.fields(kind)],
    "asdict": lambda kind: dataclasses.asdict(kind(1, tags=["a"])),
    "replace": lambda kind: repr(dataclasses.replace(kind(1), y=7.0)),
    "replace unknown": lambda kind: dataclasses.replace(kind(1), z=7.0),
    "equal": lambda kind: kind(1) == kind(1, 2.0, []),
    "unequal": lambda kind: kind(1) == kind(2),
    "other kind": lambda kind: kind(1) == (1, 2.0, []),
    "own list each": lambda kind: kind(1).tags is kind(1).tags,
    "hash of a list": lambda kind: hash(kind(1)),
    "hash": lambda kind: hash(kind(1, tags=())) == hash((1, 2.0, ())),
    "match": matched,
    "set": set_x,
    "delete": delete_x,
    "nothing given": lambda kind: kind(),
    "too many": lambda kind: kind(1, 2, [], 4),
    "unknown": lambda kind: kind(1, z=3),
    "twice": lambda kind: kind(1, x=3),
    "copy": lambda kind: repr(copy.deepcopy(kind(1, tags=["a"]))),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_record_does_what_a_frozen_slotted_dataclass_does(act: str) -> None:
    standard, ours = (made_by(d) for d in (dataclasses.dataclass, records.dataclass))
    assert outcome(ACTS[act], ours) == outcome(ACTS[act], standard)


def test_a_record_survives_a_pickle() -> None:
    spec = Input("image", "image", (1, 4, 6, 3), "int8", 0.5, 0, mean=(1.0,))
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - its own


def test_without_eq_only_itself_is_equal() -> None:
    class Plain:
        x: int

    kind: Any = records.dataclass(frozen=True, slots=True, eq=False)(Plain)
    one = kind(1)
    assert one in [one]
    assert one != kind(1)
    assert hash(one) != hash(kind(1))


@pytest.mark.parametrize(
    "options", [{"frozen": False, "slots": True}, {"frozen": True, "slots": False}]
)
def test_other_kinds_are_refused(options: dict[str, bool]) -> None:
    decorator: Any = records.dataclass
    with pytest.raises(TypeError, match="frozen and slotted"):
        decorator(**options)


def test_no_generated_source_is_the_point() -> None:
    """The functions of two records are the very same objects."""
    one, other = (made_by(records.dataclass) for _ in range(2))
    for name in ("__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__"):
        assert getattr(one, name) is getattr(other, name)
