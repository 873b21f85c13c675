"""``copyctl backfill``: the broker's past in the store, read patiently, gone on with, and beside a run."""

import contextlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copyctl.edge.history import History, HistoryReader
from copyctl.model.history import Charges, PastTrade
from copyctl.model.order import ExecutionReport
from copyctl.report.moments import IST
from tests.cli.world import eventually, process
from tests.scenarios.desk import Broker, Desk

Row = dict[str, Any]
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    running = Broker(2)
    yield running
    running.stop()


class Office(Desk):
    """A leader with alice and bob, and what the broker knows of their past."""

    said = ""

    def today(self) -> date:
        """The day in India, by the broker's clock."""
        told = datetime.fromisoformat(self.broker.ask("clock")["now"])
        return (told if told.tzinfo else told.replace(tzinfo=IST)).astimezone(IST).date()

    def past(self, *numbers: int, days_ago: int = 1, account: str = "leader", **fields: Any) -> None:
        """Trades of an earlier day, whose history tells what they cost."""
        day = self.today() - timedelta(days=days_ago)
        rows = [
            {
                "dhanClientId": self.broker.accounts[account]["client_id"],
                "orderId": f"1{number:011d}",
                "exchangeTradeId": str(number),
                "transactionType": "BUY",
                "exchangeSegment": "NSE_EQ",
                "productType": "CNC",
                "orderType": "LIMIT",
                "tradingSymbol": None,
                "customSymbol": "Reliance Industries",
                "securityId": "2885",
                "tradedQuantity": 10,
                "tradedPrice": 1400.5,
                "createTime": "NA",
                "updateTime": "NA",
                "exchangeTime": f"{day} 10:00:{number % 60:02d}",
                "brokerageCharges": "20.00",
                "serviceTax": 3.6,
                "stt": "NA",
                **fields,
            }
            for number in numbers
        ]
        self.broker.tell("history", account=account, trades=rows)

    def backfill(self, *words: str, days: int = 0, code: int = 0) -> dict[str, Row]:
        """What it says of each account, by name."""
        done = self.fetch(*words, days=days, code=code)
        return {row["name"]: row for row in json.loads(done.stdout)["accounts"]}

    def fetch(self, *words: str, days: int = 0, code: int = 0) -> subprocess.CompletedProcess[str]:
        begin = self.today() - timedelta(days=days)
        done = self.command("backfill", "--from", str(begin), *words, check=False)
        self.said += done.stdout + done.stderr
        assert done.returncode == code, done
        return done

    def begin(self, *words: str, days: int = 0) -> "subprocess.Popen[str]":
        """The same in the background."""
        begin = str(self.today() - timedelta(days=days))
        return subprocess.Popen(
            [sys.executable, "-m", "copyctl", "backfill", "--rules", str(self.rules_file), "--from", begin, *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, one: "subprocess.Popen[str] | None" = None) -> int:
        if one is None:
            return super().ended()
        out, err = one.communicate(timeout=60)
        self.said += out + err
        return one.returncode

    def requests(self, account: str = "leader") -> list[Row]:
        return list(self.broker.ask("requests", account=account)["requests"])

    def pages(self, account: str = "leader") -> list[str]:
        """The pages of the history that were asked for: first day, last day, page."""
        paths = [row["path"] for row in self.requests(account)]
        return [path.removeprefix("/trades/") for path in paths if path.count("/") == 4]

    def kept(self) -> dict[str, PastTrade]:
        """The trades in the store, by the id of their order."""
        reader = HistoryReader(self.store)
        with contextlib.closing(reader):
            found = [msgspec.json.decode(body, type=PastTrade) for _, _, _, body in reader.trades()]
        assert len({one.order_id for one in found}) == len(found)
        return {one.order_id: one for one in found}

    def kept_orders(self) -> list[ExecutionReport]:
        reader = HistoryReader(self.store)
        with contextlib.closing(reader):
            return [msgspec.json.decode(body, type=ExecutionReport) for _, _, _, body in reader.orders()]

    def stretch(self, first: int, last: int) -> str:
        """From so many days ago to so many."""
        return f"{self.today() - timedelta(days=first)}/{self.today() - timedelta(days=last)}"


@pytest.fixture
def office(broker: Broker, tmp_path: Path) -> Iterator[Office]:
    broker.tell("reset")
    for name in broker.accounts:
        broker.tell("token", account=name, action="revive")
    made = Office(broker=broker, folder=tmp_path, followers=("alice", "bob"))
    made.write_rules()
    yield made
    made.close()
    for row in broker.accounts.values():
        assert row["access_token"] not in made.said
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name.startswith("history"):
            assert not any(row["access_token"].encode() in path.read_bytes() for row in broker.accounts.values())


def order_id(number: int) -> str:
    return f"1{number:011d}"


# --- what is fetched ----------------------------------------------------------------------------------------------


def test_todays_books_and_the_trades_of_earlier_days_come_into_the_store_once(office: Office) -> None:
    office.broker.tell(
        "trade", account="leader", exchange_segment="NSE_EQ", security_id="2885", side="BUY", quantity=5, price=1402
    )
    open_order = office.place()
    office.reaches("PENDING", "leader", open_order)
    office.past(1, 2, days_ago=40)
    office.past(3, account="alice", days_ago=2)
    said = office.backfill(days=45)
    assert said["leader"] == {
        "name": "leader",
        "orders": 2,
        "trades": 3,
        "new": 5,
        "changed": 0,
        "unreadable": 0,
        "ok": True,
        "detail": "",
    }
    assert [(said[name]["orders"], said[name]["trades"]) for name in ("alice", "bob")] == [(0, 1), (0, 0)]
    assert [said[name]["matched"] for name in ("alice", "bob")] == [{"nothing": 1}, {}]
    assert office.kept()[order_id(1)].charges == Charges(brokerage=Decimal("20.00"), gst=Decimal("3.6"))
    (today,) = [one for one in office.kept().values() if one.quantity == 5]
    assert (today.charges, today.symbol) == (None, "RELIANCE")
    assert {one.order_id for one in office.kept_orders()} == {open_order, today.order_id}
    again = office.backfill(days=45)
    assert [(again[name]["trades"], again[name]["new"], again[name]["changed"]) for name in again] == [
        (3, 0, 0),
        (1, 0, 0),
        (0, 0, 0),
    ]


def test_a_day_that_is_over_gets_the_charges_that_its_own_book_lacked(office: Office) -> None:
    trade = {"exchange_segment": "NSE_EQ", "security_id": "2885", "side": "BUY", "quantity": 5, "price": 1402}
    office.broker.tell("trade", account="leader", **trade)
    assert office.backfill("--account", "leader")["leader"]["new"] == 2
    (before,) = office.kept().values()
    row = office.broker.ask("trades", account="leader")["trades"][0]
    yesterday = f"{office.today() - timedelta(days=1)} 10:00:00"
    late = {**row, "exchangeTime": yesterday, "tradingSymbol": None, "customSymbol": "Reliance", "stt": 1.25}
    office.broker.tell("history", account="leader", trades=[late])
    to = str(office.today() - timedelta(days=1))
    assert office.backfill("--account", "leader", "--to", to, days=2)["leader"]["changed"] == 1
    (after,) = office.kept().values()
    assert (after.charges, after.symbol) == (Charges(stt=Decimal("1.25")), before.symbol)


def test_days_are_asked_for_in_stretches_and_pages_to_the_first_empty_one(office: Office) -> None:
    office.settings(history_page_size=2)
    office.past(1, 2, 3, days_ago=65)
    office.past(4, days_ago=36)
    office.past(5, days_ago=6)
    office.past(6, days_ago=5)
    assert office.backfill("--account", "leader", days=65)["leader"]["trades"] == 6
    first, second, third = office.stretch(65, 36), office.stretch(35, 6), office.stretch(5, 1)
    assert office.pages() == [
        *(f"{first}/0", f"{first}/1", f"{first}/2"),
        *(f"{second}/0", f"{second}/1"),
        *(f"{third}/0", f"{third}/1"),
    ]
    assert [row["path"].rstrip("/") for row in office.requests()][:2] == [
        "/orders",
        "/trades",
    ]  # they are gone tomorrow
    assert not office.requests("alice")


def test_days_that_are_over_alone_leave_the_books_alone(office: Office) -> None:
    office.past(1)
    assert office.backfill("--to", str(office.today() - timedelta(days=1)), days=1)["leader"]["trades"] == 1
    assert [row["path"].count("/") for row in office.requests()] == [4, 4]


@pytest.mark.parametrize(
    "switches",
    [
        {"history_answer": "data"},
        {"history_end": "DH-907"},
        {"rows_as_text": True},
        {"history_order": "newest", "history_page_size": 1},
    ],
)
def test_every_shape_of_the_history_is_read(office: Office, switches: Row) -> None:
    office.settings(**switches)
    office.past(1, 2)
    said = office.backfill("--account", "leader", days=3)["leader"]
    assert (said["trades"], said["new"], said["unreadable"]) == (2, 2, 0)
    assert office.kept()[order_id(1)].charges == Charges(brokerage=Decimal("20.00"), gst=Decimal("3.6"))


def test_a_trade_that_stands_on_two_pages_is_one(office: Office) -> None:
    office.settings(history_page_size=2)
    office.past(1, 2)
    office.past(2, 3)
    said = office.backfill("--account", "leader", days=3)["leader"]
    assert (said["trades"], said["new"], said["changed"]) == (3, 3, 0)


def test_a_broker_that_tells_one_page_for_ever_comes_to_an_end(office: Office) -> None:
    office.past(1)
    row = office.broker.ask("trades", account="leader")["trades"]
    body = [{"orderId": "7", "exchangeTradeId": "7", "transactionType": "SELL", "exchangeSegment": "NSE_EQ",
             "securityId": "2885", "tradedQuantity": 1, "tradedPrice": 10}]  # fmt: skip
    assert row == []
    office.broker.tell("faults", kind="status", status=200, body=body, path="^/trades/.*/.*/", account="leader")
    assert office.backfill("--account", "leader", days=3)["leader"]["trades"] == 1
    assert [page[-1] for page in office.pages()] == ["0", "1"]


def test_a_row_that_cannot_be_read_is_counted_and_hides_no_other(office: Office) -> None:
    office.past(1, tradedPrice="cheap")
    office.past(2)
    done = office.fetch("--account", "leader", days=2, code=1)
    (said,) = json.loads(done.stdout)["accounts"]
    assert (said["trades"], said["unreadable"], said["ok"]) == (1, 1, True)
    assert "leader: 1 rows of the broker's hold what cannot be read" in done.stderr


# --- interrupted, and gone on with --------------------------------------------------------------------------------


def broken(office: Office, page: int) -> None:
    """A page that the broker does not tell."""
    office.broker.tell("faults", kind="dh908", account="leader", path=f"^/trades/.*/.*/{page}$")


def test_after_a_page_that_failed_it_goes_on_there(office: Office) -> None:
    office.settings(history_page_size=1)
    office.past(1, days_ago=40)
    office.past(2, 3, 4, days_ago=8)
    broken(office, 2)
    office.fetch("--account", "leader", days=40, code=3)
    tried = [page for page in office.pages() if page.endswith("/2")]
    assert len(tried) == 5  # resilience.retries.attempts
    done = office.fetch("--account", "leader", days=40, code=3)  # and in vain once more
    (said,) = json.loads(done.stdout)["accounts"]
    goes_on = office.today() - timedelta(days=10)
    assert (said["trades"], said["new"], said["ok"]) == (1, 0, False)
    assert f"run it again, and it goes on from {goes_on}" in said["detail"]
    assert f"copyctl: leader: {said['detail']}" in done.stderr
    office.mend()
    asked = len(office.pages())
    said = office.backfill("--account", "leader", days=40)["leader"]
    assert (said["new"], sorted(office.kept())) == (1, [order_id(one) for one in (1, 2, 3, 4)])
    stretch = office.stretch(10, 1)
    assert office.pages()[asked:] == [f"{stretch}/{page}" for page in (0, 2, 3)]  # 0: have the pages moved?
    asked = len(office.pages())
    assert office.backfill("--account", "leader", days=40)["leader"]["trades"] == 4
    assert len(office.pages()[asked:]) == 6  # what was done with is read anew


def test_pages_that_moved_meanwhile_are_read_anew(office: Office) -> None:
    office.settings(history_page_size=2, history_order="newest")
    office.past(1, 2, 3, 4, 5)
    broken(office, 2)
    office.backfill("--account", "leader", days=2, code=3)
    office.past(6, 7, 8)
    office.mend()
    broken(office, 1)  # what page 0 showed is not forgotten by the next attempt
    office.backfill("--account", "leader", days=2, code=3)
    office.mend()
    office.backfill("--account", "leader", days=2)
    assert sorted(office.kept()) == [order_id(one) for one in range(1, 9)]


def test_progress_of_another_range_stays(office: Office) -> None:
    office.settings(history_page_size=1)
    office.past(1, days_ago=40)
    office.past(2, 3, days_ago=8)
    broken(office, 1)
    office.backfill("--account", "leader", days=40, code=3)
    office.mend()
    office.backfill("--account", "leader")
    asked = len(office.pages())
    office.backfill("--account", "leader", days=40)
    assert office.pages()[asked:] == [
        *(f"{office.stretch(40, 11)}/{page}" for page in (0, 1)),
        *(f"{office.stretch(10, 1)}/{page}" for page in (0, 1, 2)),
    ]


def test_an_interrupt_keeps_what_came_and_says_where_it_goes_on(office: Office) -> None:
    office.settings(history_page_size=1)
    office.past(1, 2)
    office.broker.tell("faults", kind="hang", account="leader", path="^/trades/.*/.*/1$", seconds=60)
    one = office.begin("--account", "leader", days=3)
    eventually(lambda: any(page.endswith("/1") for page in office.pages()))
    one.send_signal(signal.SIGINT)
    out, err = one.communicate(timeout=30)
    (said,) = json.loads(out)["accounts"]
    assert (one.returncode, said["new"]) == (3, 1)
    assert said["detail"].startswith("interrupted. What came is kept; run it again, and it goes on from ")
    assert "Traceback" not in err
    office.mend()
    assert office.backfill("--account", "leader", days=3)["leader"]["new"] == 1


def test_a_kill_keeps_what_came(office: Office) -> None:
    office.settings(history_page_size=1)
    office.past(1, 2)
    office.broker.tell("faults", kind="hang", account="leader", path="^/trades/.*/.*/1$", seconds=60)
    one = office.begin("--account", "leader", days=3)
    eventually(lambda: any(page.endswith("/1") for page in office.pages()))
    one.kill()
    assert office.ended(one) == -signal.SIGKILL
    assert list(office.kept()) == [order_id(1)]
    office.mend()
    assert office.backfill("--account", "leader", days=3)["leader"]["new"] == 1
    assert sorted(office.kept()) == [order_id(1), order_id(2)]


def test_two_at_once_wait_for_each_other(office: Office) -> None:
    office.past(*range(1, 31), account="leader")
    office.past(*range(31, 61), account="alice")
    both = [office.begin(days=3), office.begin(days=3)]
    assert [office.ended(one) for one in both] == [0, 0], office.said
    assert len(office.kept()) == 60


# --- the broker's patience ----------------------------------------------------------------------------------------


def most_within(office: Office, seconds: float) -> int:
    """The most requests of the leader that arrived within so many seconds."""
    times = sorted(row["monotonic_ns"] for row in office.requests())
    return max(sum(1 for one in times if begun <= one < begun + seconds * SECOND) for begun in times)


def test_at_most_half_of_what_the_rules_allow_is_asked_in_any_second(office: Office) -> None:
    office.settings(history_page_size=1)
    office.past(*range(1, 7))
    office.backfill("--account", "leader", days=2)
    assert len(office.requests()) == 9
    assert most_within(office, 1) == 2  # of rate_limits.data.per_second, 5


def test_half_of_one_request_in_a_second_is_one_in_two(office: Office) -> None:
    office.rules = {"rate_limits": {"data": {"per_second": 1}}}
    office.write_rules()
    office.past(1)
    office.backfill("--account", "leader", days=2)
    assert len(office.requests()) == 4
    assert most_within(office, 2) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "too_many"},
        {"kind": "status", "status": 429, "body": {"status": "failed", "data": {"805": "Too many requests"}}},
    ],
)
def test_who_asks_too_much_rests_and_goes_on(office: Office, said: Row) -> None:
    office.past(1)
    office.broker.tell("faults", account="leader", path="^/trades/.*/.*/0$", times=1, **said)
    done = office.fetch("--account", "leader", days=2)
    assert json.loads(done.stdout)["accounts"][0]["trades"] == 1
    assert "leader: resting: " in done.stderr
    times = [row["monotonic_ns"] for row in office.requests() if row["path"].endswith("/0")]
    assert times[1] - times[0] >= 2 * SECOND


