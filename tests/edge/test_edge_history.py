"""The history keeps what the broker said of the past: once, durably, beside others, and readable by number."""

import os
import sqlite3
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from history_child import SEPTEMBER, progress, trade
from msgspec.structs import replace

from copyctl.edge.history import History, HistoryReader
from copyctl.edge.journal import open_journal
from copyctl.edge.journal_file import StoreRefused, StoreUnusable
from copyctl.model.history import Charges, Kept, PastTrade
from copyctl.model.order import ExecutionReport, Terms
from copyctl.model.terms import Leg, OrderStatus, OrderType, Source, Validity

CHILD = Path(__file__).with_name("history_child.py")
ORDER = ExecutionReport(
    account="A",
    order_id="O1",
    source=Source.BOOK,
    as_of=5,
    status=OrderStatus.PENDING,
    terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=10, price=Decimal("99.5")),
    last_price=Decimal(100),
)


def trades(folder: Path, after: int = 0) -> list[tuple[int, PastTrade]]:
    reader = HistoryReader(folder)
    found = [
        (seq, msgspec.json.decode(body, type=PastTrade)) for seq, account, _, body in reader.trades(after) if account
    ]
    reader.close()
    return found


def orders(folder: Path) -> list[tuple[int, str, ExecutionReport]]:
    reader = HistoryReader(folder)
    found = [(seq, key, msgspec.json.decode(body, type=ExecutionReport)) for seq, _, key, body in reader.orders()]
    reader.close()
    return found


