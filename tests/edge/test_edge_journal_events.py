"""What the journal keeps of every kind of event, and where records go that a run drops."""

import sqlite3
import typing
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from edge_sample import ACCOUNT

from copyctl.edge.journal import event_body, open_journal
from copyctl.edge.journal_reader import JournalReader
from copyctl.model import events
from copyctl.model.account import Account
from copyctl.model.alerts import Alert
from copyctl.model.calendar import TradingDays
from copyctl.model.facts import (
    Addresses,
    AddressWanted,
    BrokerKill,
    BrokerKillStateWanted,
    BrokerKillWanted,
    Fact,
    FactArrived,
    Funds,
    FundsWanted,
    Lack,
    MarginNeed,
    MarginOrder,
    MarginWanted,
    PositionRow,
    Positions,
    PositionsWanted,
    Profile,
    ProfileWanted,
    Question,
    Quote,
    QuoteWanted,
)
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Entry
from copyctl.model.order import ExecutionReport, Fill, Order, Terms
from copyctl.model.policy import Rules
from copyctl.model.reasons import Category
from copyctl.model.records import Change, Copy
from copyctl.model.request import Fate, Outcome
from copyctl.model.terms import Decision, Level, OrderStatus, OrderType, Product, Segment, Side, Source, Validity
from copyctl.rules import read

TERMS = Terms(order_type=OrderType.STOP_LOSS, validity=Validity.IOC, quantity=65, price=Decimal("0.10"))
REPORT = ExecutionReport(
    account=ACCOUNT,
    order_id="1",
    source=Source.BOOK,
    as_of=2,
    status=OrderStatus.REJECTED,
    terms=TERMS,
    average_price=Decimal("101.2250"),
    text="RMS: ✋ \x00 \u2028",
    category=Category.UNKNOWN,
    last_price=None,
    instrument=Instrument(segment=Segment.MCX_COMM, security_id="9", symbol="GOLDM", strike=Decimal("1E+5")),
)
FILL = Fill(
    account=ACCOUNT,
    order_id="1",
    trade_id="t",
    segment=Segment.NSE_EQ,
    security_id="2885",
    side=Side.SELL,
    product=Product.CNC,
    quantity=1,
    price=Decimal("2900.00"),
    traded_at=2**62,
)
HELD = PositionRow(
    segment=Segment.NSE_FNO,
    security_id="43210",
    product=Product.MARGIN,
    symbol="NIFTY",
    net=-65,
    buy_quantity=0,
    sell_quantity=65,
    carried=-65,
    day_buy=0,
    day_sell=0,
    buy_average=Decimal(0),
    sell_average=Decimal("10.05"),
    realised=Decimal("-3.20"),
)
NEED = MarginOrder(side=Side.SELL, segment=Segment.NSE_FNO, security_id="43210", product=Product.MARGIN, quantity=65)
TOLD_AS_JSON = [
    events.Started(at=1),
    events.BooksRead(at=2, account=ACCOUNT, asked_at=1, orders=(REPORT, REPORT), fills=(FILL,), date=3),
    events.BooksUnreadable(at=3, account=ACCOUNT, why="HTTP 500", refused=True),
    events.StreamChanged(at=4, account=ACCOUNT, up=False, why="reset"),
    events.Answered(
        at=5,
        request_id="r",
        outcome=Outcome(fate=Fate.REJECTED, order_ids=("1", "2"), category=Category.UNKNOWN, text="no", left_at=4),
    ),
    events.Looked(at=6, request_id="r", account=ACCOUNT, asked_at=5, readable=True, reports=(REPORT,)),
    events.InstrumentFound(at=7, segment=Segment.MCX_COMM, security_id="9", master=True, instrument=REPORT.instrument),
    events.InstrumentFound(at=7, segment=Segment.NSE_EQ, security_id="9", master=False),
    events.CommandGiven(at=8, command_id=1, command="kill", account=ACCOUNT, reason="enough", actions=("halt",)),
    events.CredentialsChanged(at=8, account=ACCOUNT),
    events.TokenTold(at=8, account=ACCOUNT, what=Alert.TOKEN_DEAD, text="11:00 IST", level=Level.WARNING),
    events.FollowerHeld(at=9, account=ACCOUNT, why="twice"),
    events.EventSetAside(at=9, account=ACCOUNT, why="twice"),
    events.CalendarFound(
        at=9,
        calendar="XBOM",
        days=TradingDays(
            calendar="XBOM", first=date(2026, 1, 1), last=date(2026, 12, 31), open_days=(date(2026, 11, 27),)
        ),
    ),
    events.CalendarFound(at=9, calendar="NONE", why="there is no such calendar"),
    events.BackedUp(at=9, what="journal-2026-11-27.sqlite"),
    *(
        FactArrived(at=10, account=ACCOUNT, question=question, fact=fact)
        for question, fact in (
            (FundsWanted(account=ACCOUNT), Funds(account=ACCOUNT, as_of=1, available=Decimal("1.50"))),
            (PositionsWanted(account=ACCOUNT), Positions(account=ACCOUNT, as_of=1, rows=(HELD,), bad_rows=1)),
            (
                QuoteWanted(account=ACCOUNT, segment=Segment.NSE_EQ, security_id="2885"),
                Quote(segment=Segment.NSE_EQ, security_id="2885", as_of=3, last_price=Decimal("1402.50")),
            ),
            (
                MarginWanted(account=ACCOUNT, key="k", orders=(NEED,), include_positions=True),
                MarginNeed(as_of=4, required=Decimal("1000.25"), available=Decimal(3)),
            ),
            (
                ProfileWanted(account=ACCOUNT),
                Profile(account=ACCOUNT, as_of=5, ddpi=False, segments=("equity",), token_until=2**62),
            ),
            (
                AddressWanted(account=ACCOUNT),
                Addresses(account=ACCOUNT, as_of=6, registered=("2406:da00::7", "49.36.10.2"), allowed=True),
            ),
            (AddressWanted(account=ACCOUNT), Addresses(account=ACCOUNT, as_of=6, registered=())),
            (BrokerKillWanted(account=ACCOUNT), BrokerKill(account=ACCOUNT, as_of=7, active=True, text="activated")),
            (BrokerKillStateWanted(account=ACCOUNT), BrokerKill(account=ACCOUNT, as_of=8, text="?")),
        )
    ),
    FactArrived(at=10, account=ACCOUNT, question=FundsWanted(account=ACCOUNT), why="HTTP 500", lack=Lack.UNAVAILABLE),
    events.TimeReached(at=10),
]
KEPT_OTHERWISE = (events.FrameRead, events.FrameUnreadable, events.PolicyLoaded)


