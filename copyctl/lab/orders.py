"""One order of the leader's from a file, as Dhan's REST API or order stream gives it."""

import json
from typing import Any, Final

from msgspec.structs import replace

from copyctl.model.order import ExecutionReport
from copyctl.model.request import Answer, Passage
from copyctl.model.terms import Source
from copyctl.wire.dhan.dialect import Dhan

_DHAN: Final = Dhan()


class OrderUnreadable(ValueError):
    """A file that holds no order; the text says why."""


def read_order(text: str, account: str, now: int) -> tuple[ExecutionReport, ...]:
    """What an order says of itself: a row of the order book, of the super orders (``legDetails``), or a frame of the
    order stream (``Data``). ``now``: the moment (ns) of an order that tells no time of its own.

    Raises:
        OrderUnreadable: it is none.
    """
    try:
        said: Any = json.loads(text)
    except ValueError as wrong:
        raise OrderUnreadable(f"it is not JSON: {wrong}") from None
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if not isinstance(said, dict):
        raise OrderUnreadable("it holds no order: one row of GET /orders, or one frame of the order stream, is wanted")
    frame = next((said[key] for key in ("Data", "data") if isinstance(said.get(key), dict)), None)
    for one in (said, frame or {}):  # whose it is does not matter here
        for key in [key for key in one if str(key).lower() in ("dhanclientid", "clientid")]:
            del one[key]
    reports = _of_row(said, account, now) if frame is None else _of_frame(json.dumps(said), account, now)
    if not reports:
        raise OrderUnreadable("it says nothing of an order")
    return tuple(replace(one, as_of=one.broker_time or one.created_time or now) for one in reports)


def _of_frame(text: str, account: str, now: int) -> tuple[ExecutionReport, ...]:
    read = _DHAN.read_frame(text.encode(), account, now)
    if read.why:
        raise OrderUnreadable(read.why)
    return read.reports


def _of_row(said: dict[str, Any], account: str, now: int) -> tuple[ExecutionReport, ...]:
    answer = Answer(passage=Passage.ANSWERED, at=now, status=200, body=json.dumps([said]).encode())
    read = _DHAN.read_super if "legDetails" in said else _DHAN.read_orders
    found = read(answer, account, now)
    if not found.orders:
        raise OrderUnreadable("it is no row of the order book: orderId or orderStatus is missing, or cannot be read")
    return tuple(replace(one, source=Source.STREAM) for one in found.orders)
