"""What of a day's orders bears on the next one.

A leader may give thousands of orders in one instrument; each frame asks what of them matters still. What is settled,
over and done with for a follower, is left out by the index; whatever this step has changed is not.
"""

from collections.abc import Iterable, Iterator

from copyctl.core.keys import instrument_key, leader_id, order_key
from copyctl.core.state import Draft
from copyctl.model.order import Order
from copyctl.model.records import LeaderOrder
from copyctl.model.terms import Side


def unsettled_leads_in(draft: Draft, leader: str, account: str, instrument: str) -> list[LeaderOrder]:
    """Those of the leader's orders in an instrument, oldest first, that are not over, or whose copy for a follower
    is not settled, or that this step has changed anything of."""
    settled = draft.state.index.settled.get(f"{account}/{instrument}")
    if not settled:
        return draft.leads_in(instrument)
    again = {one.order_id for one in draft.orders_in((leader,), instrument)}
    again.update(one.order_id for one in draft.orders.written.values() if one and one.account == leader)
    again.update(draft.leader_orders.written, draft.state.index.split.get(instrument, ()))
    again.update(leader_id(one.leader_order_id) for one in draft.copies.of(account).values() if one)
    again.update(draft.state.index.parted)
    keys = [key for key in draft.state.index.leads.get(instrument, ()) if key not in settled or key in again]
    return _with_new(draft, keys, instrument)


def settled_exits_in(draft: Draft, leader: str, account: str, instrument: str) -> Iterator[LeaderOrder]:
    """The leader's orders in an instrument that close something, and whose copy for a follower was settled before
    this step, newest first."""
    leads, orders = draft.state.tables["leader_order"], draft.state.tables["order"]

    def given(row: str) -> tuple[int, int, str] | None:
        lead, order = leads.get(row), orders.get(order_key(leader, row))
        if not isinstance(lead, LeaderOrder) or not isinstance(order, Order):
            return None
        return order.created_time, lead.first_seen_at, row

    for row in draft.state.index.settled_exits(f"{account}/{instrument}", given):
        lead = draft.leader_orders.get(row)
        if lead is not None and lead.exits:
            yield lead


def untouched_leads_in(draft: Draft, accounts: Iterable[str], instrument: str) -> list[LeaderOrder]:
    """Those of the leader's orders in an instrument, oldest first, of which nothing was sent for any of these
    accounts, that close something and open the rest, or whose copies this step has changed."""
    index = draft.state.index
    again = {leader_id(one.leader_order_id) for one in draft.copies.written.values() if one}
    again.update(draft.leader_orders.written, index.split.get(instrument, ()))
    keys = list(index.leads.get(instrument, ()))
    for account in accounts:
        sent = index.sent.get(account, {})
        keys = [key for key in keys if key not in sent or key in again]
        if len(keys) <= len(again):
            break
    return _with_new(draft, keys, instrument)


def _with_new(draft: Draft, keys: list[str], instrument: str) -> list[LeaderOrder]:
    """These leader orders, and those of the instrument that this step has brought."""
    keys += [key for key in draft.leader_orders.written if key not in draft.state.tables["leader_order"]]
    found = (draft.leader_orders.get(key) for key in keys)
    return [one for one in found if one is not None and one.instrument == instrument]


def traded_since(draft: Draft, account: str, instrument: str, side: Side, since: int) -> list[Order]:
    """The orders of an account on one side of an instrument of which something has traded, and of which the broker
    has told after this moment of his."""
    keys: dict[str, None] = {}
    for told_at, key in reversed(draft.state.index.traded.get(f"{account}/{instrument}/{side}", ())):
        if told_at <= since:
            break
        keys[key] = None
    return draft.orders.among(
        keys,
        lambda one: (
            one.account == account
            and one.side is side
            and instrument_key(one.segment, one.security_id) == instrument
            and one.filled > 0
            and one.broker_time > since
        ),
    )
