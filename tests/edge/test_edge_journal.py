import contextlib
import datetime
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from edge_sample import ACCOUNT, entry

from copyctl.edge.journal import (
    Journal,
    JournalWriteError,
    StoreLocked,
    StoreRefused,
    StoreUnusable,
    open_journal,
)
from copyctl.edge.journal_commands import put_command
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.account import Account
from copyctl.model.calendar import TradingDays
from copyctl.model.effects import Notice
from copyctl.model.events import BooksRead, CommandGiven, FrameRead, FrameUnreadable, Started, TimeReached
from copyctl.model.facts import Funds, Quote
from copyctl.model.instrument import Instrument
from copyctl.model.journal import Entry
from copyctl.model.order import Fill, Order, Terms
from copyctl.model.placement import Slot
from copyctl.model.records import (
    TABLES,
    BasketRecord,
    Change,
    Copy,
    FixedSizing,
    Halt,
    LeaderOrder,
    Needed,
    Position,
    Spent,
)
from copyctl.model.request import Desired, Request, RequestKind
from copyctl.model.terms import (
    Decision,
    InstrumentKind,
    OptionType,
    OrderStatus,
    OrderType,
    Product,
    Segment,
    Side,
    Validity,
)

CHILD = Path(__file__).with_name("journal_child.py")
TERMS = Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=130, price=Decimal("101.25"))


