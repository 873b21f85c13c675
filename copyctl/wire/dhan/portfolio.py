"""What an account holds (Dhan API v2, portfolio): positions and holdings, read together. Never raises.

A row is kept where instrument, product and net quantity are sure; one that cannot be read, or that contradicts
itself, is left out and counted. Neither list is taken for empty unless Dhan says that it is.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from copyctl.model.facts import FactReading, Holding, PositionRow, Positions
from copyctl.model.order import ZERO
from copyctl.model.request import Answer
from copyctl.wire.dhan import codes, fact_keys
from copyctl.wire.dhan.figures import count, figure, lacking, named, read_rows, words
from copyctl.wire.dhan.values import (
    Fields,
    NonsenseError,
    count_hint,
    date,
    hint,
    identifier,
    quantity,
    signed_quantity,
    word,
)

_SIGNS: Final[Mapping[str, int]] = {"LONG": 1, "SHORT": -1, "CLOSED": 0}
_Row = TypeVar("_Row")


def read_positions(positions: Answer, holdings: Answer, account: str, as_of: int) -> FactReading:
    """Both lists of an account, the first of them asked for at ``as_of`` (ns, UTC)."""
    position_rows, holding_rows = read_rows(positions), read_rows(holdings)
    if isinstance(position_rows, FactReading):
        return position_rows
    if isinstance(holding_rows, FactReading):
        return holding_rows
    held, bad = _readable(position_rows, lambda row: _position(row, account))
    delivered, bad_holdings = _readable(holding_rows, _holding)
    for what, unreadable, listed in (("positions", bad, position_rows), ("holdings", bad_holdings, holding_rows)):
        if unreadable and unreadable == len(listed):
            return lacking(f"none of {unreadable} {what} could be read")
    return FactReading(
        fact=Positions(account=account, as_of=as_of, rows=held, holdings=delivered, bad_rows=bad + bad_holdings)
    )


def _readable(listed: list[object], make: Callable[[object], _Row | None]) -> tuple[tuple[_Row, ...], int]:
    """The rows that can be read, those that are none of ours left out, and how many cannot."""
    made: list[_Row] = []
    bad = 0
    for row in listed:
        try:
            one = make(row)
        except NonsenseError:
            bad += 1
            continue
        if one is not None:
            made.append(one)
    return tuple(made), bad


def _position(row: object, account: str) -> PositionRow | None:
    found = named(row, fact_keys.POSITION)
    if identifier(found.get("account")) not in ("", account):
        return None
    segment = codes.SEGMENTS.get(word(found.get("segment")))
    product = codes.PRODUCTS.get(word(found.get("product")))
    security_id = identifier(found.get("security_id"))
    if segment is None or product is None or not security_id:
        raise NonsenseError("a position lacks its segment, its product or its id")
    bought, sold = quantity(found.get("bought")), quantity(found.get("sold"))
    net = _net(found, bought, sold)
    bought = bought if bought is not None else max(0, net + (sold or 0))
    sold = sold if sold is not None else max(0, bought - net)
    carried, day_bought, day_sold = _split(found, net, bought, sold)
    return PositionRow(
        segment=segment,
        security_id=security_id,
        product=product,
        symbol=words(found.get("symbol")),
        net=net,
        buy_quantity=bought,
        sell_quantity=sold,
        carried=carried,
        day_buy=day_bought,
        day_sell=day_sold,
        buy_average=hint(found.get("buy_average")) or ZERO,
        sell_average=hint(found.get("sell_average")) or ZERO,
        realised=figure(found.get("realised")),
        unrealised=figure(found.get("unrealised")),
        multiplier=count_hint(found.get("multiplier")) or 1,
        expiry=date(found.get("expiry")) if segment.is_derivative else None,
    )


def _net(found: Fields, bought: int | None, sold: int | None) -> int:
    """Units held, below 0 for what is sold; a row whose word for it says otherwise is nonsense."""
    sign = _SIGNS.get(word(found.get("direction")))
    net = signed_quantity(found.get("net"))
    if net is None and bought is not None and sold is not None:
        net = bought - sold
    if net is None and sign == 0:
        net = 0
    if net is None:
        raise NonsenseError("a position does not say how much is held")
    if sign is not None and (net > 0) - (net < 0) != sign:
        raise NonsenseError(f"a position of {net} is called {words(found.get('direction'))}")
    return net


def _split(found: Fields, net: int, bought: int, sold: int) -> tuple[int, int, int]:
    """Net units of earlier days, and what was bought and sold today. Either half makes the other."""
    carried_bought, carried_sold = quantity(found.get("carried_bought")), quantity(found.get("carried_sold"))
    day_bought, day_sold = quantity(found.get("day_bought")), quantity(found.get("day_sold"))
    tells_carried = carried_bought is not None or carried_sold is not None
    tells_today = day_bought is not None or day_sold is not None
    if not tells_carried and not tells_today:
        if bought or sold:
            raise NonsenseError("a position does not tell today from earlier days")
        return 0, 0, 0
    if not tells_today:
        day_bought, day_sold = max(0, bought - (carried_bought or 0)), max(0, sold - (carried_sold or 0))
    day_bought, day_sold = day_bought or 0, day_sold or 0
    carried = (carried_bought or 0) - (carried_sold or 0) if tells_carried else net - (day_bought - day_sold)
    return carried, day_bought, day_sold


def _holding(row: object) -> Holding:
    found = named(row, fact_keys.HOLDING)
    security_id = identifier(found.get("security_id"))
    delivered, t1 = count(found.get("delivered")), count(found.get("t1"))
    total = quantity(found.get("total"))
    if total is None and delivered is not None:
        total = delivered + (t1 or 0)
    if not security_id or total is None:
        raise NonsenseError("a holding lacks its id or its quantity")
    return Holding(
        exchange=words(found.get("exchange")).upper(),
        security_id=security_id,
        symbol=words(found.get("symbol")),
        isin=words(found.get("isin")),
        total=total,
        available=count(found.get("available")),
        delivered=delivered or 0,
        t1=t1 or 0,
        mtf=count(found.get("mtf")) or 0,
        mtf_t1=count(found.get("mtf_t1")) or 0,
        collateral=count(found.get("collateral")) or 0,
        average=hint(found.get("average")) or ZERO,
        last_price=hint(found.get("last_price")),
    )
