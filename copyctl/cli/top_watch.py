"""What ``top`` shows: a deployment's store, followed by its changes, and what reports say of it."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from copyctl.cli.deployment import Deployment, deployment, names_of
from copyctl.core.keys import key_of, order_key
from copyctl.edge import journal_file
from copyctl.edge.journal import StoreError
from copyctl.edge.journal_body import read_record
from copyctl.edge.journal_reader import JournalReader
from copyctl.edge.pulse import read_pulse
from copyctl.model.account import Account
from copyctl.model.effects import Notice
from copyctl.model.order import Order
from copyctl.model.records import Copy, LeaderOrder, Record, Spent
from copyctl.report.events import event
from copyctl.report.figures import milliseconds, rounded
from copyctl.report.followed import leader_order
from copyctl.report.letters import dead_letters
from copyctl.report.limits import limits_used
from copyctl.report.moments import SECOND, day_of, day_start, nanoseconds, told
from copyctl.report.orders import copies
from copyctl.report.picture import Records
from copyctl.report.status import Member, Run, frame_to_request, status
from copyctl.rules import RulesRefused, load

Row = dict[str, Any]
KEPT: Final = ("order", "leader_order", "copy", "account", "instrument", "spent")
"""The tables that the screen shows something of."""
SPENT_FOR: Final = 61
"""Minutes after which what was spent counts in no window of the rates."""
MOST_ALERTS: Final = 200
MOST_STEPS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look. ``status``: as ``copyctl status`` says it, its followers with ``refused_today``, ``profit`` (rupees,
    realised and unrealised, None: not known) and ``limits``; ``copies``: as ``copyctl orders`` says them, with
    ``latency_ms``, newest first; ``alerts``: newest first; ``alive_at``: when a run was last alive (ns), 0: not known;
    ``trouble``: why the store cannot be read, "" where it can."""

    now: int
    rules: str
    status: Row
    copies: Sequence[Row]
    alerts: Sequence[Row]
    letters: Sequence[Row]
    alive_at: int
    trouble: str


