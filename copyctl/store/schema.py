"""The tables and views as their .sql files say: header, definition, how a table is filled, and the migrations.

A file begins with ``-- Grain:``, ``-- Units:`` and ``-- Question:``; each column may have its meaning behind it. A
table's file goes on with ``-- refresh:`` and the statement that fills it from what was staged (``store.refresh``).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import duckdb

HEADINGS: Final = ("Grain", "Units", "Question")
FIRST_VERSION: Final = 1
_REFRESH: Final = "-- refresh: "
_COLUMN: Final = re.compile(r"    (\w+) ([A-Z]+(?:\([\d, ]+\))?)( NOT NULL)?,?(?:\s+-- (.+))?")
_MACROS: Final = (
    "moment(ns) AS CASE WHEN ns > 0 THEN make_timestamptz(ns // 1000) END",
    "day_of(moment) AS CAST(moment AT TIME ZONE 'Asia/Kolkata' AS DATE)",
    "hour_of(moment) AS hour(make_timestamp(epoch_us(moment) + 19_800_000_000))",  # IST; ten times as fast as by name
    "leader_of(row) AS split_part(row, '#', 1)",
    "sign_of(side) AS CASE side WHEN 'BUY' THEN 1 WHEN 'SELL' THEN -1 END",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``kind``: DuckDB's type. ``says``: its meaning where the name does not tell it, "" else."""

    name: str
    kind: str
    required: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One table or view. ``heading``: grain, units and question; ``create``: its statement; ``refresh``: how a table is
    brought up to date (``by KEYS``, ``new``, ``whole`` ...), and ``fill`` the statement that does it, both "" for a
    view."""

    name: str
    heading: Mapping[str, str]
    columns: Sequence[Column]
    create: str
    refresh: str = ""
    fill: str = ""


@cache
def tables() -> Mapping[str, Definition]:
    """Every table by name."""
    return _read("tables")


@cache
def views() -> Mapping[str, Definition]:
    """Every view by name; a view may ask those whose names come before it in a file of its own (``-- After:``)."""
    return _read("views")


@cache
def words() -> frozenset[str]:
    """Every word of the statements that fill tables: what of a record is not among them is used by none."""
    return frozenset(word for one in tables().values() for word in re.findall(r"\w+", one.fill))


def migrations(folder: Traversable | None = None) -> Mapping[int, str]:
    """The statements that bring an older store to each version, by number: ``migrations/0002-what-it-does.sql``. They
    change what is there; a store that is too old for them is made anew from the journal."""
    place = folder or files("copyctl.store") / "migrations"
    if not place.is_dir():
        return {}
    found = {one.name: one.read_text("utf-8") for one in place.iterdir() if one.name.endswith(".sql")}
    return {int(name.partition("-")[0]): text for name, text in sorted(found.items())}


def version() -> int:
    """The version of a store that is made now."""
    return max(migrations(), default=FIRST_VERSION)


def create(database: duckdb.DuckDBPyConnection) -> None:
    """Make every table in an empty file."""
    database.execute("CREATE TABLE kept (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
    for one in tables().values():
        database.execute(one.create)
    database.execute("INSERT INTO kept VALUES ('version', ?)", [str(version())])
    renew_views(database)


def migrate(database: duckdb.DuckDBPyConnection, before: int, steps: Mapping[int, str]) -> None:
    """Bring a store of version ``before`` up to date, step by step."""
    for number, statements in steps.items():
        if number > before:
            database.execute(statements)
            database.execute("INSERT OR REPLACE INTO kept VALUES ('version', ?)", [str(number)])
    renew_views(database)


def renew_views(database: duckdb.DuckDBPyConnection) -> None:
    """Make macros and views as this version has them, where they are others; they hold nothing."""
    texts = "\n".join((*_MACROS, *(one.create for one in views().values())))
    digest = hashlib.sha256(texts.encode()).hexdigest()
    if database.execute("SELECT 1 FROM kept WHERE key = 'views' AND value = ?", [digest]).fetchone():
        return
    database.execute("INSERT OR REPLACE INTO kept VALUES ('views', ?)", [digest])
    for macro in _MACROS:
        database.execute(f"CREATE OR REPLACE MACRO {macro}")
    for one in views().values():
        database.execute(one.create)


def _read(folder: str) -> dict[str, Definition]:
    found = (_definition(one) for one in (files("copyctl.store") / folder).iterdir() if one.name.endswith(".sql"))
    return {one.name: one for one in sorted(found, key=lambda one: ("After" in one.heading, one.name))}


def _definition(file: Traversable) -> Definition:
    text = file.read_text("utf-8")
    lines = text.splitlines()
    size = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    create, _, rest = text.partition(_REFRESH)
    refresh, _, fill = rest.partition("\n")
    return Definition(
        name=file.name.removesuffix(".sql"),
        heading=_heading(lines[:size]),
        columns=[
            Column(name=name, kind=kind, required=bool(required), says=says or "")
            for name, kind, required, says in _COLUMN.findall(create)
        ],
        create=create,
        refresh=refresh,
        fill=fill,
    )


def _heading(lines: Sequence[str]) -> dict[str, str]:
    """``-- Word: text``, going on over lines that are indented."""
    found: dict[str, str] = {}
    word = ""
    for line in lines:
        said = line.removeprefix("-- ")
        if not said.startswith(" "):
            word, _, said = said.partition(": ")
        found[word] = f"{found[word]} {said.strip()}" if word in found else said.strip()
    return found
