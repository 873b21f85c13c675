"""A deployment on disk: a rules file, and a store that the real conductor has written through the real journal."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from copyctl.cli.main import app
from copyctl.core.keys import key_of
from copyctl.edge.clock import SystemClock
from copyctl.edge.instruments import InstrumentMaster
from copyctl.edge.journal import Journal, open_journal
from copyctl.engine.conductor import Conductor
from copyctl.model.effects import Effect, Notice, ReadBooks, Send
from copyctl.model.events import (
    Answered,
    BooksRead,
    CommandGiven,
    Event,
    FrameRead,
    PolicyLoaded,
    Started,
    StreamChanged,
)
from copyctl.model.facts import Ask, FactArrived, Lack, PositionRow, Positions, PositionsWanted, Question
from copyctl.model.journal import Entry
from copyctl.model.order import ExecutionReport, Terms
from copyctl.model.records import TABLES, Change, Position, Record
from copyctl.model.request import Fate, Outcome, Request
from copyctl.model.terms import OrderStatus, OrderType, Product, Segment, Side, Source, Validity
from copyctl.report.moments import IST
from copyctl.rules import read

LEADER, ALICE, BOB = "1100000001", "1100000002", "1100000003"
PATIENCE_SECONDS = 30
MOST_TURNS = 200
TOKENS = {name: f"eyJ0b2tlbg.{name}-secret-token.c2ln" for name in ("LEADER", "ALICE", "BOB")}
ENVIRONMENT = {
    "LEADER_CLIENT_ID": LEADER,
    "ALICE_CLIENT_ID": ALICE,
    "BOB_CLIENT_ID": BOB,
    **{f"{name}_ACCESS_TOKEN": token for name, token in TOKENS.items()},
}
POLICY = {
    "sizing": {"strategy": "fixed_ratio", "ratio": 0.5},
    "market_hours": {"enforce": False},
    "checks": dict.fromkeys(("margin", "address"), False)
    | dict.fromkeys(("self_trade", "delivery"), "off")
    | {"price_band": "none"},
}
"""Half the leader's size at any hour, with nothing that only a broker could answer."""
BARE = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "SYSTEMROOT", "PYTHONPATH")}
"""An environment in which none of the rules' variables is set."""


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def process(*words: str, environment: Mapping[str, str] | None = None, given: str = "") -> Said:
    """The real command in a process of its own, with ``given`` on stdin."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "copyctl", *words],
        env={**BARE, **(environment or {})},
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def copyctl(*words: str, environment: Mapping[str, str] | None = None) -> Said:
    """The same command in this process, where one of its own would add nothing but time."""
    done = CliRunner().invoke(app, words, env=dict(environment or {}), prog_name="copyctl")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.exit_code, done.stdout, done.stderr)


def document(**changes: Any) -> dict[str, Any]:
    """A rules file for a leader and two followers, with some of its top keys replaced."""
    return {
        "version": 1,
        "name": "desk",
        "broker": {"adapter": "dhan", "rest_url": "http://127.0.0.1:9/v2", "order_update_url": "ws://127.0.0.1:9"},
        "store": {"path": "store"},
        "leader": {"client_id": "${LEADER_CLIENT_ID}", "access_token": "${LEADER_ACCESS_TOKEN}"},
        "followers": [
            {
                "name": name,
                "client_id": f"${{{name.upper()}_CLIENT_ID}}",
                "access_token": f"${{{name.upper()}_ACCESS_TOKEN}}",
                **own,
            }
            for name, own in (("alice", {}), ("bob", {"policy": {"sizing": {"ratio": 0.001}}}))
        ],
        "policy": POLICY,
        **changes,
    }


def _table(record: Record) -> str:
    return next(name for name, kind in TABLES.items() if isinstance(record, kind))


def held(here: Position) -> PositionRow:
    """A position as the broker shows it."""
    return PositionRow(
        segment=here.segment,
        security_id=here.security_id,
        product=here.product,
        symbol="",
        net=here.net,
        buy_quantity=max(0, here.traded),
        sell_quantity=max(0, -here.traded),
        carried=here.base,
        day_buy=max(0, here.traded),
        day_sell=max(0, -here.traded),
        buy_average=Decimal(0),
        sell_average=Decimal(0),
    )


@dataclass
class Desk:
    """``folder`` holds the rules file; its store is ``folder/store``."""

    folder: Path
    listened: list[Notice] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)
    journal: Journal | None = None

    def __post_init__(self) -> None:
        self.rules_file = self.folder / "rules.yaml"
        self.rules_file.write_text(yaml.safe_dump(document(), sort_keys=False))
        self.store = self.folder / "store"
        self.clock = SystemClock()

    # --- the run -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """What ``copyctl run`` does at its start, up to streams that are up and books that are read."""
        loaded = read(self.rules_file, ENVIRONMENT)
        self.journal = open_journal(self.store, leader=LEADER)
        self.journal.mark("followers", json.dumps({ALICE: "alice", BOB: "bob"}))
        self.journal.mark("running_since", datetime.now(IST).isoformat())
        self.conductor = Conductor(
            journal=self.journal,
            clock=self.clock,
            instruments=InstrumentMaster("none here"),
            perform=self._perform,
            listen=self.listened.append,
        )
        now = self.clock.now()
        document = loaded.document
        self.post(PolicyLoaded(at=now, digest=document.digest, document=document.text, rules=loaded.rules))
        self.post(Started(at=now))
        for account in (LEADER, ALICE, BOB):
            self.post(BooksRead(at=self.clock.now(), account=account, asked_at=self.clock.now()))
            self.post(StreamChanged(at=self.clock.now(), account=account, up=True))

    def keep(self, *records: Record, notices: tuple[Notice, ...] = ()) -> None:
        """What an earlier run has left in the store."""
        changes = tuple(Change(table=_table(one), key=key_of(one), record=one) for one in records)
        journal = open_journal(self.store, leader=LEADER)
        journal.mark("followers", json.dumps({ALICE: "alice", BOB: "bob"}))
        journal.write([Entry(event=Started(at=self.clock.now()), changes=changes, notices=notices)])
        journal.close()

    def stop(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal = None

    def post(self, event: Event) -> None:
        self.conductor.post(event)
        for _ in range(MOST_TURNS):
            if self.conductor.idle:
                return
            assert self.conductor.turn()
        raise AssertionError(f"it never comes to rest after {event}")

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            self.sent.append(effect.approved.request)
        elif isinstance(effect, Ask):
            self._answer(effect.question)
        elif isinstance(effect, ReadBooks):
            now = self.clock.now()
            self.conductor.post(BooksRead(at=now, account=effect.account, asked_at=now))  # nothing new in them

    def _answer(self, question: Question) -> None:
        """Everybody holds what has traded here and nothing else; no other figure is to be had."""
        now = self.clock.now()
        if isinstance(question, PositionsWanted):
            here = [one for one in self.conductor.state.tables["position"].values() if isinstance(one, Position)]
            rows = tuple(held(one) for one in here if one.account == question.account)
            fact = Positions(account=question.account, as_of=now, rows=rows)
            self.conductor.post(FactArrived(at=now, account=question.account, question=question, fact=fact))
        else:
            lack, why = Lack.UNAVAILABLE, "not to be had here"
            self.conductor.post(FactArrived(at=now, account=question.account, question=question, why=why, lack=lack))

    def take_commands_in(self) -> int:
        """What the run does four times a second."""
        assert self.journal is not None
        commands = self.journal.commands()
        for one in commands:
            self.post(
                CommandGiven(
                    at=self.clock.now(),
                    command_id=one.command_id,
                    command=one.command,
                    account=one.account,
                    reason=one.reason,
                    actions=one.actions,
                )
            )
        return len(commands)

    # --- the market ----------------------------------------------------------------------------------------------

    def report(self, account: str, order_id: str, status: OrderStatus, **changes: Any) -> None:
        """A frame of an account's stream: 100 shares to buy at 1400, unless told otherwise."""
        now = self.clock.now()
        terms = Terms(
            order_type=OrderType.LIMIT,
            validity=Validity.DAY,
            quantity=changes.pop("quantity", 100),
            price=Decimal(changes.pop("price", "1400")),
        )
        told = ExecutionReport(
            account=account,
            order_id=order_id,
            source=Source.STREAM,
            as_of=now,
            broker_time=now,
            created_time=now,
            status=status,
            terms=terms,
            average_price=Decimal(changes.pop("average", "0")),
            **{
                "side": Side.BUY,
                "segment": Segment.NSE_EQ,
                "security_id": "2885",
                "product": Product.INTRADAY,
                **changes,
            },
        )
        self.post(FrameRead(at=now, account=account, raw=b"{}", reports=(told,)))

    def acknowledge(self, order_id: str) -> Request:
        """The broker takes the oldest request that was not answered yet."""
        request = self.sent.pop(0)
        now = self.clock.now()
        outcome = Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(order_id,), left_at=now)
        self.post(Answered(at=now, request_id=request.request_id, outcome=outcome))
        return request

    def trade(self) -> None:
        """One leader order: alice copies 50 of his 100 at a rupee more, bob's share is too small for one."""
        self.report(LEADER, "L1", OrderStatus.PENDING)
        self.acknowledge("F1")
        self.report(LEADER, "L1", OrderStatus.TRADED, filled=100, average="1400")
        self.report(ALICE, "F1", OrderStatus.TRADED, quantity=50, filled=50, average="1401")

    # --- the command line ----------------------------------------------------------------------------------------

    def run(self, command: str, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """A command on this deployment."""
        return copyctl(command, "--rules", str(self.rules_file), *words, environment=environment)

    def apart(self, command: str, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """The same in a process of its own."""
        return process(command, "--rules", str(self.rules_file), *words, environment=environment)

    def json(self, command: str, *words: str) -> Any:
        """What a command says, and nothing but that on stdout."""
        done = self.run(command, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def eventually(holds: Any) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, "it never held"
        time.sleep(0.02)
