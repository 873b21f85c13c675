"""The pulse of a run: what only the living process knows, told once a second to whoever looks on."""

from collections.abc import Mapping

from msgspec import Struct


class Reads(Struct, frozen=True, kw_only=True):
    """Of one account: what is left in this second for questions that change nothing."""

    data: int
    quotes: int
    other: int


class Pulse(Struct, frozen=True, kw_only=True):
    """``at``: when it was taken (ns). ``accounts`` by client id."""

    at: int
    accounts: Mapping[str, Reads]
