"""The data model as a page for people, ``docs/data-model.md``: every table and view as its file's header tells it."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import duckdb

from copyctl.store import schema
from copyctl.store.schema import Column, Definition


def model() -> Sequence[Mapping[str, Any]]:
    """Every table and view: its name, whether it is a view, grain, units, question and columns."""
    return [
        {
            "name": one.name,
            "view": not one.refresh,
            **{heading.lower(): one.heading[heading] for heading in schema.HEADINGS},
            "columns": [{"name": each.name, "type": each.kind, "says": each.says} for each in one.columns],
        }
        for one in _everything()
    ]


def queries() -> Mapping[str, str]:
    """Worked queries by their question."""
    found = sorted((files("copyctl.store") / "queries").iterdir(), key=lambda one: one.name)
    texts = [one.read_text("utf-8") for one in found if one.name.endswith(".sql")]
    return {first.removeprefix("-- "): rest.strip() for first, _, rest in (text.partition("\n") for text in texts)}


def page() -> str:
    """``docs/data-model.md``."""
    everything = list(_everything())
    tables = [one for one in everything if one.refresh]
    views = [one for one in everything if not one.refresh]
    parts = [_HEAD, "## Tables", *(_told(one) for one in tables), "## Views", *(_told(one) for one in views)]
    parts += ["## Queries to begin with", *(f"### {asked}\n\n```sql\n{text}\n```" for asked, text in queries().items())]
    return "\n\n".join(parts) + "\n"


def _everything() -> Iterator[Definition]:
    """Tables, then views with the columns that they have once they are made."""
    yield from schema.tables().values()
    with duckdb.connect(":memory:") as database:
        schema.create(database)
        for one in schema.views().values():
            rows = database.execute(f"DESCRIBE {one.name}").fetchall()
            columns = [Column(name=name, kind=kind, required=False, says="") for name, kind, *_ in rows]
            yield Definition(name=one.name, heading=one.heading, columns=columns, create=one.create)


def _told(one: Definition) -> str:
    rows = [f"| `{column.name}` | {_kind(one, column)} | {column.says} |" for column in one.columns]
    heading = [f"**{name}**: {one.heading[name]}" for name in schema.HEADINGS]
    return "\n\n".join([f"### {one.name}", *heading, "\n".join(["| column | type | |", "|---|---|---|", *rows])])


def _kind(one: Definition, column: Column) -> str:
    return column.kind if column.required or not one.refresh else f"{column.kind}, or none"


_HEAD: Final = """# The data model

`copyctl query` asks these tables in SQL (DuckDB's), `copyctl export` writes them as Parquet, and `copyctl report` is
made of them. They are derived: a file `copyctl.duckdb` beside the journal, brought up to date by whichever command asks
it, while a run goes on. It may be deleted at any time; the next question makes it anew. What `copyctl backfill` fetched
lies in `history.sqlite` beside it and cannot be made anew.

Times have their offset (Indian time) and microseconds, where they are ours; the broker's own are whole seconds. A day
is an Indian day. Prices and money are rupees, quantities are units. `account` is a client id; `accounts` has the names.

Order versions are read from every frame, which takes longer than all else: they are brought up to date only where a
query names `order_versions`.

This page is written by `copyctl schema store --format markdown`."""