@pytest.mark.parametrize("kind", ["reset_before", "html502", "truncated", "empty"])
def test_trouble_on_the_way_is_tried_again(office: Office, kind: str) -> None:
    office.past(1)
    office.broker.tell("faults", account="leader", path="^/trades/.*/.*/0$", times=2, kind=kind)
    assert office.backfill("--account", "leader", days=2)["leader"]["trades"] == 1


# --- accounts -----------------------------------------------------------------------------------------------------


def test_an_account_whose_token_is_refused_leaves_the_others_alone(office: Office) -> None:
    office.past(1)
    office.past(2, account="bob")
    office.settings("alice", answers_repeat_the_token=True)
    office.broker.tell("token", account="alice", action="kill")
    done = office.fetch(days=2, code=3)
    said = {row["name"]: row for row in json.loads(done.stdout)["accounts"]}
    assert [(said[name]["ok"], said[name]["trades"]) for name in said] == [(True, 1), (False, 0), (True, 1)]
    assert "copyctl doctor shows whether it is the token or the address" in said["alice"]["detail"]
    assert "copyctl: alice: " in done.stderr
    assert len(office.requests("alice")) == 1


def test_a_token_that_a_run_renewed_meanwhile_is_taken_up(office: Office) -> None:
    token = office.folder / "leader.token"
    token.write_text(office.broker.accounts["leader"]["access_token"])
    office.rules = {
        "leader": {"access_token": f"${{file:{token}}}"},
        "resilience": {"retries": {"initial": "5s", "maximum": "5s"}},
    }
    office.write_rules()
    office.past(1)
    office.broker.tell("token", account="leader", action="kill")
    one = office.begin("--account", "leader", days=2)
    eventually(lambda: any(row["status"] == 401 for row in office.requests()))
    office.broker.tell("token", account="leader", action="revive")
    token.write_text(office.broker.tell("token", account="leader", action="mint")["access_token"])
    office.broker.accounts["leader"]["access_token"] = token.read_text()
    assert office.ended(one) == 0, office.said
    assert list(office.kept()) == [order_id(1)]


