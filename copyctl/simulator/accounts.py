"""Who trades here, and with which credentials?

Client ids and tokens are invented. A token has the shape of Dhan's (three dotted parts, `exp` readable in the middle)
and is worth nothing anywhere else.
"""

import base64
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from copyctl.simulator.bars import Bar
from copyctl.simulator.bracket import Bracket
from copyctl.simulator.clock import Clock
from copyctl.simulator.exit_rule import ExitRule
from copyctl.simulator.forever import Forever
from copyctl.simulator.ledger import Ledger
from copyctl.simulator.orders import Order, Trade
from copyctl.simulator.settings import Settings

FIRST_CLIENT_ID = 1100000001
TOKEN_HOURS = 24.0
DEFAULT_FUNDS = Decimal(10_000_000)
NAMES = ("leader", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")

Row = dict[str, object]


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """One client of the broker."""

    name: str
    client_id: str
    access_token: str = field(repr=False)
    settings: Settings = field(default_factory=Settings)
    ledger: Ledger = field(default_factory=lambda: Ledger(DEFAULT_FUNDS))
    orders: dict[str, Order] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    by_correlation: dict[str, list[Order]] = field(default_factory=dict)
    brackets: dict[str, Bracket] = field(default_factory=dict)  # by the entry's key
    forevers: dict[str, Forever] = field(default_factory=dict)  # those that are not over
    trades: list[Trade] = field(default_factory=list)
    bars: dict[tuple[str, str], Bar] = field(default_factory=dict)  # by instrument
    kill_switch: bool = False
    exit_rule: ExitRule | None = None
    token_alive: bool = True
    token_expires: float | None = None  # epoch seconds on the broker's clock; None: never
    minted_at: float | None = None  # when a token was last made at the login door
    # What a tape says of an account, next to what happened here.
    told_orders: dict[str, Row] = field(default_factory=dict)
    told_trades: list[Row] = field(default_factory=list)
    told_funds: Row | None = None
    history: list[Row] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all trading; credentials and settings stay."""
        self.ledger = Ledger(DEFAULT_FUNDS)
        books: tuple[dict[str, Any], ...] = (self.orders, self.open_orders, self.by_correlation, self.told_orders,
                                              self.brackets, self.forevers)  # fmt: skip
        for book in books:
            book.clear()
        self.trades.clear()
        self.told_trades.clear()
        self.history.clear()
        self.told_funds = None
        self.bars.clear()
        self.kill_switch = False
        self.exit_rule = None

    def forget_rendered_rows(self) -> None:
        """After a change of settings rows may look otherwise."""
        for order in self.orders.values():
            order.row_text = ""


class Accounts:
    """All clients, by name, id and token."""

    def __init__(self, clock: Clock, chance: random.Random, token_hours: float = TOKEN_HOURS) -> None:
        self.by_name: dict[str, Account] = {}
        self.by_client_id: dict[str, Account] = {}
        self.by_token: dict[str, Account] = {}  # dead ones too: whose they were decides how they are refused
        self._clock = clock
        self._chance = chance
        self._token_hours = token_hours

    def open(self, name: str, client_id: str | None = None, access_token: str | None = None) -> Account:
        """Open an account; without an id and a token these are invented."""
        if name in self.by_name:
            raise ValueError(f"two accounts are named {name}")
        client_id = client_id or str(FIRST_CLIENT_ID + len(self.by_name))
        account = Account(name=name, client_id=client_id, access_token="")
        self.by_name[name] = account
        self.by_client_id[client_id] = account
        if access_token:
            account.access_token = access_token
            self.by_token[access_token] = account
        else:
            self.mint(account)
        return account

    def mint(self, account: Account, seconds: float | None = None) -> str:
        """A new token, which lives a day or so many seconds; the old one is dead from this moment."""
        issued = int(self._clock.epoch())
        expires = issued + int(self._token_hours * 3600 if seconds is None else seconds)
        claims = {"iss": "dhan", "partnerId": "", "exp": expires, "iat": issued, "tokenConsumerType": "SELF",
                  "webhookUrl": "", "dhanClientId": account.client_id}  # fmt: skip
        token = ".".join(
            (
                _part(json.dumps({"typ": "JWT", "alg": "HS512"}).encode()),
                _part(json.dumps(claims).encode()),
                _part(self._chance.randbytes(64)),
            )
        )
        account.access_token = token
        account.token_alive = True
        account.token_expires = float(expires)
        self.by_token[token] = account
        return token

    def token_works(self, account: Account, token: str) -> bool:
        """Whether this token opens this account now."""
        if token != account.access_token or not account.token_alive:
            return False
        expires = account.token_expires
        return expires is None or not account.settings.tokens_expire or self._clock.epoch() < expires

    def find(self, name_or_id: str) -> Account:
        """The account of that name or client id; KeyError when there is none."""
        return self.by_name.get(name_or_id) or self.by_client_id[name_or_id]


def account_names(count: int, followers: Sequence[str] = ()) -> list[str]:
    """The leader and so many followers less one, named as given, then by the list, then by number."""
    named = ["leader", *followers]
    spare = [name for name in NAMES if name not in named]
    spare += [f"follower{number}" for number in range(len(NAMES), count + 1)]
    return [*named, *spare[: max(0, count - len(named))]]


def write_environment(path: Path, accounts: Mapping[str, Account]) -> None:
    """Write ids and tokens as an environment file that only its owner may read."""
    lines = []
    for name, account in accounts.items():
        prefix = "".join(letter if letter.isalnum() else "_" for letter in name).upper()
        lines += [f"{prefix}_CLIENT_ID={account.client_id}", f"{prefix}_ACCESS_TOKEN={account.access_token}"]
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    unfinished.replace(path)


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
