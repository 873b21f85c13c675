"""What a report is made of: its figures, what each of them means, and how it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from copyctl.report.span import KEYS, Span

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
Rows = Callable[["duckdb.DuckDBPyConnection", Span, Sequence[str]], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a figure is told. ``column``: DuckDB's type for it; ``decimals``: how many a table shows, None for: it is no
    number."""

    column: str
    decimals: int | None = None


TEXT: Final = Kind(column="VARCHAR")
DAY: Final = Kind(column="DATE")
TIME: Final = Kind(column="TIMESTAMPTZ")
COUNT: Final = Kind(column="BIGINT", decimals=0)
RUPEES: Final = Kind(column="DECIMAL(28, 4)", decimals=2)
BPS: Final = Kind(column="DOUBLE", decimals=2)
MILLISECONDS: Final = Kind(column="DOUBLE", decimals=1)

KEY_KINDS: Final[Mapping[str, Kind]] = {**dict.fromkeys(KEYS, TEXT), "day": DAY, "expiry": DAY, "hour": COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One column of a report; ``says``: its meaning and its unit."""

    kind: Kind
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``says``: the question that it answers. ``by``: the keys that group it where none are asked for, () for: all in
    one; None: it has no groups; ``keys``: those that say something of it. ``figures``: its columns behind the keys;
    where they are ``many`` people read them below each other."""

    says: str
    rows: Rows
    by: Sequence[str] | None
    figures: Mapping[str, Figure]
    keys: Sequence[str] = tuple(KEYS)
    many: bool = False

    def kinds(self, by: Sequence[str]) -> dict[str, Kind]:
        """Every column of its rows, in their order, grouped so."""
        return {one: KEY_KINDS[one] for one in by} | {name: one.kind for name, one in self.figures.items()}


def told(database: "duckdb.DuckDBPyConnection", statement: str) -> list[Row]:
    """The rows of a SELECT, by the names of its columns."""
    asked = database.execute(statement)
    names = [name for name, *_ in asked.description or ()]
    return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def first(count: int) -> str:
    """Sorted by the first columns; "" for none."""
    return f"ORDER BY {', '.join(map(str, range(1, count + 1)))}" if count else ""
