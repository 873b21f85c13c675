"""In which shape does a REST answer leave, and what did the request say?"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from copyctl.simulator.accounts import Account
from copyctl.simulator.compact import compact


class Answer(NamedTuple):
    """Status and body; an empty body is sent as none."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Call(NamedTuple):
    """A request that passed the gate."""

    account: Account
    parts: tuple[str, ...]  # of the path below the version
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    remote: str
    token: str


def answer(payload: object, status: int = 200) -> Answer:
    return Answer(status, compact(payload).encode())


def answer_rows(texts: Iterable[str]) -> Answer:
    """A list of rows that are JSON already."""
    return Answer(200, f"[{','.join(texts)}]".encode())


NOTHING = Answer(202, b"")