class Watch:
    """A deployment that is looked at again and again, all in one thread. Each look reads what is new and no more."""

    def __init__(self, rules_file: Path, *, dry_run: bool, shadow: bool) -> None:
        self._rules_file = rules_file
        self._open = contextlib.ExitStack()
        self._it: Deployment = self._open.enter_context(deployment(rules_file, dry_run=dry_run, shadow=shadow))
        self._file = _identity(self._it.folder / journal_file.FILE)
        self._last: Seen | None = None
        self._empty()

    def close(self) -> None:
        """Let the store go."""
        self._open.close()

    def look(self) -> Seen:
        """Read what is new, and tell how all of it stands now; while the store cannot be read, how it stood last.

        Raises:
            StoreError: it could not be read yet.
        """
        now = time.time_ns()
        try:
            self._follow_the_file()
            with self._it.journal.one_moment():
                self._read()
            self._last = self._seen(now)
        except (StoreError, ValueError) as fault:
            if self._last is None:
                raise
            self._last = replace(self._last, now=now, trouble=str(fault))
        return self._last

    def steps(self, order_id: str, follower: str) -> list[Notice]:
        """The lines about one order of the leader's and one follower (its name), oldest first."""
        found = self._it.journal.lines_with(order_id, MOST_STEPS)
        mine = ("", *(account for account, name in self._it.names.items() if name == follower))
        of_it = [one for one in found if leader_order(one.leader_order_id) == order_id and one.follower in mine]
        return of_it[::-1]

    def placements(self, order_id: str, follower: str) -> list[Copy]:
        """The copies behind one row, with all their placements."""
        of_it = self._copies.get(order_id, {}).values()
        return [one for one in of_it if self._it.names.get(one.follower, one.follower) == follower]

    def names(self) -> dict[str, str]:
        """Everybody's name by account."""
        return {**self._it.names, self._it.leader: "leader"}

    # --- reading ---------------------------------------------------------------------------------------------------

    def _empty(self) -> None:
        self._tables: dict[str, dict[str, Record]] = {name: {} for name in KEPT}
        self._copies: dict[str, dict[str, Copy]] = {}
        self._rows: dict[tuple[str, str], Row] = {}
        self._alerts: deque[Notice] = deque(maxlen=MOST_ALERTS)
        self._leads_of: dict[str, str] = {}
        self._seq = self._turn = self._line = self._day = 0

    def _follow_the_file(self) -> None:
        """A backup that is put back is another file of that name: open it in place of the one that was moved away."""
        file = _identity(self._it.folder / journal_file.FILE)
        if file is not None and file != self._file:
            self._it.journal.close()
            journal = JournalReader(self._it.folder)
            self._open.callback(journal.close)
            self._it = replace(self._it, journal=journal)
            self._file = file
            self._empty()

    def _read(self) -> None:
        """What is new. On a new day a run drops what is over: then all of it is read anew."""
        seq, today = self._it.journal.newest().seq, day_of(time.time_ns())
        if seq and (not self._seq or today != self._day):
            self._empty()
            self._load()
        elif seq > self._seq:
            self._follow()
        self._seq, self._day = seq, today

    def _load(self) -> None:
        journal = self._it.journal
        self._turn, self._line = journal.newest_turn(), journal.newest_line()
        self._alerts.extend(reversed(journal.lines_with('"event":"alert"', MOST_ALERTS)))
        self._renew_rules()
        records = journal.records()
        self._take((name, key_of(one), one) for name in KEPT for one in records[name])

    def _follow(self) -> None:
        journal, turn = self._it.journal, self._turn
        for seq, notice in journal.notices(self._line):
            self._line = seq
            if notice.event == "alert":
                self._alerts.append(notice)
            if notice.event == "state" and "policy" in notice.facts:
                self._renew_rules()
        new = []
        for written, table, key, body in journal.records_since(turn):
            self._turn = max(self._turn, written)
            if table in KEPT:
                new.append((table, key, read_record(table, key, body)))
        self._take(new)

    def _renew_rules(self) -> None:
        """Other rules were put in force, or a run wrote down who its followers are. A file that cannot be used by now
        changes nothing: it is not what the run goes by."""
        rules = self._it.rules
        with contextlib.suppress(RulesRefused):
            rules = load(self._rules_file, os.environ, offline=True)
        self._it = replace(self._it, rules=rules, names=names_of(self._it.journal, rules))

    def _take(self, new: Iterable[tuple[str, str, Record]]) -> None:
        """Take records in, and tell anew what they change."""
        changed: dict[str, None] = {}
        for table, key, one in new:
            self._tables[table][key] = one
            if isinstance(one, Copy):
                lead = leader_order(one.leader_order_id)
                self._copies.setdefault(lead, {})[key] = one
                self._leads_of.update({order_key(one.follower, slot.order_id): lead for slot in one.slots})
                changed[lead] = None
            elif isinstance(one, LeaderOrder):
                changed[one.order_id] = None
            elif isinstance(one, Order):
                changed[self._leads_of.get(order_key(one.account, one.order_id), one.order_id)] = None
        if changed:
            self._tell_anew([lead for lead in changed if lead in self._copies])

    def _tell_anew(self, leads: Sequence[str]) -> None:
        leader, orders, lead_orders = self._it.leader, self._tables["order"], self._tables["leader_order"]
        mine = [copy for lead in leads for copy in self._copies[lead].values()]
        keys = [order_key(leader, lead) for lead in leads]
        keys += [order_key(copy.follower, slot.order_id) for copy in mine for slot in copy.slots]
        few: Records = {
            "copy": mine,
            "order": [orders[key] for key in dict.fromkeys(keys) if key in orders],
            "leader_order": [lead_orders[lead] for lead in leads if lead in lead_orders],
            "instrument": list(self._tables["instrument"].values()),
        }
        for row in copies(few, self._it.names, leader=leader):
            parts = self.placements(row["leader_order_id"], row["follower"])
            took = next((taken for copy in parts for taken in frame_to_request(copy, 0)), None)
            self._rows[row["leader_order_id"], row["follower"]] = {**row, "latency_ms": milliseconds(took)}

    # --- telling ---------------------------------------------------------------------------------------------------

    def _seen(self, now: int) -> Seen:
        it = self._it
        self._forget_spent(now)
        records: Records = {name: list(rows.values()) for name, rows in self._tables.items()}
        dead = [one for one in records["copy"] if isinstance(one, Copy) and one.is_dead_letter]
        pulse = read_pulse(it.folder)
        return Seen(
            now=now,
            rules=it.rules.name,
            status=self._status(records, now),
            copies=sorted(self._rows.values(), key=lambda row: str(row["created_at"]), reverse=True),
            alerts=[event(one, it.names, it.leader) for one in reversed(self._alerts)],
            letters=dead_letters({"copy": dead}, it.names),
            alive_at=pulse.at if pulse is not None else 0,
            trouble="",
        )

    def _status(self, records: Records, now: int) -> Row:
        it = self._it
        began = it.journal.meta("running_since")
        run = Run(
            running=it.journal.running,
            now=now,
            since=nanoseconds(datetime.fromisoformat(began)) if began else 0,
            leader=it.leader,
            pulse=read_pulse(it.folder),
            waiting=it.journal.commands(),
            actions=it.rules.kill_switch.actions,
        )
        accounts = it.followers
        members = [Member(name=one.name, account=accounts[one.name], enabled=one.enabled) for one in it.rules.followers]
        document = status(records, run, members, it.rules.rate_limits)
        every = [one for one in records["copy"] if isinstance(one, Copy)]
        today = str(told(day_start(now)))
        for row, ruled in zip(document["followers"], it.rules.followers, strict=True):
            account = accounts[ruled.name]
            kept = self._tables["account"].get(account)
            known = kept if isinstance(kept, Account) else Account(account=account)
            mine = [one for one in every if one.follower == account]
            row["limits"] = limits_used(ruled.policy.limits, known, mine, now)
            row["profit"] = rounded(known.profit) if known.day == day_of(now) else None
            row["refused_today"] = sum(
                1
                for one in self._rows.values()
                if one["follower"] == ruled.name and one["decision"] == "refused" and str(one["created_at"]) >= today
            )
        return document

    def _forget_spent(self, now: int) -> None:
        oldest = now // (60 * SECOND) - SPENT_FOR
        spent = self._tables["spent"]
        for key in [key for key, one in spent.items() if isinstance(one, Spent) and one.minute < oldest]:
            del spent[key]


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file has this name now; None where none has."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
