"""The pulse of a run: what only the living process knows, told once a second to whoever looks on."""

from collections.abc import Mapping

from msgspec import Struct


class Reads(Struct, frozen=True, kw_only=True):
    """Of one account: what is left in this second for questions that change nothing, and how many ``queued`` requests
    that change it wait here."""

    data: int
    quotes: int
    other: int
    queued: int = 0


class Pulse(Struct, frozen=True, kw_only=True):
    """``at``: when it was taken (ns). ``accounts`` by client id. ``store_trouble``: why the store cannot be written,
    or ""."""

    at: int
    accounts: Mapping[str, Reads]
    store_trouble: str = ""
