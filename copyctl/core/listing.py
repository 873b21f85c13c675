"""Listing: what the instrument master says of an instrument, or that there is none to ask."""

from msgspec.structs import replace

from copyctl.core.keys import order_key
from copyctl.core.state import Draft
from copyctl.core.telling import alert
from copyctl.model.alerts import Alert
from copyctl.model.effects import RefreshInstruments
from copyctl.model.events import InstrumentFound
from copyctl.model.instrument import Instrument


def listed(draft: Draft, event: InstrumentFound) -> None:
    """The answer to a question for an instrument: whoever waited for it is looked at."""
    if event.instrument is not None:
        draft.instruments.put(event.instrument)
    elif event.master:
        blank = Instrument(segment=event.segment, security_id=event.security_id, symbol="", known=False)
        draft.instruments.put(replace(blank, sought=not event.refreshed))
        if not event.refreshed:
            draft.effects.append(RefreshInstruments(segment=event.segment, security_id=event.security_id))
    else:
        _from_frame(draft, event)
    rules = draft.rules
    if rules is None:
        return
    for lead in draft.leader_orders.values():
        order = draft.orders.get(order_key(rules.leader.client_id, lead.order_id))
        if order and (order.segment, order.security_id) == (event.segment, event.security_id):
            draft.touched[lead.order_id] = None


def _from_frame(draft: Draft, event: InstrumentFound) -> None:
    """No master to be had: what a frame told of the instrument serves, and a share needs no lot size."""
    hint = next(
        (
            order.hint
            for order in draft.orders.values()
            if order.hint and (order.segment, order.security_id) == (event.segment, event.security_id)
        ),
        None,
    )
    if hint is None and event.segment.is_derivative:
        blank = Instrument(segment=event.segment, security_id=event.security_id, symbol="", known=False)
        draft.instruments.put(blank)
        return
    draft.instruments.put(
        hint or Instrument(segment=event.segment, security_id=event.security_id, symbol="", from_master=False)
    )
    text = f"no instrument master: lot size and tick of {event.security_id} are the leader's frame's"
    alert(draft, Alert.NO_MASTER, text)
