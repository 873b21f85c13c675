"""Records and lines on their way into the store: JSON as the journal keeps it, read by DuckDB itself.

The journal's bodies are JSON already, so nothing is decoded here: their bytes go into a file, a line each, and the type
of each column follows from the model. Defaults are left out of bodies and read as NULL.
"""

import datetime
import types
from collections.abc import Container, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, Union, get_args, get_origin, get_type_hints

import duckdb
import msgspec

DECIMAL: Final = "DECIMAL(28, 10)"
_PLAIN: Final[Mapping[Any, str]] = {
    str: "VARCHAR",
    int: "BIGINT",
    bool: "BOOLEAN",
    Decimal: DECIMAL,
    datetime.date: "DATE",
}


def column_type(kind: Any) -> str:
    """DuckDB's type for one of the model's.

    Raises:
        TypeError: there is none.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (one for one in get_args(kind) if one is not type(None))
        return column_type(inner)
    if get_origin(kind) is tuple:
        inner, *_ = get_args(kind)
        return f"{column_type(inner)}[]"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "VARCHAR"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct_of(columns_of(kind))
    raise TypeError(f"no column holds {kind}")


def struct_of(columns: Mapping[str, str]) -> str:
    """DuckDB's type for several values by name."""
    inner = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    return f"STRUCT({inner})"


def columns_of(kind: type[msgspec.Struct], used: Container[str] | None = None) -> dict[str, str]:
    """The columns of a record, by name; with ``used`` these alone: the rest is not even read."""
    hints = get_type_hints(kind)
    return {one: column_type(hints[one]) for one in kind.__struct_fields__ if used is None or one in used}


class Staged:
    """What is new of one kind: JSON lines in a file, then a temporary table ``staged_NAME``."""

    def __init__(self, folder: Path, name: str, columns: Mapping[str, str]) -> None:
        self.name = name
        self.count = 0
        self._columns = columns
        self._path = folder / f"{name}.json"
        self._file: BinaryIO = self._path.open("wb")

    def add(self, line: bytes) -> None:
        """One more."""
        self._file.write(line)
        self._file.write(b"\n")
        self.count += 1

    def load(self, database: duckdb.DuckDBPyConnection) -> None:
        """Have DuckDB read them."""
        self._file.close()
        columns = ", ".join(f""" "{name}": '{kind}'""" for name, kind in self._columns.items())
        database.execute(
            f"CREATE OR REPLACE TEMP TABLE staged_{self.name} AS SELECT * FROM"  # noqa: S608  words of the model
            f" read_json(?, format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = 67108864)",
            [str(self._path)],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
