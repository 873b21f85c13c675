"""``plan``: what other rules would change on the live accounts, before they are in force."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from copyctl.cli import options
from copyctl.cli.deployment import Deployment, deployment, note_empty, rules_trouble
from copyctl.cli.speech import USAGE, answer, clean, leave, note
from copyctl.report.figures import number

if TYPE_CHECKING:
    from copyctl.lab.changes import Change, Wanted
    from copyctl.lab.planned import Planned
    from copyctl.model.policy import Rules

RUNNING = "running"
ACTION_STYLES = {"place": "green", "modify": "yellow", "cancel": "bold red", "none": "dim"}
DONE_WORDS = {"place": "placed", "modify": "changed", "cancel": "cancelled", "none": "left as they are"}
_VARIABLE = re.compile(r"\$\{(\w+)\}")

Row = dict[str, Any]


def plan(
    rules: options.Rules,
    *,
    against: Annotated[
        str, typer.Option("--against", metavar="OLD|running", help="A rules file, or the rules that are in force.")
    ] = RUNNING,
    every: Annotated[bool, typer.Option("--all", help="In the table also the orders that stay as they are.")] = False,
    dry_run: options.DryRun = False,
    form: options.AsFormat = None,
) -> None:
    """Show what a changed rules file would do to the accounts.

    It does nothing of it. Which orders of open copies would be changed, cancelled or placed at once; which limits are
    exceeded already; which followers come, go or are changed. Copies keep the decision that they were made with, so
    most stay as they are. What follows once the broker has answered is not foretold. The hash at the end stands for
    just this: copyctl reload --plan HASH does it, or refuses where anything has moved since.

    \b
    Example:
      copyctl plan --rules rules/half-size.yaml
      copyctl plan --rules rules/new.yaml --against rules/half-size.yaml
    """
    from copyctl.core.lasting import cannot_change
    from copyctl.core.left import left_behind
    from copyctl.core.state import State
    from copyctl.lab.planned import planned
    from copyctl.model.records import Copy, Position

    with deployment(rules, dry_run=dry_run) as it:
        note_empty(it)
        new = _of_file(rules, it)
        old = _in_force(it) if against == RUNNING else _of_file(Path(against), it)
        if old is not None and (why := cannot_change(old, new)):
            leave(USAGE, f"a reload would change nothing: {why}")
        state = State(it.journal.records())
        state.rules = old
        tables = state.tables
        copies = (one for one in tables["copy"].values() if isinstance(one, Copy))
        positions = (one for one in tables["position"].values() if isinstance(one, Position))
        if why := left_behind(new, copies, positions):
            leave(USAGE, f"a reload would change nothing: {why}")
        if it.journal.exists and not it.journal.running:
            note("no run is alive: this is as things stood when the last one ended, and a start reads the books first")
        made = planned(state, new, time.time_ns(), supposed=against != RUNNING)
        names = {**it.names, **_names(old), **_names(new)}
        document = _document(made, names)
        next_line = f"copyctl reload --rules {quote(str(rules))}{' --dry-run' if dry_run else ''} --plan {made.hash}"
        answer(form, document, *_tables(document, next_line if it.journal.running else "", every=every))


def _of_file(file: Path, it: Deployment) -> "Rules":
    """The rules of a file as the run reads it: a client id whose variable is not set here is known to the store."""
    from copyctl.rules import read, rules_of

    with rules_trouble():
        written = read(file, os.environ, offline=True).rules
        accounts = {name: account for account, name in it.names.items()}
        ids = {written.leader.client_id: it.leader} | {
            one.client_id: accounts[one.name] for one in written.followers if one.name in accounts
        }
        told = {_VARIABLE.fullmatch(text): account for text, account in ids.items() if "${" not in account}
        known = {found[1]: account for found, account in told.items() if found}
        document = read(file, {**known, **os.environ}, offline=True).document
    rules = replace(rules_of(document.text), digest=document.digest)
    for text in (rules.leader.client_id, *(one.client_id for one in rules.followers)):
        if "${" in text:
            note(f"nothing tells the client id {text} yet: set its variable, or the plan is not what a reload would do")
    return rules


def _in_force(it: Deployment) -> "Rules | None":
    """The rules that a run has put in force last."""
    from copyctl.rules import rules_of

    kept = it.journal.rules_in_force()
    return None if kept is None else replace(rules_of(kept.document), digest=kept.digest)


def _names(rules: "Rules | None") -> dict[str, str]:
    return {one.client_id: one.name for one in rules.followers} if rules is not None else {}


# --- for programs -----------------------------------------------------------------------------------------------------


def _document(made: "Planned", names: Mapping[str, str]) -> Row:
    def called(account: str) -> str:
        return names.get(account, account)

    return {
        "hash": made.hash,
        "changes": [_change(one, called(one.follower)) for one in made.changes],
        "limits_exceeded": [
            {
                "follower": called(one.follower),
                "limit": one.limit,
                "value": _figure(one.value),
                "allowed": _figure(one.allowed),
                "detail": one.detail,
            }
            for one in made.exceeded
        ],
        "followers": {
            "added": [called(name) for name in made.added],
            "removed": [called(name) for name in made.removed],
            "changed": [{"follower": called(one.follower), "keys": list(one.keys)} for one in made.changed],
            "unread": [called(name) for name in made.unread],
        },
        "settings": list(made.settings),
    }


def _change(one: "Change", follower: str) -> Row:
    return {
        "follower": follower,
        "leader_order_id": one.leader_order_id,
        "follower_order_id": one.order_id or None,
        "symbol": one.symbol,
        "action": one.action.value,
        "from": _order(one.before),
        "to": _order(one.after),
        "reason": one.reason,
    }


def _order(one: "Wanted | None") -> Row | None:
    if one is None:
        return None
    terms = one.terms
    return {
        "security_id": one.security_id,
        "exchange_segment": one.segment,
        "side": one.side,
        "quantity": terms.quantity if terms else None,
        "order_type": terms.order_type if terms else None,
        "product": one.product,
        "validity": terms.validity if terms else None,
        "price": number(terms.price) if terms else None,
        "trigger_price": number(terms.trigger_price) if terms else None,
        "disclosed_quantity": terms.disclosed_quantity if terms else None,
        "after_market": one.after_market,
    }


def _figure(value: Any) -> int | float | None:
    return value if isinstance(value, int) else number(value)


# --- for people -------------------------------------------------------------------------------------------------------


def _tables(document: Row, next_line: str, *, every: bool) -> list[RenderableType]:
    rows: Sequence[Row] = document["changes"]
    counts = {action: sum(1 for one in rows if one["action"] == action) for action in DONE_WORDS}
    told = ", ".join(f"{count} {DONE_WORDS[action]}" for action, count in counts.items() if count)
    parts: list[RenderableType] = [f"orders of open copies: {told}" if told else "no copy is open"]
    shown = [one for one in rows if every or one["action"] != "none"]
    if shown:
        parts.append(_changes_table(shown))
    if document["limits_exceeded"]:
        parts.append(_limits_table(document["limits_exceeded"]))
    parts.extend(_members(document))
    parts.append(f"plan {document['hash']}")
    parts.append(f"to do just this: {next_line}" if next_line else "no run is alive that could do it: copyctl run")
    return parts


def _changes_table(rows: Sequence[Row]) -> Table:
    table = Table("follower", "leader's order", "instrument", "", "from", "to", "why", box=None, header_style="bold")
    for row in rows:
        table.add_row(
            clean(row["follower"]),
            clean(row["leader_order_id"]),
            clean(row["symbol"]),
            Text(row["action"], style=ACTION_STYLES[row["action"]]),
            _words(row["from"]),
            _words(row["to"]),
            clean(row["reason"]),
        )
    return table


def _words(order: Row | None) -> str:
    """An order as people say it."""
    if order is None:
        return "-"
    if order["quantity"] is None:
        return clean(f"{order['side'] or ''} (size not decided yet)".strip())
    prices = (("", order["price"]), ("trigger ", order["trigger_price"]))
    told = [
        order["side"],
        order["quantity"],
        order["order_type"],
        *(f"{word}{price}" for word, price in prices if price),
    ]
    return clean(" ".join(str(one) for one in told if one is not None))


def _limits_table(rows: Sequence[Row]) -> Table:
    table = Table("follower", "limit exceeded already", "by", "", box=None, header_style="bold")
    for row in rows:
        by = Text(f"{row['value']} of {row['allowed']}", style="yellow")
        table.add_row(clean(row["follower"]), row["limit"], by, clean(row["detail"]))
    return table


def _members(document: Row) -> list[str]:
    """Who comes, goes or is changed, and what is for everybody."""
    followers = document["followers"]
    lines = [
        f"followers {word}: {', '.join(map(clean, followers[word]))}"
        for word in ("added", "removed")
        if followers[word]
    ]
    lines += [f"{clean(one['follower'])} changes: {', '.join(one['keys'])}" for one in followers["changed"]]
    if document["settings"]:
        lines.append(f"for everybody: {', '.join(document['settings'])}")
    if followers["unread"]:
        who = ", ".join(map(clean, followers["unread"]))
        lines.append(f"not known yet for {who}: the books are read first, then what the leader has open is decided")
    return lines
