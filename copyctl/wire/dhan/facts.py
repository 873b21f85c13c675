"""Figures over REST: what the answers to a question say (Dhan API v2: funds, margin calculator). Never raises.

A figure that the fact cannot do without and that is missing or nonsense makes the answer unreadable; any other is None.
"""

from collections.abc import Sequence

from copyctl.model.facts import (
    AccountQuestion,
    AddressWanted,
    BrokerKillStateWanted,
    BrokerKillWanted,
    FactReading,
    Funds,
    FundsWanted,
    MarginNeed,
    MarginWanted,
    PositionsWanted,
    ProfileWanted,
)
from copyctl.model.request import Answer
from copyctl.wire.dhan import fact_keys
from copyctl.wire.dhan.account import read_addresses, read_kill, read_kill_state, read_profile
from copyctl.wire.dhan.figures import figure, lacking, named, read, single
from copyctl.wire.dhan.portfolio import read_positions
from copyctl.wire.dhan.values import NonsenseError, identifier, number


def read_fact(question: AccountQuestion, answers: Sequence[Answer], as_of: int) -> FactReading:
    """What the answers to the calls of ``calls.calls_for`` say, asked at ``as_of`` (ns, UTC)."""
    match question:
        case FundsWanted():
            return _funds(answers[0], question.account, as_of)
        case PositionsWanted():
            return read_positions(answers[0], answers[1], question.account, as_of)
        case MarginWanted():
            return _margin(answers[0], as_of)
        case ProfileWanted():
            return read_profile(answers[0], question.account, as_of)
        case AddressWanted():
            return read_addresses(answers[0], question.account, as_of)
        case BrokerKillWanted():
            return read_kill(answers[0], question.account, as_of)
        case BrokerKillStateWanted():
            return read_kill_state(answers[0], question.account, as_of)


def _funds(answer: Answer, account: str, as_of: int) -> FactReading:
    """Dhan writes ``availabelBalance``; before the morning's balances are made it answers DH-906."""
    body = read(answer)
    if isinstance(body, FactReading):
        return body
    try:
        found = named(single(body), fact_keys.FUNDS)
        if identifier(found.get("account")) not in ("", account):
            return lacking("the funds are another account's")
        available = number(found.get("available"))
    except NonsenseError as fault:
        return lacking(f"the funds cannot be read: {fault}")
    if available is None:
        return lacking(f"HTTP {answer.status}: it tells no available balance")
    return FactReading(
        fact=Funds(
            account=account,
            as_of=as_of,
            available=available,
            start_of_day=figure(found.get("start_of_day")),
            collateral=figure(found.get("collateral")),
            utilised=figure(found.get("utilised")),
        )
    )


def _margin(answer: Answer, as_of: int) -> FactReading:
    """Of one order, or of several in either dialect: ``totalMargin``, or ``total_margin`` as text."""
    body = read(answer)
    if isinstance(body, FactReading):
        return body
    try:
        found = named(single(body), fact_keys.MARGIN)
        required = number(found.get("required"))
    except NonsenseError as fault:
        return lacking(f"the margin cannot be read: {fault}")
    if required is None:
        return lacking(f"HTTP {answer.status}: it tells no margin")
    return FactReading(
        fact=MarginNeed(
            as_of=as_of,
            required=required,
            available=figure(found.get("available")),
            insufficient=figure(found.get("insufficient")),
        )
    )
