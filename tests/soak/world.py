"""The soak's world: a broker, a run of copyctl, their clocks, their tokens, and the nights between trading days."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from copyctl.edge import trading_days
from copyctl.edge.tokens import replace_token
from copyctl.simulator.clock import IST
from tests.scenarios.desk import PATIENCE_SECONDS, Broker, Desk
from tests.soak.shifted_run import AHEAD

RATIOS = {"alice": 1.0, "bob": 0.5, "carol": 0.5}
SWITCHES = {"transit_ms": 1, "rate_limits": {}}
"""The broker's: a short way to the exchange, and no limits of rate, for a day is pressed into a minute."""

RATE_LIMITS = {
    "orders": {"per_second": 5_000, "per_minute": 300_000, "per_hour": 1_000_000, "per_day": 1_000_000},
    "other": {"per_second": 1_000},
}
"""copyctl's, likewise."""

RESILIENCE = {
    "request_timeout": "5s",
    "heartbeat": "10s",
    "sweep": "2s",
    "reconnect": {"initial": "50ms", "maximum": "500ms"},
    "retries": {"attempts": 8, "initial": "50ms", "maximum": "1s"},
    "settle": {"absent_for": "1s", "give_up": "10s"},
}
IN_TRANSIT = "Order is in Transit state"
IDLE_SECONDS = 20.0
"""After so long the broker may have closed a kept connection."""

QUIET_SECONDS = 0.5
PACE_SECONDS = 0.012
"""The leader's calls are so far apart at least: what is measured is not a queue that he made all at once."""

REST_SECONDS = 6.0
"""After so long without an order the run is at rest: idle connections are closed, the write-ahead log is moved."""

OPENS, CLOSED, EARLY = day_time(9, 15), day_time(15, 45), day_time(8, 50)
Row = dict[str, Any]


class Differ(Exception):
    """Leader and followers do not agree; each argument says in what."""


class Refused(Exception):
    """The broker did not do what the leader or the soak asked."""


