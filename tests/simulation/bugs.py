"""Planted bugs: each takes the place of a function of copyctl while a day is simulated, and must be found."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

BUGS: Final[dict[str, Callable[[], list[tuple[Any, str, Any]]]]] = {}


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Plant a bug for a while, none where there is no name."""
    undo = []
    for where, attribute, what in BUGS[name]() if name else ():
        undo.append((where, attribute, getattr(where, attribute)))
        setattr(where, attribute, what)
    try:
        yield
    finally:
        for where, attribute, what in undo:
            setattr(where, attribute, what)
