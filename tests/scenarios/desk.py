"""The desk: a leader, followers, a broker and a running copyctl, for one scenario.

The broker is the simulator in a process of its own; the leader trades through the real ``dhanhq`` client; copyctl is
the real command in a process of its own, with a real store on disk. Nothing is replaced by a double.
"""

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml
from dhanhq import DhanContext, dhanhq
from typer.testing import CliRunner

from copyctl.cli.main import app
from tests import warm

PATIENCE_SECONDS = 30.0  # a bound for what must happen, not a measure of it
QUIET_SECONDS = 0.6  # for how long nothing may happen where nothing must
CALL = {"exchange_segment": "NSE_FNO", "security_id": "43210"}  # a NIFTY call, lot 65, about 101
PUT = {"exchange_segment": "NSE_FNO", "security_id": "43211"}
SHARE = {"exchange_segment": "NSE_EQ", "security_id": "2885"}  # RELIANCE, about 1402.50

HALF = {"strategy": "fixed_ratio", "ratio": 0.5}

Row = dict[str, Any]


def pick(row: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """Some fields of a row or of a request's body, to be compared at once."""
    return tuple(row[name] for name in names)


class Broker:
    """The simulator's process, and the door that moves its world. ``more``: flags of it."""

    def __init__(self, followers: int = 3, *more: str) -> None:
        names = ("alice", "bob", "carol")[:followers]
        flags = [word for name in names for word in ("--follower", name)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "copyctl.simulator", *flags, *more], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())
        self.accounts = {row["name"]: row for row in self.ready["accounts"]}
        self._address = urlsplit(self.ready["rest_url"]).netloc

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def tell(self, command: str, **fields: Any) -> Row:
        """One command of the control API."""
        return self._ask("POST", command, json.dumps(fields).encode())

    def ask(self, command: str, **query: Any) -> Any:
        """One question to the control API."""
        return self._ask("GET", f"{command}?{urlencode(query)}" if query else command, None)

    def forget(self, command: str) -> None:
        """Take back what was told with this command."""
        self._ask("DELETE", command, None)

    def _ask(self, method: str, command: str, body: bytes | None) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, f"/simulator/{command}", body)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            assert answer.status == 200, said
            return said
        finally:
            connection.close()


