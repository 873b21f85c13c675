"""Questions of others to the store, in SQL: reading is all that is allowed."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb

from copyctl.store import schema

_READING: Final = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})


class NotReading(Exception):
    """A statement that does something else than to read; the text says what may stand there."""


def ask(database: duckdb.DuckDBPyConnection, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of the columns, and the rows. From then on the connection can do nothing but read the store.

    Raises:
        NotReading: it is no question, or several.
        duckdb.Error: it cannot be answered; the text says where.
    """
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    statements = database.extract_statements(statement)
    if len(statements) != 1 or statements[0].type not in _READING:
        raise NotReading("one SELECT is answered, and nothing else: the store is for reading alone")
    asked = database.execute(statements[0])
    return [name for name, *_ in asked.description or ()], asked.fetchall()


def write_parquet(database: duckdb.DuckDBPyConnection, folder: Path) -> Mapping[str, int]:
    """Every table and view as a file of its own, for its owner alone where it is made now; returns how many rows each
    has.

    Raises:
        OSError: one cannot be written.
    """
    written: dict[str, int] = {}
    for name in (*schema.tables(), *schema.views()):
        path, begun = folder / f"{name}.parquet", folder / f".{name}.parquet.new"
        mode = path.stat().st_mode if path.exists() else 0o600
        begun.unlink(missing_ok=True)
        os.close(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        statement = f"COPY {name} TO '{_quoted(begun)}' (FORMAT parquet, USE_TMP_FILE false)"
        try:
            (count,) = database.execute(statement).fetchone() or (0,)
        except duckdb.IOException as fault:
            raise OSError(str(fault).splitlines()[0]) from None
        os.chmod(begun, stat.S_IMODE(mode))
        os.replace(begun, path)
        written[name] = int(count)
    return written


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
