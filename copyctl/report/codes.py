"""Every reason code there is, with what it decides and what it says; ``docs/codes.md`` is written from it.

Codes are a contract: users alert on them. Most stand in ``model.reasons`` with their sentence; two families are built
there from a category or a key.
"""

from dataclasses import dataclass, fields

from copyctl.model.policy import Limits
from copyctl.model.reasons import SENTENCES, Category, Reason, rejected
from copyctl.model.rejections import HANDLING, TREATMENTS
from copyctl.model.terms import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code under one decision; a few codes stand under two."""

    decision: Decision
    code: str
    sentence: str


WAITING: dict[Reason, str] = {
    Reason.MARKET_CLOSED: "waits for the next open",
    Reason.MARKET_HOLIDAY: "waits for the next trading day",
    Reason.SELF_TRADE: "an exit waits for a resting order of the same person that it could trade with",
    Reason.KILL_SWITCH: "the kill switch halts everything: cancels and exits wait for resume",
}
"""Codes of refusals under which an order may wait as well."""

REJECTIONS: dict[Category, str] = {
    Category.MARGIN: "the account's money does not cover the margin",
    Category.HOLDINGS: "the account does not hold, or may not sell, so many shares",
    Category.PRICE_BAND: "the price is outside the limits between which it may trade",
    Category.STRIKE_RANGE: "the strike is outside the range that is open for new positions",
    Category.TICK: "the price is not a multiple of the tick",
    Category.TRIGGER: "the trigger does not fit the price, or has been crossed already",
    Category.SESSION: "the market does not take such an order at this hour",
    Category.HALT: "trading in the instrument is halted or suspended",
    Category.INSTRUMENT: "the instrument is not known, expired or not open to this account",
    Category.PRODUCT: "the product is not allowed for this instrument or account",
    Category.QUANTITY: "the quantity is no multiple of the lot, or above what one order may have",
    Category.DISCLOSED: "the disclosed quantity is not allowed",
    Category.POSITION_LIMIT: "the account would hold more than the exchange or the broker allows",
    Category.SELF_TRADE: "it would have traded with an order of the same person",
    Category.THROTTLED: "too many requests, and it did not pass later either",
    Category.CONNECTIVITY: "the broker could not reach the exchange, and it did not pass later either",
    Category.AUTHENTICATION: "the account's token is not accepted",
    Category.ADDRESS: "the address that the request came from is not the account's registered one",
    Category.BLOCKED: "the broker's risk desk has blocked the account, the segment or the instrument",
    Category.INPUT: "the broker calls the request malformed",
    Category.IN_TRANSIT: "the order was still on its way to the exchange",
    Category.NO_SUCH_ORDER: "the broker does not know the order",
    Category.UNKNOWN: "for a reason that is not known to us; the detail has the broker's words",
}
"""What a rejection of each category means."""

_REACHED: dict[str, str] = {
    "max_daily_loss": "limits.max_daily_loss is reached; it trips the kill switch",
    "max_daily_profit": "limits.max_daily_profit is reached: only exits from then on",
}
"""Limits that a day reaches, whatever the order is; the others an order would exceed."""


def codes() -> list[Code]:
    """Every code, by decision."""
    own = [Code(decision=decision, code=one.value, sentence=said) for one, (decision, said) in SENTENCES.items()]
    every = [*own, *_waiting(), *_limits(), *_rejections()]
    order = list(Decision)
    return sorted(every, key=lambda one: order.index(one.decision))


def sentence(code: str | None, decision: Decision) -> str:
    """What a code says by itself under a decision, "" for none that we know."""
    said = {one.decision: one.sentence for one in codes() if one.code == code}
    return said.get(decision) or next(iter(said.values()), "")


def page() -> str:
    """``docs/codes.md``."""
    parts = [_HEAD]
    for decision, meaning in _MEANINGS.items():
        rows = [f"| `{one.code}` | {one.sentence} |" for one in codes() if one.decision is decision]
        parts.append("\n".join([f"## {decision}: {meaning}\n", "| code | what it says |", "|---|---|", *rows]))
    return "\n\n".join([*parts, _handling()]) + "\n"


def _handling() -> str:
    """What is done about each rejection, and what the words of that table mean."""
    rows = [
        f"| `{category}` | {one.entry} | {one.exit} | {one.change} | {one.cancel} | {'yes' if one.counts else 'no'} |"
        for category, one in HANDLING.items()
    ]
    meanings = [f"- {treatment}: {meaning}" for treatment, meaning in TREATMENTS.items()]
    head = ["| rejected for | entry | exit | modification | cancel | counts |", "|---|---|---|---|---|---|"]
    return "\n".join([_HANDLING_HEAD, "", *meanings, "", *head, *rows])


def _waiting() -> list[Code]:
    return [
        Code(decision=Decision.QUEUED, code=one.value, sentence=said)
        for one, said in WAITING.items()
        if SENTENCES[one][0] is not Decision.QUEUED
    ]


def _limits() -> list[Code]:
    keys = [field.name for field in fields(Limits) if field.name != "on_breach"]
    return [
        Code(
            decision=Decision.REFUSED,
            code=f"limit_{key}",
            sentence=_REACHED.get(key, f"it would exceed limits.{key}"),
        )
        for key in keys
    ]


def _rejections() -> list[Code]:
    return [
        Code(decision=Decision.DEAD, code=rejected(category), sentence=REJECTIONS[category]) for category in Category
    ]


_MEANINGS = {
    Decision.COPIED: "the order is at the broker or on its way; a note says what was bent for it",
    Decision.SKIPPED: "the policy did not want it",
    Decision.REFUSED: "it must not be sent",
    Decision.QUEUED: "it will be sent, when what it waits for has come",
    Decision.DEAD: "tried, and given up",
}

_HANDLING_HEAD = """## What is done about a rejection

What the broker or the exchange says no to falls into one of these categories; the last column: does it count for
`kill_switch.on_consecutive_rejections`?"""

_HEAD = """# Reason codes

Why a leader's order was not simply copied: the `reason` of a row of `copyctl orders` and of a decision of `copyctl
events`. Codes never change their meaning, more may be added; the `detail` beside a code has the numbers.

This page is written by `copyctl explain --codes --format markdown`."""
