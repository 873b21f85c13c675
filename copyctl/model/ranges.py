"""Small values of the rules file: a table, hours of a day, a range of numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Generic, TypeVar

K = TypeVar("K", bound=str)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[K, V]):
    """A small map that never changes and becomes JSON as it is: pairs of key and value, sorted by key."""

    pairs: tuple[tuple[K, V], ...] = ()

    def __getitem__(self, key: str) -> V:
        for mine, value in self.pairs:
            if mine == key:
                return value
        raise KeyError(key)

    def __contains__(self, key: str) -> bool:
        return any(mine == key for mine, _ in self.pairs)

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def get(self, key: str, default: V | None = None) -> V | None:
        """The value of ``key``, or ``default``."""
        for mine, value in self.pairs:
            if mine == key:
                return value
        return default


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From one time of day to another, IST."""

    from_: time
    to: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range of numbers: ``from_`` and ``to`` include their value, ``above`` and ``below`` do not; None: open."""

    from_: Decimal | None = None
    to: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