@dataclass
class Desk:
    """One scenario's world. ``policy`` and the other parts of the rules are written when copyctl starts.

    ``fresh``: each command is a new interpreter, never a fork of one that has loaded copyctl.
    """

    broker: Broker
    folder: Path
    followers: tuple[str, ...] = ("alice",)
    policy: Row = field(default_factory=dict)
    rules: Row = field(default_factory=dict)
    overrides: Mapping[str, Row] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    fresh: bool = False
    process: subprocess.Popen[str] | None = None
    since: int = 0

    def __post_init__(self) -> None:
        self.dhan = self.client("leader")
        self.http = self.dhan.dhan_http
        self.since = time.monotonic_ns()

    # --- copyctl ------------------------------------------------------------------------------------------------

    @property
    def rules_file(self) -> Path:
        return self.folder / "rules.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def write_rules(self) -> None:
        accounts = self.broker.accounts
        document: Row = {
            "version": 1,
            "name": "scenario",
            "broker": {
                "adapter": "dhan",
                "rest_url": self.broker.ready["rest_url"],
                "order_update_url": self.broker.ready["order_update_url"],
                "instruments": self.broker.ready["instruments_url"],
            },
            "store": {"path": str(self.store)},
            "leader": {"client_id": "${LEADER_CLIENT_ID}", "access_token": "${LEADER_ACCESS_TOKEN}"},
            "followers": [
                {
                    "name": name,
                    "client_id": accounts[name]["client_id"],
                    "access_token": f"${{{name.upper()}_ACCESS_TOKEN}}",
                    **({"enabled": False} if name in self.disabled else {}),
                    **({"policy": self.overrides[name]} if name in self.overrides else {}),
                }
                for name in self.followers
            ],
            "policy": {
                "sizing": {"strategy": "fixed_ratio", "ratio": 1},
                "market_hours": {"enforce": False},  # the simulator is open day and night
                "checks": {"margin": False, "price_band": "none"},  # a scenario that is about them asks for them
                **self.policy,
            },
            "resilience": {
                "reconnect": {"initial": "50ms", "maximum": "500ms"},
                "retries": {"attempts": 5, "initial": "50ms", "maximum": "500ms"},
                "settle": {"absent_for": "1s", "give_up": "4s"},
                "sweep": "1s",
                "request_timeout": "2s",
            },
        }
        for key, value in self.rules.items():
            document[key] = {**document[key], **value} if isinstance(document.get(key), dict) else value
        self.rules_file.write_text(yaml.safe_dump(document, sort_keys=False))

    @property
    def environment(self) -> dict[str, str]:
        accounts = self.broker.accounts
        said = {f"{name.upper()}_ACCESS_TOKEN": row["access_token"] for name, row in accounts.items()}
        return {**os.environ, "LEADER_CLIENT_ID": accounts["leader"]["client_id"], **said}

    def start(self, *flags: str, ready: bool = True, program: tuple[str, ...] = ("-m", "copyctl")) -> None:
        """Start ``copyctl run``, and wait until it listens."""
        self.write_rules()
        self.log = (self.folder / "run.log").open("a")
        self.process = warm.start(
            [*program, "run", "--rules", str(self.rules_file), *flags],
            self.environment,
            fresh=self.fresh,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        if ready:
            self.eventually(self.listens, "copyctl listens")

    def listens(self) -> bool:
        process = self.process
        assert process is not None
        assert process.poll() is None, f"copyctl ended with {process.returncode}: {self.output()}"
        rows = self.broker.ask("accounts")["accounts"]
        if not {row["name"] for row in rows if row["connections"]} >= {"leader", *self.followers}:
            return False
        return self._up(self.status())

    @staticmethod
    def _up(status: Row) -> bool:
        return status["state"] == "running" and bool(status["leader"]["connected"])

    def output(self) -> str:
        return (self.folder / "run.log").read_text()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait until copyctl has ended; the exit code."""
        assert self.process is not None
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._ended()
        return code

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.ended()

    def _ended(self) -> None:
        self.process = None
        self.log.close()

    def close(self) -> None:
        if self.process is not None:
            self.kill()

    def command(self, *words: str, check: bool = True, rules: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Another copyctl command on the same rules, or others."""
        done = warm.finish(
            ["-m", "copyctl", *words, "--rules", str(rules or self.rules_file)],
            self.environment,
            fresh=self.fresh,
            timeout=PATIENCE_SECONDS,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def look(self, *words: str) -> str:
        """What a command that only reads prints; run in this process, because it is asked for again and again."""
        said = CliRunner().invoke(app, [*words, "--rules", str(self.rules_file)], env=self.environment)
        assert said.exit_code == 0, said.stderr
        return said.stdout

    # --- what is to be seen --------------------------------------------------------------------------------------

    def copies(self, **where: Any) -> list[Row]:
        """The rows of ``copyctl orders``."""
        rows = json.loads(self.look("orders", "--format", "json"))["copies"]
        return [row for row in rows if all(row[key] == value for key, value in where.items())]

    def copy(self, order_id: str, follower: str = "alice") -> Row:
        (row,) = self.copies(leader_order_id=order_id, follower=follower)
        return row

    def status(self) -> Row:
        """What ``copyctl status`` says."""
        return dict(json.loads(self.look("status")))

    def calls(self, account: str = "alice", *kinds: str) -> list[Row]:
        """The follower's calls that change something, in the order in which the broker got them."""
        rows = self.broker.ask("requests", account=account)
        rows = rows["requests"] if isinstance(rows, dict) else rows
        changing = [row for row in rows if row["method"] in ("POST", "PUT", "DELETE") and "/orders" in row["path"]]
        return [row for row in changing if not kinds or row["method"] in kinds]

    def book(self, account: str = "alice") -> list[Row]:
        """The orders of an account as the broker has them."""
        rows = self.broker.ask("orders", account=account)
        return list(rows["orders"] if isinstance(rows, dict) else rows)

    def only(self, account: str = "alice") -> Row:
        """The account's one order."""
        (row,) = self.book(account)
        return row

    def net(self, account: str = "alice", security_id: str = "43210") -> int:
        """What an account has of an instrument, as the broker counts it."""
        rows = self.broker.ask("positions", account=account)["positions"]
        return sum(int(row["netQty"]) for row in rows if row["securityId"] == security_id)

    def order(self, order_id: str, account: str = "leader") -> Row:
        """One order of an account as the broker has it."""
        (row,) = [row for row in self.book(account) if row["orderId"] == order_id]
        return row

    def reaches(self, status: str, account: str = "alice", order_id: str = "") -> Row:
        """Wait until the account's newest order (or this one) has that status at the broker."""

        def reached() -> Row | None:
            row = self.order(order_id, account) if order_id else self.book(account)[-1]
            return row if row["orderStatus"] == status else None

        found: Row = self.eventually(reached, f"{account}'s order is {status}")
        return found

    def follows(self, order_id: str, follower: str = "alice", **wanted: Any) -> Row:
        """Wait until ``copyctl orders`` says this of the copy of a leader order; its row."""

        def told() -> Row | None:
            row = self.copy(order_id, follower)
            return row if all(row[key] == value for key, value in wanted.items()) else None

        found: Row = self.eventually(told, f"the copy of {order_id} for {follower} is {wanted}")
        return found

    def verbs(self, account: str = "alice") -> list[str]:
        """What was asked of the broker for an account: place, modify, cancel, in order of arrival."""
        words = {"POST": "place", "PUT": "modify", "DELETE": "cancel"}
        return [words[row["method"]] for row in self.calls(account)]

    def asked(self, which: int = -1, account: str = "alice") -> Row:
        """The body of one of those calls, the last unless told otherwise."""
        return dict(self.calls(account)[which]["body"])

    def bodies(self, account: str = "alice") -> list[Row]:
        """The bodies of an account's placements."""
        return [dict(row["body"]) for row in self.calls(account, "POST")]

    def heard(self, *verbs: str, account: str = "alice") -> None:
        """These calls, in this order, and no other one even a while later."""
        self.eventually(lambda: len(self.verbs(account)) >= len(verbs), f"{account}: {verbs}")
        self.quiet()
        assert self.verbs(account) == list(verbs), self.describe()

    def told_at(self, word: str, order_id: str, account: str = "alice") -> int:
        """When the broker first told of an order with this word (monotonic ns)."""
        frames = self.broker.ask("frames", account=account)["frames"]
        return min(row["monotonic_ns"] for row in frames if order_id in row["frame"] and f'"{word}"' in row["frame"])

    def events(self, event: str = "", **where: Any) -> list[Row]:
        """The lines of ``copyctl events``."""
        rows = [json.loads(line) for line in self.look("events").splitlines()]
        return [row for row in rows if event in ("", row["event"]) and all(row[k] == v for k, v in where.items())]

    def alerts(self, words: str) -> list[Row]:
        """The alerts that say these words."""
        return [row for row in self.events("alert") if words in row["text"]]

    # --- the leader ------------------------------------------------------------------------------------------------

    def place(self, **changes: Any) -> str:
        """The leader places a BUY LIMIT of two lots well under the market, unless told otherwise; its order id."""
        wanted = {
            **CALL,
            "transaction_type": "BUY",
            "quantity": 130,
            "order_type": "LIMIT",
            "product_type": "INTRADAY",
            "price": 90,
            **changes,
        }
        answer = self.dhan.place_order(**wanted)
        assert answer["status"] == "success", answer
        return str(answer["data"]["orderId"])

    def client(self, account: str) -> dhanhq:
        """The real client, as this account."""
        row = self.broker.accounts[account]
        context = DhanContext(row["client_id"], row["access_token"])
        context.dhan_http.base_url = self.broker.ready["rest_url"]
        context.dhan_http.timeout = PATIENCE_SECONDS
        return dhanhq(context)

    def by_hand(self, account: str, **changes: Any) -> str:
        """Somebody places an order in the app; its order id."""
        order = {"exchangeSegment": "NSE_FNO", "securityId": "43210", "transactionType": "BUY", "quantity": 130,
                 "orderType": "LIMIT", "productType": "INTRADAY", "price": 90, **changes}  # fmt: skip
        return str(self.broker.tell("place", account=account, order=order)["order_id"])

    def modify(self, order_id: str, account: str = "leader", **changes: Any) -> None:
        wanted = {
            "order_type": "LIMIT",
            "leg_name": None,
            "quantity": 130,
            "price": 90,
            "trigger_price": 0,
            "disclosed_quantity": 0,
            "validity": "DAY",
            **changes,
        }
        answer = self.client(account).modify_order(order_id, **wanted)
        assert answer["status"] == "success", answer

    def cancel(self, order_id: str) -> None:
        answer = self.dhan.cancel_order(order_id)
        assert answer["status"] == "success", answer

    def look_again(self, account: str = "alice", times: int = 1) -> None:
        """Wait until an account's books were read so many times more."""

        def reads() -> int:
            rows = self.broker.ask("requests", account=account)["requests"]
            return sum(1 for row in rows if row["method"] == "GET" and row["path"].startswith("/trades"))

        before = reads()
        self.eventually(lambda: reads() > before + times, f"{account}'s books are read")

    def settings(self, account: str | None = None, **switches: Any) -> None:
        """How the broker behaves towards an account, or towards all."""
        self.broker.tell("settings", **switches, **({"account": account} if account else {}))

    def frame(self, raw: str | bytes, account: str = "leader") -> None:
        """These very bytes, as a frame of an account's stream."""
        packed = {"raw_base64": base64.b64encode(raw).decode()} if isinstance(raw, bytes) else {"raw": raw}
        self.broker.tell("stream", account=account, action="send", **packed)

    def fault(self, kind: str, method: str = "POST", account: str = "alice", **rule: Any) -> None:
        """What goes wrong with requests of an account that change orders."""
        self.broker.tell("faults", kind=kind, account=account, method=method, path="^/orders", **rule)

    def mend(self) -> None:
        """Nothing goes wrong with requests any more."""
        self.broker.forget("faults")

    def make(self, status: str, account: str = "alice", order_id: str = "", reason: str = "") -> None:
        """What the exchange, the risk desk or a person makes of an order: CANCELLED, REJECTED, EXPIRED, ..."""
        wanted = order_id or self.book(account)[-1]["orderId"]
        self.broker.tell("status", account=account, order_id=wanted, status=status, reason=reason)

    def price(self, last_price: float, **instrument: str) -> None:
        self.broker.tell("price", **{**CALL, **instrument}, last_price=last_price)

    def fill(self, account: str, order_id: str, quantity: int, price: float) -> None:
        """One execution of an order, whatever the market does."""
        self.broker.tell("fill", account=account, order_id=order_id, quantity=quantity, price=price)

    def long_ago(self) -> None:
        """What is done from now on is dated well before ``late.max_age``, until ``today``."""
        self.broker.tell("clock", offset_seconds=-20)

    def today(self) -> None:
        self.broker.tell("clock", offset_seconds=0)

    # --- time --------------------------------------------------------------------------------------------------------

    def eventually(self, holds: Callable[[], Any], what: str = "it holds") -> Any:
        """Wait until something holds; what it returned."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(ValueError, KeyError, IndexError):
                said = holds()
                if said:
                    return said
            if time.monotonic() > ends:
                raise AssertionError(f"never: {what}\n{self.describe()}")
            time.sleep(0.05)

    def quiet(self) -> None:
        """Give whatever must not happen the time to happen."""
        time.sleep(QUIET_SECONDS)

    def describe(self) -> str:
        parts = [f"{name}: {json.dumps(self.book(name))}" for name in ("leader", *self.followers)]
        parts += [f"calls of {name}: {json.dumps(self.calls(name))}" for name in self.followers]
        with contextlib.suppress(AssertionError, OSError):
            parts.append(json.dumps(self.copies()))
        return "\n".join([*parts, self.output()[-4000:]])