class Line:
    """A kept connection to the broker: the control API, and the leader's orders as any client would send them."""

    def __init__(self, rest_url: str) -> None:
        parts = urlsplit(rest_url)
        self._prefix = parts.path
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        self._used_at = 0.0
        self.token = self.client_id = ""

    def control(self, method: str, command: str, fields: Mapping[str, Any] | None = None) -> Row:
        return self._said(method, f"/simulator/{command}", fields, {})

    def order(self, method: str, path: str, **fields: Any) -> Row:
        """A call that changes the leader's orders; again while the order is on its way to the exchange."""
        body = {"dhanClientId": self.client_id, **fields}
        headers = {"access-token": self.token, "Content-Type": "application/json"}
        time.sleep(max(0.0, self._used_at + PACE_SECONDS - time.monotonic()))
        while True:
            try:
                return self._said(method, f"{self._prefix}{path}", body, headers)
            except Refused as refused:
                if IN_TRANSIT not in str(refused):
                    raise
                time.sleep(0.002)

    def _said(self, method: str, path: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Row:
        """Raises Refused."""
        body = None if fields is None else json.dumps(fields)
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()
        self._used_at = time.monotonic()
        self._connection.request(method, path, body, dict(headers))
        answer = self._connection.getresponse()
        said = json.loads(answer.read() or b"{}")
        if answer.status >= 300:
            raise Refused(f"{method} {path} {body}: {answer.status} {said}")
        return dict(said)


class World:
    """All of it. ``leak``: what the run leaves behind on purpose."""

    def __init__(self, folder: Path, followers: int, leak: str) -> None:
        self.folder = folder
        self.names = tuple(RATIOS)[:followers]
        self.days = _days_to_come(folder / "store")
        self.today = self.days[0]
        self._clock = folder / "clock"
        self._leak = leak
        ahead = self._ahead_of(self.today, OPENS)
        self.broker = Broker(followers, "--clock-offset", str(ahead))
        self.line = Line(self.broker.ready["rest_url"])
        self.line.client_id = self.broker.accounts["leader"]["client_id"]
        self.line.control("POST", "settings", SWITCHES)
        self.desk = Desk(broker=self.broker, folder=folder, followers=self.names, fresh=True)  # its memory is measured
        self.desk.rules = self._rules()
        self.desk.policy = {"market_hours": {"enforce": True}}
        self._clock.write_bytes(AHEAD.pack(int(ahead * 1e9)))
        self.new_tokens()

    def close(self) -> None:
        self.desk.close()
        self.broker.stop()

    # --- the run ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        program = (str(Path(__file__).with_name("shifted_run.py")), str(self._clock), self._leak)
        self.desk.start(program=program)

    @property
    def process(self) -> int:
        assert self.desk.process is not None
        return self.desk.process.pid

    def reload(self, **resilience: str) -> None:
        """Other rules for the run that goes on; a new ``heartbeat`` or ``request_timeout`` connects everything anew."""
        self.desk.rules["resilience"] |= resilience
        self.desk.write_rules()
        self.desk.command("reload")

    def _rules(self) -> Row:
        def account(name: str) -> Row:
            token = "${file:" + str(self._token_file(name)) + "}"
            return {"client_id": self.broker.accounts[name]["client_id"], "access_token": token}

        return {
            "leader": account("leader"),
            "followers": [
                {
                    "name": name,
                    **account(name),
                    "policy": {"sizing": {"strategy": "fixed_ratio", "ratio": RATIOS[name]}},
                }
                for name in self.names
            ],
            "rate_limits": RATE_LIMITS,
            "resilience": dict(RESILIENCE),
        }

    # --- days ---------------------------------------------------------------------------------------------------------

    def at(self, moment: day_time) -> None:
        """It is this time of day now, for the broker and for copyctl. Nothing is on its way meanwhile, for a request
        that was on it would have been so for hours."""
        self.quiet()
        self._shift(moment)

    def _shift(self, moment: day_time) -> None:
        ahead = self._ahead_of(self.today, moment)
        self.line.control("POST", "clock", {"offset_seconds": ahead})
        with self._clock.open("r+b") as file:
            file.write(AHEAD.pack(int(ahead * 1e9)))

    def night(self, tomorrow: date) -> None:
        """The broker's books are closed, and the next trading day begins with new tokens, which the run finds."""
        self.line.control("POST", "day_change", {})
        self.today = tomorrow
        self._shift(EARLY)
        self.new_tokens()
        self.line.control("POST", "stream", {"action": "reset"})
        self.desk.eventually(self.desk.listens, "copyctl listens with its new tokens")
        time.sleep(REST_SECONDS)  # what it could not read meanwhile it reads now

    def new_tokens(self) -> None:
        """Every token dies; its successor stands in the file that the rules name."""
        for name in ("leader", *self.names):
            token = self.line.control("POST", "token", {"account": name, "action": "mint"})["access_token"]
            replace_token(self._token_file(name), token)
            self.broker.accounts[name]["access_token"] = token
        self.line.token = self.broker.accounts["leader"]["access_token"]

    def _token_file(self, name: str) -> Path:
        return self.folder / f"{name}.token"

    @staticmethod
    def _ahead_of(day: date, moment: day_time) -> float:
        """How far this moment of this day in India is ahead of now, in seconds."""
        return datetime.combine(day, moment, IST).timestamp() - time.time()

    # --- what is to be seen -------------------------------------------------------------------------------------------

    def frames(self) -> int:
        """How many frames the broker has told so far."""
        since = 1 << 62
        last = int(self.line.control("GET", f"frames?since={since}")["last"])
        return 0 if last == since else last

    def agrees(self) -> list[str]:
        """In what followers differ from the leader: how many orders rest, and what is held. Empty: in nothing."""
        resting = {row["name"]: row["open_orders"] for row in self.line.control("GET", "accounts")["accounts"]}
        held = self._held()
        return [
            f"{name}: {what}: {found} and not {wanted}"
            for name in self.names
            for what, found, wanted in (
                ("open orders", resting[name], resting["leader"]),
                ("positions", held.get(name, {}), _scaled(held.get("leader", {}), RATIOS[name])),
            )
            if found != wanted
        ]

    def resting_alike(self) -> list[str]:
        """The same of every term of all that rests: a look at whole books."""
        books = {name: self._resting(name) for name in ("leader", *self.names)}
        wanted = {
            name: Counter((*terms[:-1], terms[-1] * RATIOS[name]) for terms in books["leader"].elements())
            for name in self.names
        }
        return [
            f"{name}: rests {books[name]} and not {wanted[name]}" for name in self.names if books[name] != wanted[name]
        ]

    def _resting(self, name: str) -> Counter[tuple[Any, ...]]:
        fields = ("securityId", "transactionType", "productType", "orderType", "price", "triggerPrice", "quantity")
        rows = self.line.control("GET", f"orders?account={name}")["orders"]
        return Counter(
            tuple(row[each] for each in fields) for row in rows if row["orderStatus"] in ("PENDING", "PART_TRADED")
        )

    def _held(self) -> dict[str, dict[str, int]]:
        """Units by account and instrument."""
        held: dict[str, dict[str, int]] = {}
        for row in self.line.control("GET", "positions")["positions"]:
            if row["netQty"]:
                held.setdefault(row["account"], {})[f"{row['securityId']} {row['productType']}"] = row["netQty"]
        return held

    def settle(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until leader and followers agree.

        Raises:
            Differ: they do not.
        """
        ends = time.monotonic() + seconds
        while found := self.agrees():
            if self.desk.process is not None and self.desk.process.poll() is not None:
                raise Differ(f"copyctl ended with {self.desk.process.returncode}", *found)
            if time.monotonic() > ends:
                raise Differ(*found)
            time.sleep(0.02)

    def quiet(self) -> None:
        """Wait until they agree and nothing has been told for a while.

        Raises:
            Differ: they do not agree.
        """
        before = -1
        while (now := self.frames()) != before:
            before = now
            self.settle()
            time.sleep(QUIET_SECONDS)


def _scaled(held: Mapping[str, int], ratio: float) -> dict[str, int]:
    return {what: int(units * ratio) for what, units in held.items()}


def _days_to_come(store: Path) -> list[date]:
    """Trading days after today, kept where a run of copyctl finds them."""
    today = datetime.now(UTC).astimezone(IST).date()
    found = trading_days.find(store, "XBOM", today).days
    assert found is not None
    return [day for day in found.open_days if today < day < today + timedelta(days=40)]