@pytest.mark.parametrize("event", TOLD_AS_JSON, ids=lambda event: type(event).__name__)
def test_an_event_reads_back_from_what_was_kept_of_it(event):
    body = event_body(event)
    back = msgspec.json.decode(body, type=type(event))
    assert back == event
    assert event_body(back) == body


def test_no_kind_of_event_was_forgotten_above():
    told = {type(event) for event in TOLD_AS_JSON}
    assert told.isdisjoint(KEPT_OTHERWISE)
    assert told.union(KEPT_OTHERWISE) == set(typing.get_args(events.Event))


def test_no_kind_of_question_or_fact_was_forgotten_above():
    arrived = [event for event in TOLD_AS_JSON if isinstance(event, FactArrived)]
    assert {type(event.question) for event in arrived} == set(typing.get_args(Question))
    assert {type(event.fact) for event in arrived} == {*typing.get_args(Fact), type(None)}


def rules_with(token: str, folder: Path) -> tuple[Rules, str, str]:
    """Rules whose accounts have this token, as a variable and in a file, and the document that is kept of them."""
    path = folder / "rules.yaml"
    (folder / "follower.token").write_text(f"{token}\n", encoding="utf-8")
    path.write_text(
        "version: 1\n"
        "name: small\n"
        "broker: {adapter: dhan}\n"
        "leader: {client_id: '1100000001', access_token: '${LEADER_TOKEN}'}\n"
        "followers:\n"
        "  - {name: asha, client_id: '1100000002', access_token: '${file:follower.token}'}\n"
        "policy: {sizing: {strategy: fixed_ratio, ratio: 0.5}}\n",
        encoding="utf-8",
    )
    loaded = read(path, {"LEADER_TOKEN": token})
    return loaded.rules, loaded.document.digest, loaded.document.text


def test_no_token_of_the_rules_is_ever_stored(tmp_path):
    token = "eyJhbGciOiJIUzUxMiJ9.journal.token-of-nobody"
    rules, digest, document = rules_with(token, tmp_path)
    assert rules.leader.access_token.reveal() == rules.followers[0].access_token.reveal() == token
    loaded = events.PolicyLoaded(at=1, digest=digest, document=document, rules=rules)
    journal = open_journal(tmp_path / "store", leader="1100000001")
    journal.write([Entry(event=loaded)])
    stored = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    journal.close()
    stored += b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert token.encode("ascii") not in stored
    assert digest.encode("ascii") in stored


def dropped(table: str, key: str) -> Change:
    return Change(table=table, key=key, record=None)


def test_what_a_run_drops_moves_to_the_past_if_people_may_ask_for_it(tmp_path):
    order = Order(account=ACCOUNT, order_id="1", terms=TERMS)
    copy = Copy(leader_order_id="1", follower="2", decision=Decision.COPIED, created_at=1, updated_at=2)
    account = Account(account=ACCOUNT)
    born = (
        Change(table="order", key="1", record=order),
        Change(table="copy", key="1:2", record=copy),
        Change(table="fill", key=FILL.key, record=FILL),
        Change(table="account", key=ACCOUNT, record=account),
    )
    journal = open_journal(tmp_path, leader="L")
    journal.write([Entry(event=events.Started(at=1), changes=born)])
    gone = tuple(dropped(one.table, one.key) for one in born)
    journal.write([Entry(event=events.Started(at=2), changes=(*gone, dropped("order", "never there")))])
    assert not any(journal.records().values())
    reader = JournalReader(tmp_path)
    past = {table: rows for table, rows in reader.records(past=True).items() if rows}
    assert past == {"order": [order], "copy": [copy], "fill": [FILL]}
    reader.close()
    journal.close()


def test_a_record_that_comes_and_goes_in_one_turn_leaves_nothing(tmp_path):
    order = Order(account=ACCOUNT, order_id="1", terms=TERMS)
    both = (Change(table="order", key="1", record=order), dropped("order", "1"))
    journal = open_journal(tmp_path, leader="L")
    journal.write([Entry(event=events.Started(at=1), changes=both)])
    assert not any(journal.records().values())
    journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        assert database.execute("SELECT count(*) FROM past").fetchone() == (0,)
    database.close()
