"""What a kill asked of the broker by itself, and how each request ended."""

import json
from typing import Any

import pytest

from copyctl.model.effects import Notice
from copyctl.model.placement import Standing
from copyctl.model.records import Record
from copyctl.model.request import Request, RequestKind
from copyctl.model.terms import Decision, OrderStatus
from copyctl.report.killed import asked_of_the_broker, has_open_entries
from copyctl.report.picture import Picture
from tests.report.world import ALICE, BOB, NAMES, NINE, copy, instrument, order, records, slot


def sent(kind: str = "cancel", number: int = 0, follower: str = ALICE) -> Notice:
    facts = {"kind": kind, "correlation_id": f"cc{number}", "attempt": 1}
    return Notice(at=NINE, event="request", text="", leader_order_id="L1", follower=follower, facts=facts)


def answered(fate: str, text: str = "", kind: str = "cancel", number: int = 0) -> Notice:
    facts = {"kind": kind, "correlation_id": f"cc{number}", "fate": fate, "category": None}
    told = f"{kind} cc{number}: {fate} {text}".rstrip()
    return Notice(at=NINE, event="answer", text=told, leader_order_id="L1", follower=ALICE, facts=facts)


def rows(*kept: Record, heard: tuple[Notice, ...], unreached: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return asked_of_the_broker(records(*kept), heard, NAMES, unreached or {})


def open_copy(**changes: Any) -> Record:
    return copy("L1", slot(0, Standing.WORKING, order_id="F1", sent=True), **changes)


def test_a_request_is_one_row_however_often_it_was_sent() -> None:
    over = order(ALICE, "F1", OrderStatus.CANCELLED, quantity=90, filled=30, price="101.5")
    heard = (sent(), answered("rejected", "busy"), sent(), answered("acknowledged"))
    (row,) = rows(instrument(), over, open_copy(), heard=heard)
    assert {key: row[key] for key in ("follower", "order_id", "kind", "symbol", "quantity", "attempts", "fate")} == {
        "follower": "alice",
        "order_id": "F1",
        "kind": "cancel",
        "symbol": "NIFTY 24500 CE",
        "quantity": 90,
        "attempts": 2,
        "fate": "cancelled",
    }
    assert row["text"].startswith("30 of 90 traded at ")
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(
    ("heard", "fate", "text"),
    [
        ((answered("acknowledged"),), "open", "taken by the broker, and the order is open still"),
        ((answered("rejected", "blocked: risk"),), "refused", "blocked: risk"),
        ((answered("unknown", "no answer within 2 s"),), "unknown", "no answer within 2 s"),
        ((answered("not_left", "no connection"),), "not_sent", "no connection"),
        ((), "unknown", "it was not answered yet"),
    ],
)
def test_while_the_order_is_open_the_last_answer_counts(heard: tuple[Notice, ...], fate: str, text: str) -> None:
    (row,) = rows(order(ALICE, "F1", OrderStatus.PENDING), open_copy(), heard=(sent(), *heard))
    assert (row["fate"], row["text"]) == (fate, text)


def test_a_placement_that_the_broker_refused_is_rejected() -> None:
    kept = copy("L1", slot(0, Standing.REJECTED, sent=True), exit=True)
    (row,) = rows(kept, heard=(sent("place"), answered("rejected", "blocked", "place")))
    assert (row["kind"], row["exit"], row["fate"], row["text"]) == ("place", True, "rejected", "blocked")


def test_for_whom_nothing_could_be_sent_nothing_was() -> None:
    (row,) = rows(open_copy(), heard=(sent(),), unreached={ALICE: "no access token"})
    assert (row["fate"], row["text"]) == ("not_sent", "no access token")


def test_what_waits_here_says_for_what() -> None:
    kept = copy("L1", slot(0, Standing.WAITING), exit=True, decision=Decision.QUEUED, detail="closed until Monday")
    waits = Request(
        request_id="cc0/place",
        account=ALICE,
        leader_order_id="L1",
        revision=0,
        kind=RequestKind.PLACE,
        correlation_id="cc0",
        queued_at=NINE,
        waits_for="market_closed",
        exit=True,
    )
    (row,) = rows(kept, waits, heard=())
    assert (row["attempts"], row["fate"], row["text"]) == (0, "not_sent", "closed until Monday")


def test_others_are_left_out() -> None:
    stranger = copy("L1", slot(0, Standing.WORKING, order_id="F1", sent=True), follower="1100000009")
    assert rows(stranger, heard=(sent(follower="1100000009"),)) == []


def test_an_entry_is_open_once_it_has_left_and_until_it_is_over() -> None:
    def opens(*kept: Record) -> bool:
        return has_open_entries(Picture(records(*kept)), ALICE)

    assert opens(open_copy())
    assert opens(copy("L1", slot(0, Standing.WAITING, sent=True)))
    assert not opens(copy("L1", slot(0, Standing.WAITING)))
    assert not opens(copy("L1", slot(0, Standing.ENDED, order_id="F1", sent=True)))
    assert not opens(open_copy(exit=True))
    assert not opens(open_copy(follower=BOB))
