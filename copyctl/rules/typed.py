"""From a plain document, whole and valid, to the typed rules of the model: the types of the model say how."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from copyctl.model.duration import duration
from copyctl.model.policy import Hours, Table
from copyctl.model.secret import Secret

T = TypeVar("T")


def build(kind: type[T], value: Any) -> T:
    """A value of ``kind`` from what the document says. Raises ValueError, TypeError or KeyError for a document that
    is not whole and valid.
    """
    return cast("T", _build(kind, value))


def _build(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _optional(kind, value)
    if origin is Annotated:
        return duration(value)
    if origin is tuple:
        return _tuple(get_args(kind)[0], value)
    if origin is Table:
        return _table(get_args(kind), value)
    if kind in _SINGLE:
        return _SINGLE[kind](value)
    if is_dataclass(kind):
        return _record(cast("type", kind), value)
    return kind(value)


def _optional(kind: Any, value: Any) -> Any:
    """A value or None; of a mapping None is written "skip"."""
    inner = next(one for one in get_args(kind) if one is not type(None))
    is_skip = value == "skip" and isinstance(inner, type) and issubclass(inner, StrEnum) and "skip" not in list(inner)
    return None if value is None or is_skip else _build(inner, value)


def _tuple(inner: Any, value: Any) -> tuple[Any, ...]:
    """A list, or one single value in the place of a list of one; words take ``*`` and ``?``."""
    values = value if isinstance(value, list | tuple) else [value]
    if not (isinstance(inner, type) and issubclass(inner, StrEnum)):
        return tuple(_build(inner, one) for one in values)
    found = [word for one in values for word in inner if fnmatchcase(word.value, one)]
    return tuple(dict.fromkeys(found))


def _table(kinds: tuple[Any, ...], value: Any) -> Table[Any, Any]:
    """A map; one single value in the place of a map stands for every key."""
    key, inner = kinds
    if value is None:
        return Table()
    if not isinstance(value, Mapping):
        return Table(pairs=tuple((one, _build(inner, value)) for one in key))
    return Table(pairs=tuple((_build(key, name), _build(inner, one)) for name, one in sorted(value.items())))


def _record(kind: type, value: Any) -> Any:
    """A record: every attribute from the key of its name. A key that is not there must be one that may be None."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{kind.__name__} is made of a map")
    given = {}
    for name, hint, has_default in _attributes(kind):
        key = name.rstrip("_")
        if key in value or not has_default:
            given[name] = _build(hint, value.get(key))
    return kind(**given)


@cache
def _attributes(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether there is a default, of each attribute of a record."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((one.name, hints[one.name], one.default is not MISSING) for one in fields(cast("Any", kind)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{value!r} is not a number")
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _hours(value: Any) -> Hours:
    first, last = value.split("-")
    return Hours(from_=time.fromisoformat(first), to=time.fromisoformat(last))


def _secret(value: Any) -> Secret:
    """A secret as it was read; the mask of a document, and null, are one that is not there."""
    return value if isinstance(value, Secret) else Secret()


_SINGLE: Final[Mapping[Any, Callable[[Any], Any]]] = {
    str: _text,
    bool: _switch,
    int: _whole,
    Decimal: _number,
    time: time.fromisoformat,
    date: date.fromisoformat,
    Hours: _hours,
    Secret: _secret,
}