def test_it_works_beside_a_run_and_hinders_it_in_nothing(office: Office) -> None:
    office.past(1)
    office.start()
    first = office.place()
    office.follows(first, decision="copied")
    said = office.backfill(days=2)
    assert (said["leader"]["orders"], said["leader"]["trades"], said["alice"]["orders"]) == (1, 1, 1)
    assert said["alice"]["matched"] == {"order_id": 1}
    copied = [one for one in office.kept_orders() if one.account == office.broker.accounts["alice"]["client_id"]]
    assert copied[0].correlation_id == office.copy(first)["correlation_id"]
    second = office.place()
    office.follows(second, decision="copied")
    assert office.status()["state"] == "running"
    assert office.stop() == 0
    assert json.loads(office.look("audit", "verify"))["ok"]


# --- how it speaks ------------------------------------------------------------------------------------------------


def test_people_get_a_table_and_lines_of_what_goes_on(office: Office) -> None:
    office.past(1)
    done = office.fetch("--account", "leader", "--format", "table", days=2)
    assert [line.split() for line in done.stdout.splitlines() if "leader" in line] == [["leader", "0", "1", "1", "0"]]
    assert f"leader: {office.stretch(2, 1).replace('/', ' to ')}, page 0" in done.stderr
    quiet = subprocess.run(
        [*(sys.executable, "-m", "copyctl", "-q", "backfill", "--rules", str(office.rules_file)),
         *("--from", str(office.today()), "--account", "leader")],
        env=office.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert quiet.stderr == ""


def test_on_a_terminal_a_bar_shows_how_far_it_is(office: Office) -> None:
    here, there = pty.openpty()
    done = subprocess.run(
        [*(sys.executable, "-m", "copyctl", "backfill", "--rules", str(office.rules_file)),
         *("--from", str(office.today() - timedelta(days=40)), "--account", "leader")],
        env=office.environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE, stderr=there, timeout=60, check=True,
    )  # fmt: skip
    os.close(there)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal is gone once its last writer is
        while piece := os.read(here, 65_536):
            seen += piece
    os.close(here)
    assert json.loads(done.stdout)["accounts"][0]["ok"]
    assert b"leader" in seen
    assert b"0/3" in seen


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "yesterday"), "'yesterday' is no date: use "),
        (("--from", "2026-02-30"), "is no date"),
        (("--from", "2999-01-01"), "is yet to come: today is "),
        (("--from", "2020-01-01", "--to", "2999-01-01"), "is yet to come"),
        (("--from", "2020-01-02", "--to", "2020-01-01"), "2020-01-02 is after --to 2020-01-01"),
        (("--from", "2020-01-01", "--account", "allice"), "no account is called allice; did you mean alice?"),
        (("--from", "2020-01-01", "--account", "zzz"), "no account is called zzz; there are leader, alice, bob"),
        ((), "Missing option '--from'"),
    ],
)
def test_wrong_usage_is_told_before_anybody_is_asked(office: Office, words: tuple[str, ...], told: str) -> None:
    done = office.command("backfill", *words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in " ".join(done.stderr.split())
    assert not office.store.exists()
    assert not office.requests()


def test_only_the_variables_of_the_accounts_in_question_are_needed(office: Office) -> None:
    lacking = {key: value for key, value in office.environment.items() if key != "ALICE_ACCESS_TOKEN"}
    words = ("backfill", "--rules", str(office.rules_file), "--from", str(office.today()))
    for account in ((), ("--account", "alice")):
        done = process(*words, *account, environment=lacking)
        assert (done.returncode, done.stdout) == (2, "")
        assert "ALICE_ACCESS_TOKEN" in done.stderr
    assert process(*words, "--account", "bob", environment=lacking).returncode == 0


def test_a_broker_in_the_run_has_no_past(office: Office) -> None:
    office.rules = {"broker": {"adapter": "simulator"}}
    office.write_rules()
    done = office.fetch(code=2)
    assert "there is no broker outside of the run" in done.stderr


def changed(office: Office, statement: str) -> None:
    with sqlite3.connect(office.store / "history.sqlite") as database:
        database.execute(statement)
    database.close()


def test_a_store_of_a_newer_version_is_left_alone(office: Office) -> None:
    History(office.store).close()
    changed(office, "UPDATE meta SET value = '2' WHERE key = 'version'")
    done = office.fetch(code=4)
    assert done.stdout == ""
    assert "newer copyctl" in done.stderr
    assert not office.requests()


def test_a_store_that_is_damaged_ends_it_in_one_line(office: Office) -> None:
    office.past(1)
    office.backfill(days=2)
    changed(office, "UPDATE trades SET body = '{'")
    done = office.fetch(days=2, code=4)
    assert done.stdout == ""
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("copyctl: ")]
    assert "a row is damaged" in told
    assert "move history.sqlite* away and run copyctl backfill again" in told
    assert "Traceback" not in done.stderr
