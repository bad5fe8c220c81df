"""`dataclass(frozen=True, slots=True)` without generated source, for what a start needs.

The standard decorator writes and compiles six functions a class, 0.4 ms each on a fast desktop, and
`edge run` needs some forty classes before its first answer. Here a class shares its functions with
all others; fields, replace, asdict, match, repr and equality are as in the standard library. An
instance is made as fast as there when its values come by position, and takes 5 us more by name.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


def _make(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[type], type]:
    """Return a decorator; `frozen` and `slots` must be True and say so where it is used."""
    if not (frozen and slots):
        raise TypeError("records are frozen and slotted; dataclasses.dataclass makes others")

    def decorate(plain: type) -> type:
        if hasattr(plain, "__post_init__"):
            raise TypeError(f"{plain.__name__} has a __post_init__; use dataclasses.dataclass")
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(plain)
        made.__init__ = _init(made, dataclasses.fields(made))
        made.__repr__, made.__setattr__, made.__delattr__ = _repr, _refuse_set, _refuse_delete
        made.__getstate__, made.__setstate__ = _values, _restore
        if eq:
            made.__eq__, made.__hash__ = _equal, _hash
        return made  # type: ignore[no-any-return]

    return decorate


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _make


def _init(made: type, fields: tuple[Field[Any], ...]) -> Callable[..., None]:
    names = tuple(field.name for field in fields)
    puts = tuple(vars(made)[name].__set__ for name in names)  # past the refusing __setattr__
    factories = any(field.default_factory is not MISSING for field in fields)
    defaults = tuple(field.default for field in fields)
    needed = len(fields) if factories else sum(default is MISSING for default in defaults)

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        if named or not needed <= len(args) <= len(names):
            args = _arranged(self, fields, args, named)
        for put, value in zip(puts, args + defaults[len(args) :], strict=True):
            put(self, value)

    return __init__


def _arranged(
    record: Any, fields: tuple[Field[Any], ...], args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Any, ...]:
    """Return a value for every field; raises TypeError as a call with wrong arguments does."""
    names = [field.name for field in fields]
    given = {**dict(zip(names, args, strict=False)), **named}
    if len(given) < len(args) + len(named) or not given.keys() <= set(names):
        raise TypeError(f"{_name(record)} takes {names}, each once; got {args}, {named}")
    for field in fields:
        if field.name not in given and field.default_factory is not MISSING:
            given[field.name] = field.default_factory()
        elif field.name not in given and field.default is not MISSING:
            given[field.name] = field.default
    if missing := [name for name in names if name not in given]:
        raise TypeError(f"{_name(record)} needs {missing}")
    return tuple(given[name] for name in names)


def _name(record: Any) -> str:
    return str(type(record).__qualname__)


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in self.__match_args__)


def _restore(self: Any, values: tuple[Any, ...]) -> None:
    for name, value in zip(self.__match_args__, values, strict=True):
        object.__setattr__(self, name, value)


def _repr(self: Any) -> str:
    pairs = zip(self.__match_args__, _values(self), strict=True)
    return f"{_name(self)}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def _equal(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse_set(_self: Any, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
