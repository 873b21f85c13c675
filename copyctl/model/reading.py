"""Readings: what the broker's bytes turned out to say, or why they could not be read."""

from msgspec import Struct

from copyctl.model.history import PastTrade
from copyctl.model.order import ExecutionReport, Fill


class FrameReading(Struct, frozen=True, kw_only=True):
    """What a frame says; ``why`` is not empty where it could not be read."""

    reports: tuple[ExecutionReport, ...] = ()
    why: str = ""


class BookReading(Struct, frozen=True, kw_only=True):
    """What a book says. ``why`` is not empty where it could not be read; ``refused``: token or address refused;
    ``throttled``: the broker is asked too much.

    ``bad_rows``: rows that could not be read and are left out. While there are any, what is not in the book may
    still exist.
    """

    orders: tuple[ExecutionReport, ...] = ()
    fills: tuple[Fill, ...] = ()
    why: str = ""
    refused: bool = False
    throttled: bool = False
    bad_rows: int = 0


class PastReading(Struct, frozen=True, kw_only=True):
    """What a page of the trade history, or a day's trade book, says.

    ``rows``: so many stand in it, 0 beyond the last page. ``bad_rows``: so many of them hold something that could not
    be read; where that is the charges alone, the trade is there without them. ``why``, ``refused``, ``throttled``: as
    in ``BookReading``.
    """

    trades: tuple[PastTrade, ...] = ()
    rows: int = 0
    bad_rows: int = 0
    why: str = ""
    refused: bool = False
    throttled: bool = False


class Verbatim(Struct, frozen=True, kw_only=True):
    """What an answer says, as JSON text in the broker's own words; ``why`` is not empty where there is none.
    ``refused``, ``throttled``: as in ``BookReading``."""

    text: str = ""
    why: str = ""
    refused: bool = False
    throttled: bool = False
