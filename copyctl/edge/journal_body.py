"""What the journal keeps of an event, a record and a line, and how records read back."""

import sqlite3
from typing import Final

import msgspec

from copyctl.model.events import Event, FrameRead, FrameUnreadable, PolicyLoaded
from copyctl.model.records import TABLES, Record

_JSON: Final = msgspec.json.Encoder(decimal_format="string")
_DECODERS: Final = {name: msgspec.json.Decoder(kind) for name, kind in TABLES.items()}


def event_body(event: Event) -> bytes:
    """What is kept of an event: a frame as it came, rules without their secrets, all else as JSON."""
    match event:
        case FrameRead() | FrameUnreadable():
            return event.raw
        case PolicyLoaded():
            return encoded({"at": event.at, "digest": event.digest, "document": event.document})
        case _:
            return encoded(event)


def encoded(value: object) -> bytes:
    """JSON. What no text can hold (half a character, from a broken argument or file name) becomes "?"."""
    try:
        return _JSON.encode(value)
    except UnicodeEncodeError:
        return _JSON.encode(whole_characters(msgspec.to_builtins(value)))


def whole_characters(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {whole_characters(key): whole_characters(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [whole_characters(part) for part in value]
    return value


def read_records(database: sqlite3.Connection, *, past: bool = False) -> dict[str, list[Record]]:
    """The records of the journal, decoded, by table; with ``past`` those as well that a run has dropped.

    Raises:
        sqlite3.Error: they cannot be read.
        ValueError: one of them is damaged; the text says which.
    """
    found: dict[str, list[Record]] = {name: [] for name in TABLES}
    statement = "SELECT tbl, key, body FROM records"
    if past:
        statement += (
            " UNION ALL SELECT tbl, key, body FROM past"
            " WHERE NOT EXISTS (SELECT 1 FROM records WHERE records.tbl = past.tbl AND records.key = past.key)"
        )
    for name, key, body in database.execute(statement):
        found[name].append(read_record(name, key, body))
    return found


def read_record(table: str, key: str, body: bytes) -> Record:
    """One record as its table keeps it.

    Raises:
        ValueError: it is damaged; the text says which.
    """
    try:
        return _DECODERS[table].decode(body)
    except (ValueError, TypeError, KeyError) as fault:
        raise ValueError(f"the record {key} of {table} is damaged ({fault})") from None