def child(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    words = [sys.executable, str(CHILD), str(folder), str(first), str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_history_that_does_not_exist_yet_is_empty_and_may_come(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    reader = HistoryReader(folder)
    assert not reader.exists
    assert (list(reader.trades()), list(reader.orders()), reader.identity) == ([], [], "")
    assert not folder.exists()
    history = History(folder)
    history.keep(trades=[trade(1)])
    assert reader.exists
    assert [key for _, _, key, _ in reader.trades()] == ["NSE_EQ:1:BUY"]
    history.close()
    reader.close()


def test_a_history_that_is_being_made_is_empty_still(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").touch()
    reader = HistoryReader(tmp_path)
    assert not reader.exists
    History(tmp_path).close()
    assert reader.exists
    reader.close()


def test_it_is_readable_by_its_owner_alone_and_leaves_the_journal_alone(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    journal = open_journal(folder, leader="L")
    before = set(os.listdir(folder))
    history = History(folder)
    history.keep(trades=[trade(1)])
    history.close()
    journal.close()
    assert set(os.listdir(folder)) - before == {"history.sqlite"}
    assert stat.S_IMODE((folder / "history.sqlite").stat().st_mode) == 0o600


def test_what_says_nothing_new_is_not_written_again_and_what_does_stands_at_the_end(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.keep(trades=[trade(1), trade(2)]) == Kept(new=2)
    assert history.keep(trades=[trade(1), trade(2)]) == Kept()
    [(first, _), (last, _)] = trades(tmp_path)
    costly = replace(trade(1), charges=Charges(stt=Decimal("1.5")))
    assert history.keep(trades=[costly, trade(3)]) == Kept(new=1, changed=1)
    assert history.keep(trades=[trade(1)]) == Kept()  # the day's book forgets no charges
    assert [one for _, one in trades(tmp_path, last)] == [costly, trade(3)]
    numbers = [seq for seq, _ in trades(tmp_path)]
    assert numbers == sorted(numbers)
    assert first not in numbers
    history.close()


def test_one_trade_id_of_two_days_are_two_trades(tmp_path: Path) -> None:
    history = History(tmp_path)
    tomorrow = replace(trade(1), order_id="O9")
    assert history.keep(trades=[trade(1), tomorrow]) == Kept(new=2)
    assert [one for _, one in trades(tmp_path)] == [trade(1), tomorrow]
    history.close()


def test_of_an_order_the_newer_look_counts_and_the_market_makes_it_no_other(tmp_path: Path) -> None:
    history = History(tmp_path)
    target = replace(ORDER, leg=Leg.TARGET)
    assert history.keep(orders=[ORDER, target]) == Kept(new=2)
    assert history.keep(orders=[replace(ORDER, as_of=6, last_price=Decimal(101))]) == Kept()
    traded = replace(ORDER, as_of=8, status=OrderStatus.TRADED, filled=10)
    assert history.keep(orders=[traded]) == Kept(changed=1)
    assert history.keep(orders=[replace(ORDER, as_of=7)]) == Kept()  # asked for earlier, kept later
    assert [(key, one) for _, key, one in orders(tmp_path)] == [("O1:TARGET_LEG", target), ("O1:ENTRY_LEG", traded)]
    history.close()


def test_money_and_words_are_kept_as_text(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(trades=[replace(trade(1), charges=Charges(gst=Decimal("0.10")))])
    reader = HistoryReader(tmp_path)
    [(_, account, _, body)] = reader.trades()
    found = msgspec.json.decode(body)
    assert (account, found["price"], found["side"], found["charges"]["gst"]) == ("A", "1402.5", "BUY", "0.10")
    reader.close()
    history.close()


def test_progress_is_kept_with_its_page_and_forgotten_when_it_is_old_or_done_with(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(trades=[trade(1)], progress=progress(1, at=10))
    history.keep(progress=progress(2, at=11))
    assert history.progress("A", 0) == [progress(2, at=11)]
    assert history.progress("B", 0) == history.progress("A", 12) == []
    history.complete("A", [])
    assert history.progress("A", 11) == [progress(2, at=11)]
    reader = HistoryReader(tmp_path)
    assert not reader.was_read("A", SEPTEMBER.first)
    history.complete("A", [SEPTEMBER])
    assert history.progress("A", 0) == []
    assert reader.was_read("A", SEPTEMBER.first)
    assert reader.was_read("A", SEPTEMBER.last)
    assert not reader.was_read("A", SEPTEMBER.last.replace(month=SEPTEMBER.last.month + 1))
    assert not reader.was_read("B", SEPTEMBER.first)
    reader.close()
    history.close()


def test_two_at_once_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"  # both make it, too
    both = [child(folder, 0, 60), child(folder, 40, 60)]
    reader, seen = HistoryReader(folder), {}
    last = 0
    while any(one.poll() is None for one in both) or list(reader.trades(last)):
        for seq, _, key, _ in reader.trades(last):
            seen[key] = seen.get(key, 0) + 1
            last = seq
    reader.close()
    said = [one.communicate() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    new = sum(int(line.split()[1]) for out, _ in said for line in out.splitlines())
    assert new == len(trades(folder)) == 300
    assert len(seen) == 300  # whoever reads by number beside them misses none, and
    assert set(seen.values()) == {1}  # gets none twice


def test_a_kill_in_the_middle_costs_no_page_that_was_said(tmp_path: Path) -> None:
    for _ in range(3):
        began = len(trades(tmp_path)) // 3
        one = child(tmp_path, began, 0)
        assert one.stdout is not None
        said = [int(one.stdout.readline().split()[0]) for _ in range(20)][-1]
        one.kill()
        one.communicate()
        found = [int(each.trade_id) for _, each in trades(tmp_path)]
        assert found == list(range(len(found)))  # whole pages, none missing
        assert len(found) % 3 == 0
        assert len(found) >= 3 * (said + 1)
        history = History(tmp_path)
        assert history.progress("A", 0) == [progress(len(found) // 3)]
        history.close()


def test_a_torn_tail_costs_the_torn_page(tmp_path: Path) -> None:
    one = child(tmp_path, 0, 0)
    assert one.stdout is not None
    for _ in range(10):
        one.stdout.readline()
    one.kill()
    one.communicate()
    log = tmp_path / "history.sqlite-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)
    found = [int(each.trade_id) for _, each in trades(tmp_path)]
    assert found == list(range(len(found)))
    assert len(found) >= 3 * 9
    history = History(tmp_path)
    assert history.keep(trades=[trade(len(found))]) == Kept(new=1)
    history.close()


def test_a_history_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    History(tmp_path).close()
    with sqlite3.connect(tmp_path / "history.sqlite") as database:
        database.execute("UPDATE meta SET value = '2' WHERE key = 'version'")
    database.close()
    for use in (History, HistoryReader):
        with pytest.raises(StoreRefused, match="newer copyctl"):
            use(tmp_path)


def test_a_damaged_history_says_what_is_lost_with_it(tmp_path: Path) -> None:
    History(tmp_path).close()
    (tmp_path / "history.sqlite").write_bytes(b"no database at all" * 400)
    for use in (History, HistoryReader):
        with pytest.raises(StoreUnusable, match="orders of days that are over do not"):
            use(tmp_path)


def test_a_damaged_row_is_no_row(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(trades=[trade(1)])
    with sqlite3.connect(tmp_path / "history.sqlite") as database:
        database.execute("UPDATE trades SET body = '{'")
    database.close()
    with pytest.raises(StoreUnusable, match="a row is damaged"):
        history.keep(trades=[trade(1)])
    assert history.keep(trades=[trade(2)]) == Kept(new=1)
    history.close()


def test_another_file_has_another_identity(tmp_path: Path) -> None:
    History(tmp_path / "one").close()
    History(tmp_path / "two").close()
    one, again, two = (HistoryReader(tmp_path / name) for name in ("one", "one", "two"))
    assert one.identity == again.identity != two.identity
    for reader in (one, again, two):
        reader.close()


def test_a_copy_is_kept_of_it_and_can_take_its_place(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(trades=[trade(1)])
    copied = history.back_up()
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    history.keep(trades=[trade(2)])
    assert history.back_up() == copied
    history.close()
    assert [one.name for one in copied.parent.iterdir()] == ["history.sqlite"]
    for file in tmp_path.glob("history.sqlite*"):
        file.write_bytes(b"no database at all" * 500)
    for file in tmp_path.glob("history.sqlite-*"):
        file.unlink()
    with pytest.raises(StoreUnusable, match=r"backups/history\.sqlite"):
        History(tmp_path)
    copied.rename(tmp_path / "history.sqlite")
    reader = HistoryReader(tmp_path)
    assert len(list(reader.trades())) == 2
    reader.close()


def test_a_copy_that_cannot_be_made_is_told_and_the_history_stays(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("in the way")
    history = History(tmp_path)
    history.keep(trades=[trade(1)])
    with pytest.raises(StoreUnusable, match="cannot be written"):
        history.back_up()
    history.close()
    reader = HistoryReader(tmp_path)
    assert len(list(reader.trades())) == 1
    reader.close()
