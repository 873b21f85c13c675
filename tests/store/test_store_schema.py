"""The .sql files: whole headers, columns that are there, words that mean something; the page that is made of them."""

from pathlib import Path

import duckdb
import pytest

from copyctl.store import schema
from copyctl.store.page import page, queries

ROOT = Path(__file__).parents[2]
EVERYTHING = {**schema.tables(), **schema.views()}
ASKED_FOR = {
    *("accounts", "instruments", "leader_orders", "follower_orders", "copies", "order_versions", "fills"),
    *("decisions", "requests", "alerts", "positions", "funds"),
}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect(":memory:")
    schema.create(made)
    return made


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_file_says_grain_units_and_question(name: str) -> None:
    heading = EVERYTHING[name].heading
    assert set(schema.HEADINGS) <= set(heading)
    assert all(heading[one].endswith((".", "?")) for one in schema.HEADINGS)


@pytest.mark.parametrize("name", schema.tables())
def test_the_columns_that_a_file_tells_are_those_of_the_table(name: str, database: duckdb.DuckDBPyConnection) -> None:
    made = {column: kind for column, kind, *_ in database.execute(f"DESCRIBE {name}").fetchall()}
    told = {
        one.name: one.kind.replace(", ", ",").replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
        for one in schema.tables()[name].columns
    }
    assert told == made


def test_whatever_the_store_was_to_hold_has_a_table() -> None:
    assert set(schema.tables()) >= ASKED_FOR


def test_the_page_is_current() -> None:
    said = (ROOT / "docs" / "data-model.md").read_text()
    assert said == page(), "write it anew: copyctl schema store --format markdown > docs/data-model.md"


def test_there_are_ten_worked_queries_and_each_can_be_asked(database: duckdb.DuckDBPyConnection) -> None:
    assert len(queries()) == 10
    for asked, statement in queries().items():
        assert asked.endswith("?")
        assert database.execute(statement).fetchall() is not None