def counted(folder: Path) -> tuple[int, int]:
    """How many events and how many notices a journal holds."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        events = database.execute("SELECT count(*) FROM events").fetchone()[0]
        notices = database.execute("SELECT count(*) FROM notices").fetchone()[0]
    database.close()
    return events, notices


def records_of_every_kind() -> list[Change]:
    instrument = Instrument(
        segment=Segment.NSE_FNO,
        security_id="43210",
        symbol="NIFTY-Sep2026-24500-CE",
        kind=InstrumentKind.OPTIDX,
        underlying="NIFTY",
        option_type=OptionType.CE,
        strike=Decimal("24500"),
        expiry=datetime.date(2026, 9, 22),
        lot_size=65,
        tick_size=Decimal("0.05"),
    )
    desired = Desired(
        side=Side.BUY, segment=Segment.NSE_FNO, security_id="43210", product=Product.INTRADAY, terms=TERMS
    )
    rows = {
        "order": Order(account=ACCOUNT, order_id="1", status=OrderStatus.PENDING, terms=TERMS, hint=instrument),
        "leader_order": LeaderOrder(
            order_id="1", wish=TERMS, seen=TERMS, first_seen_at=1, unseen_for=0, filled_at_first=0
        ),
        "copy": Copy(
            leader_order_id="1",
            follower="2",
            decision=Decision.COPIED,
            sizing=FixedSizing(
                rule=None, lot_size=65, rounding="down", minimum_lots=1, maximum_lots=None, ratio=Decimal("0.25")
            ),
            wanted=desired,
            slots=(Slot(revision=1, correlation_id="c-1", asked=TERMS, average_price=Decimal("101.2250")),),
            created_at=1,
            updated_at=2**60,
        ),
        "request": Request(
            request_id="r",
            account="2",
            leader_order_id="1",
            revision=1,
            kind=RequestKind.PLACE,
            correlation_id="c-1",
            desired=desired,
            queued_at=1,
        ),
        "account": Account(account=ACCOUNT, sent=(1, 2, 3), killed_reason="stop now ✋"),
        "instrument": instrument,
        "fill": Fill(
            account=ACCOUNT,
            order_id="1",
            trade_id="t",
            segment=Segment.NSE_FNO,
            security_id="43210",
            side=Side.BUY,
            product=None,
            quantity=65,
            price=Decimal("101.2000"),
            traded_at=3,
        ),
        "position": Position(
            account=ACCOUNT,
            segment=Segment.NSE_FNO,
            security_id="43210",
            product=Product.INTRADAY,
            base=-65,
            copied=-65,
            target=Decimal("-32.5"),
        ),
        "funds": Funds(account=ACCOUNT, as_of=1, available=Decimal("-12.50"), start_of_day=Decimal(7)),
        "quote": Quote(segment=Segment.NSE_FNO, security_id="43210", as_of=2, last_price=Decimal("101.05")),
        "days": TradingDays(
            calendar="XBOM",
            first=date(2026, 1, 1),
            last=date(2026, 12, 31),
            open_days=(date(2026, 11, 27), date(2026, 11, 30)),
        ),
        "margin": Needed(key="k", account="2", units=65, price=Decimal("101.2"), basis="b", asked_at=4),
        "basket": BasketRecord(follower="2", name="1", underlying="NIFTY", opened_at=4, closes_at=5),
        "spent": Spent(account="2", minute=29_000_000, moments=(1, 59_999, 60_000)),
        "halt": Halt(account="2", segment=Segment.NSE_EQ, security_id="1", since=1, tried_at=2, text="halted"),
    }
    assert rows.keys() == TABLES.keys()
    return [Change(table=name, key=name, record=row) for name, row in rows.items()]


def test_records_of_every_kind_come_back_as_they_were(tmp_path):
    changes = records_of_every_kind()
    journal = open_journal(tmp_path / "store", leader="L")
    journal.write([Entry(event=Started(at=1), changes=tuple(changes))])
    journal.close()
    journal = open_journal(tmp_path / "store", leader="L")
    assert journal.records() == {change.table: [change.record] for change in changes}
    journal.close()


def test_the_store_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "deep" / "store"
    journal = open_journal(folder, leader="L")
    journal.write([entry(1)])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    journal.close()
    assert modes.pop("store") == 0o700
    assert {"journal.sqlite", "run.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_of_several_changes_of_one_record_in_a_turn_the_last_wins(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    gone = Change(table="account", key="b", record=None)
    born = Change(table="account", key="b", record=Account(account="b"))
    journal.write([entry(1), entry(2), Entry(event=Started(at=3), changes=(born, gone))])
    assert journal.records()["account"] == [Account(account=ACCOUNT, last_frame_at=2)]
    journal.write([Entry(event=Started(at=4), changes=(born,)), Entry(event=Started(at=5), changes=(gone, born))])
    assert len(journal.records()["account"]) == 2
    journal.close()


def test_what_is_kept_of_each_event(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    empty_books = BooksRead(at=3, account=ACCOUNT, asked_at=2)
    changed = (Change(table="account", key="x", record=Account(account="x")),)
    journal.write(
        [
            Entry(event=FrameRead(at=1, account=ACCOUNT, raw=b'{"a":\xff}')),
            Entry(event=FrameUnreadable(at=2, account=ACCOUNT, raw=b"\x00\x01\xfe2\n", why="no JSON")),
            Entry(event=empty_books),
            Entry(event=empty_books, changes=changed),
            Entry(event=TimeReached(at=4)),
            Entry(event=empty_books, set_aside=True),
            Entry(event=CommandGiven(at=5, command_id=1, command="kill", reason="stop")),
        ]
    )
    assert [one.account for one in journal.records()["account"]] == ["x"]
    journal.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        rows = database.execute("SELECT kind, account, set_aside, body FROM events ORDER BY seq").fetchall()
    database.close()
    assert [row[:3] for row in rows] == [
        ("FrameRead", ACCOUNT, 0),
        ("FrameUnreadable", ACCOUNT, 0),
        ("BooksRead", ACCOUNT, 0),
        ("BooksRead", ACCOUNT, 0),
        ("BooksRead", ACCOUNT, 1),
        ("CommandGiven", "", 0),
    ]
    assert rows[0][3] == b'{"a":\xff}'
    assert rows[1][3] == b"\x00\x01\xfe2\n"
    assert b'"command":"kill"' in rows[5][3]


def test_half_a_character_is_no_reason_to_stop(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    put_command(tmp_path, "kill", reason="\udcff stop", at=1)
    assert journal.commands()[0].reason == "? stop"
    journal.write([Entry(event=Started(at=1), notices=(Notice(at=1, event="alert", text="odd \ud800"),))])
    journal.close()
    assert [notice.text for _, notice in JournalReader(tmp_path).notices()] == ["odd ?"]


def test_a_batch_that_cannot_be_kept_leaves_nothing_behind_and_the_next_one_is_kept(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.write([entry(1)])
    with pytest.raises(OverflowError):
        journal.write([entry(2), Entry(event=Started(at=2**70))])
    journal.write([entry(3)])
    journal.close()
    assert counted(tmp_path) == (2, 2)


# --- commands ------------------------------------------------------------------------------------------------------


def test_commands_are_taken_in_once_and_in_order(tmp_path):
    assert put_command(tmp_path / "new", "kill", account="2", reason="losses", at=7) == 1
    assert put_command(tmp_path / "new", "resume", at=8) == 2
    journal = open_journal(tmp_path / "new", leader="L")
    first, second = journal.commands()
    assert (first.command_id, first.given_at, first.command, first.account, first.reason) == (
        1,
        7,
        "kill",
        "2",
        "losses",
    )
    event = CommandGiven(at=9, command_id=1, command="kill", account="2")
    journal.write([Entry(event=event)], taken=[1])
    assert list(journal.commands()) == [second]
    journal.write([], taken=[2])
    assert not journal.commands()
    journal.close()


def test_a_command_carries_what_else_is_to_be_done(tmp_path):
    put_command(tmp_path, "kill", actions=("cancel_open_orders", "halt"), at=1)
    put_command(tmp_path, "resume", at=2)
    journal = open_journal(tmp_path, leader="L")
    assert [one.actions for one in journal.commands()] == [("cancel_open_orders", "halt"), ()]
    journal.close()


def of_an_earlier_version(folder: Path) -> None:
    """A store whose commands carry no actions, with one that waits."""
    open_journal(folder, leader="L").close()
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        database.execute("ALTER TABLE commands DROP COLUMN actions")
        database.execute("INSERT INTO commands (given_at, command, account, reason) VALUES (1, 'kill', '', 'old')")
    database.close()


def test_a_store_of_an_earlier_version_opens_and_keeps_its_commands(tmp_path):
    of_an_earlier_version(tmp_path)
    reader = JournalReader(tmp_path)
    assert [(one.reason, one.actions) for one in reader.commands()] == [("old", ())]
    journal = open_journal(tmp_path, leader="L")
    put_command(tmp_path, "kill", reason="new", actions=["halt"], at=2)
    told = [("old", ()), ("new", ("halt",))]
    assert [(one.reason, one.actions) for one in journal.commands()] == told
    assert [(one.reason, one.actions) for one in reader.commands()] == told
    reader.close()
    journal.close()


def test_a_command_alone_brings_a_store_of_an_earlier_version_up_to_date(tmp_path):
    of_an_earlier_version(tmp_path)
    assert put_command(tmp_path, "kill", actions=["flatten"], at=2) == 2
    reader = JournalReader(tmp_path)
    assert [one.actions for one in reader.commands()] == [(), ("flatten",)]
    reader.close()


def test_many_processes_may_bring_a_store_up_to_date_at_once(tmp_path):
    of_an_earlier_version(tmp_path)
    code = (
        "import sys; from pathlib import Path; from copyctl.edge.journal_commands import put_command;"
        "put_command(Path(sys.argv[1]), 'kill', actions=['halt'], at=1)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    journal = open_journal(tmp_path, leader="L")
    assert [one.actions for one in journal.commands()] == [(), *[("halt",)] * 4]
    journal.close()


def test_many_processes_may_make_the_store_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from copyctl.edge.journal_commands import put_command;"
        "[put_command(Path(sys.argv[1]), 'kill', at=one) for one in range(20)]"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store")]) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    journal = open_journal(tmp_path / "store", leader="L")
    assert [one.command_id for one in journal.commands()] == list(range(1, 81))
    journal.close()


def test_a_short_lock_of_another_process_is_waited_for(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    timer.start()
    journal.write([entry(1)])
    timer.join()
    other.close()
    journal.close()
    assert counted(tmp_path) == (1, 1)


# --- who may open it -----------------------------------------------------------------------------------------------


def test_scenario_7_10_a_second_run_on_one_store_is_refused(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    with pytest.raises(StoreLocked, match=rf"process {os.getpid()}"):
        open_journal(tmp_path, leader="L")
    child = subprocess.run(
        [sys.executable, CHILD, tmp_path, "write"], check=False, capture_output=True, text=True, timeout=60
    )
    assert "StoreLocked" in child.stderr
    journal.close()
    open_journal(tmp_path, leader="L").close()


def test_somebody_who_looks_whether_a_run_is_there_keeps_no_run_out(tmp_path):
    open_journal(tmp_path, leader="L").close()
    stop = threading.Event()

    def look() -> None:
        reader = JournalReader(tmp_path)
        while not stop.is_set():
            assert reader.running in (True, False)
        reader.close()

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(20):
            open_journal(tmp_path, leader="L").close()
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_the_store_of_another_leader_is_refused_and_unharmed(tmp_path):
    journal = open_journal(tmp_path, leader="1100000001")
    journal.write([entry(1)])
    journal.close()
    with pytest.raises(StoreRefused, match="belongs to leader 1100000001, not to 1100000002"):
        open_journal(tmp_path, leader="1100000002")
    open_journal(tmp_path, leader="1100000001").close()


def test_a_newer_versions_store_is_refused_by_everybody(tmp_path):
    journal = open_journal(tmp_path, leader="L")
    journal.mark("version", "99")
    journal.close()
    for act in (
        lambda: open_journal(tmp_path, leader="L"),
        lambda: put_command(tmp_path, "kill", at=1),
        lambda: JournalReader(tmp_path),
    ):
        with pytest.raises(StoreRefused, match="newer"):
            act()


def test_a_folder_that_cannot_be_one_is_refused_with_the_mend(tmp_path):
    (tmp_path / "taken").write_text("a file")
    for act in (
        lambda: open_journal(tmp_path / "taken", leader="L"),
        lambda: open_journal(tmp_path / "taken" / "below", leader="L"),
        lambda: put_command(tmp_path / "taken", "kill", at=1),
    ):
        with pytest.raises(StoreUnusable, match=r"cannot be written.*store\.path"):
            act()


# --- faults --------------------------------------------------------------------------------------------------------


def test_scenario_7_7_a_process_that_is_killed_loses_nothing_it_had_said(tmp_path):
    said = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, CHILD, tmp_path, "write"], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(200):
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")
        said = int(rest[-2]) if len(rest) > 1 else said
        child.stdout.close()
        child.wait()
        journal = open_journal(tmp_path, leader="L")
        [account] = journal.records()["account"]
        journal.close()
        assert isinstance(account, Account)
        assert account.last_frame_at >= said
        assert counted(tmp_path) == (account.last_frame_at, account.last_frame_at)


def test_scenario_7_8_a_full_disk_is_told_and_mends_itself(tmp_path):
    child = subprocess.run(
        [sys.executable, CHILD, tmp_path, "full"], check=False, capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 0, child.stderr
    kept = int(child.stdout)
    assert counted(tmp_path) == (kept, kept)
    journal = open_journal(tmp_path, leader="L")
    assert [one.last_frame_at for one in journal.records()["account"]] == [kept]
    journal.close()


def filled(folder: Path) -> Path:
    journal = open_journal(folder, leader="L")
    journal.write([entry(number, account=str(number)) for number in range(2000)])
    journal.close()
    return folder / "journal.sqlite"


@pytest.mark.parametrize("damage", ["head", "middle", "text", "torn"])
def test_scenario_7_8_a_corrupted_journal_is_refused_with_the_way_to_restore_it(tmp_path, damage):
    path = filled(tmp_path)
    raw = bytearray(path.read_bytes())
    match damage:
        case "head":
            raw[:100] = b"\xa5" * 100
        case "middle":
            for page in range(1, len(raw) // 4096, 2):
                raw[page * 4096 : page * 4096 + 512] = b"\xa5" * 512
        case "text":
            raw[:] = b"this was a journal once\n" * 400
        case "torn":
            del raw[len(raw) // 2 :]
    path.write_bytes(raw)
    with pytest.raises(StoreUnusable, match=r"cannot be used: .*copyctl backup restore.*move journal\.sqlite\* away"):
        open_journal(tmp_path, leader="L")
    path.unlink()
    open_journal(tmp_path, leader="L").close()


def test_a_record_that_cannot_be_read_is_told_as_damage(tmp_path):
    filled(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        database.execute("UPDATE records SET body = '{' WHERE key = '7'")
    database.close()
    journal = open_journal(tmp_path, leader="L")
    with pytest.raises(StoreUnusable, match="cannot be used"):
        journal.records()
    journal.close()
    with pytest.raises(StoreUnusable, match="cannot be used"):
        JournalReader(tmp_path).records()


def test_scenario_7_8_a_journal_that_was_taken_away_under_a_run_takes_nothing_until_it_is_back(tmp_path):
    folder, path = tmp_path / "store", tmp_path / "store" / "journal.sqlite"
    journal = open_journal(folder, leader="L")
    journal.write([entry(1)])
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(JournalWriteError, match="taken away"):
        journal.write([entry(2)])
    with pytest.raises(JournalWriteError, match="taken away"):
        journal.mark("key", "value")
    (tmp_path / "elsewhere").rename(path)
    journal.write([entry(3)])
    journal.close()
    assert counted(folder) == (2, 2)


def test_a_refused_store_is_let_go_again(tmp_path):
    journal: Journal | None = None
    open_journal(tmp_path, leader="A").close()
    for _ in range(3):
        with pytest.raises(StoreRefused):
            open_journal(tmp_path, leader="B")
    assert not JournalReader(tmp_path).running
    journal = open_journal(tmp_path, leader="A")
    journal.close()
