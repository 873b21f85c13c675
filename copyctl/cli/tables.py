"""Answers as tables for people. What stands in a cell comes from reports; nothing is computed here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from copyctl.cli.speech import clean
from copyctl.report.followed import is_own

Row = Mapping[str, Any]

DECISION_STYLES = {"copied": "green", "skipped": "dim", "refused": "yellow", "queued": "cyan", "dead": "bold red"}
OUTCOME_STYLES = DECISION_STYLES | {"matched": "green", "changed": "cyan", "waits": "cyan", "not": "dim", "no": "dim"}
STATE_STYLES = {
    "running": "green",
    "active": "green",
    "stopped": "yellow",
    "leaving": "yellow",
    "paused": "yellow",
    "unauthenticated": "bold red",
    "killed": "bold red",
}
FATE_STYLES = {"cancelled": "green", "traded": "green", "expired": "green", "open": "yellow"}
CHECK_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
NOTHING = "-"


def orders_table(rows: Sequence[Row]) -> Table:
    """What became of every leader order."""
    table = _table("first seen", "order", "follower", "leader's order", "decision", "copy", "slippage", "detail")
    for row in rows:
        table.add_row(
            clean(row["created_at"])[5:19].replace("T", " "),
            clean(row["leader_order_id"]),
            clean(row["follower"]),
            _leader_order(row),
            _decision(row),
            _copy(row),
            _slippage(row),
            clean(row["drift"] or row["detail"]),
        )
    return table


def rows_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Rows as they are; numbers to the right."""
    table = _table()
    for place, column in enumerate(columns):
        numeric = any(isinstance(row[place], int | float) for row in rows)
        table.add_column(clean(column), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(NOTHING if value is None else _shown(value) for value in row))
    return table


def _shown(value: object) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(value)


def explanation_tables(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """What would be done with one order, follower by follower: the decision, then the steps that lead to it."""
    for row in rows:
        head = Text.assemble((clean(row["follower"]), "bold"), "  ", _decision(row), "  ", clean(row["detail"]))
        yield head
        table = _table("step", "outcome", "")
        for step in row["trace"]:
            outcome = clean(step["outcome"])
            style = OUTCOME_STYLES.get(outcome.split(" ", 1)[0], "")
            table.add_row(clean(step["step"]), Text(outcome, style=style), clean(step["detail"]))
        yield table


def replay_tables(rows: Sequence[Row], totals: Mapping[str, int]) -> Iterator[RenderableType]:
    """What became of a day, by follower, decision and reason."""
    yield _sums(rows)
    yield ", ".join(f"{count} {decision}" for decision, count in totals.items() if count) or "no orders"


def changes_tables(changes: Sequence[Row], before: Sequence[Row], after: Sequence[Row]) -> Iterator[RenderableType]:
    """What one policy changes of another's day: order by order, then in sum."""
    table = _table("order", "follower", "was", "is")
    for one in changes:
        table.add_row(clean(one["leader_order_id"]), clean(one["follower"]), _short(one["from"]), _short(one["to"]))
    if changes:
        yield table
    yield f"{len(changes)} decisions change" if changes else "nothing changes"
    if changes:
        yield "before:"
        yield _sums(before)
        yield "after:"
        yield _sums(after)


def _short(said: Row | None) -> Text:
    if said is None:
        return Text(NOTHING, style="dim")
    reason = f" ({said['reason']})" if said["reason"] else ""
    quantity = f" {said['quantity']}" if said["quantity"] else ""
    return Text(clean(f"{said['decision']}{reason}{quantity}"), style=DECISION_STYLES[said["decision"]])


def _sums(rows: Sequence[Row]) -> Table:
    table = _table("follower", "decision", "reason")
    for column in ("orders", "units traded", "rupees traded"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            clean(row["follower"]),
            Text(row["decision"], style=DECISION_STYLES[row["decision"]]),
            clean(row["reason"] or NOTHING),
            str(row["orders"]),
            str(row["quantity"]),
            f"{row['value']:,.2f}",
        )
    return table


def positions_table(rows: Sequence[Row]) -> Table:
    """Who holds what."""
    table = _table("follower", "instrument", "segment", "product")
    for column in ("leader", "wanted", "copied", "by hand", "actual"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            clean(row["follower"]),
            clean(row["symbol"] or row["security_id"]),
            clean(row["exchange_segment"]),
            clean(row["product"]),
            str(row["leader"]),
            str(row["wanted"]),
            Text(str(row["copied"]), style="" if row["copied"] == row["wanted"] else "yellow"),
            Text(str(row["by_hand"]), style="" if row["by_hand"] else "dim"),
            str(row["actual"]),
        )
    return table


def audit_table(rows: Sequence[Row]) -> Table:
    """What in a journal is not as it was written."""
    table = _table("table", "row", "time", "", "what was found")
    for row in rows:
        wrong = Text(clean(row["wrong"]), style="bold red")
        table.add_row(row["table"], str(row["seq"]), clean(row["at"] or NOTHING), wrong, clean(row["text"]))
    return table


def backups_table(rows: Sequence[Row]) -> Table | Text:
    """The backups of a store."""
    if not rows:
        return Text("there is no backup")
    table = _table("day", "made at", "MB", "file")
    for row in rows:
        table.add_row(row["date"], row["made_at"], f"{row['bytes'] / 2**20:.1f}", clean(row["path"]))
    return table


def backfill_table(rows: Sequence[Row]) -> Table:
    """What was fetched of each account's past."""
    table = _table("account", "orders", "trades", "new", "changed", "detail")
    for row in rows:
        told = Text(clean(row["detail"]), style="bold red")
        table.add_row(clean(row["name"]), *(str(row[key]) for key in ("orders", "trades", "new", "changed")), told)
    return table


def resting_table(rows: Sequence[Row]) -> Table | Text:
    """What may still trade at the broker."""
    if not rows:
        return Text("nothing of ours rests at the broker")
    table = _table("follower", "rests at the broker", "order id", "copy of")
    for row in rows:
        price = row["price"] or row["trigger_price"]
        what = (row["side"], row["leaves"], row["symbol"] or row["security_id"], row["order_type"], price or None)
        table.add_row(
            clean(row["follower"]),
            " ".join(clean(part) for part in what if part is not None) + (", an exit" if row["exit"] else ""),
            clean(row["order_id"] or f"not known yet ({row['correlation_id']})"),
            clean(row["leader_order_id"]),
        )
    return table


def kill_orders_table(rows: Sequence[Row]) -> Table:
    """What a kill asked of the broker, and what came of it."""
    table = _table("follower", "asked", "order id", "copy of", "end", "")
    for row in rows:
        what = (row["kind"], row["side"], row["quantity"], row["symbol"] or row["security_id"])
        table.add_row(
            clean(row["follower"]),
            " ".join(clean(part) for part in what if part is not None),
            clean(row["order_id"] or NOTHING),
            clean(row["leader_order_id"]),
            Text(clean(row["fate"]).replace("_", " "), style=FATE_STYLES.get(row["fate"], "bold red")),
            clean(row["text"]),
        )
    return table


def letters_table(rows: Sequence[Row]) -> Table | Text:
    """What was given up, and why."""
    if not rows:
        return Text("there are no dead letters")
    table = _table("id", "follower", "order", "reason", "sent", "since", "")
    for row in rows:
        order = row["order"] or {}
        price = order.get("price") or order.get("trigger_price") or None
        parts = (*(order.get(key) for key in ("side", "quantity", "security_id", "order_type")), price)
        table.add_row(
            clean(row["id"]),
            clean(row["follower"]),
            " ".join(clean(part) for part in parts if part is not None),
            Text(clean(row["reason"]), style=DECISION_STYLES["dead"]),
            str(row["attempts"]),
            clean(row["created_at"]),
            clean(row["detail"]),
        )
    return table


def codes_table(rows: Sequence[Row]) -> Table:
    """Every reason code."""
    table = _table("decision", "code", "what it says")
    for row in rows:
        table.add_row(Text(row["decision"], style=DECISION_STYLES[row["decision"]]), row["code"], row["sentence"])
    return table


def lint_codes_table(codes: Mapping[str, str]) -> Table:
    """Every code of lint."""
    table = _table("code", "what it says")
    for code, sentence in codes.items():
        table.add_row(code, sentence)
    return table


def alerts_table(rows: Sequence[Row]) -> Table:
    """Every alert."""
    table = _table("level", "code", "what it says", "what to do")
    for row in rows:
        table.add_row(row["level"], row["code"], row["says"], row["do"])
    return table


def status_tables(document: Row) -> Iterator[Table | Text]:
    """The state of the run, then a line for each follower."""
    leader, latency, switch = document["leader"], document["latency_ms"], document["kill_switch"]
    head = Table.grid(padding=(0, 2))
    state = Text(document["state"], style=STATE_STYLES[document["state"]])
    head.add_row("state", state, clean(document["since"] or ""))
    stream = "connected" if leader["connected"] else "not connected"
    head.add_row(
        "leader", stream, f"orders today: {leader['orders_today']}, last frame {leader['last_frame_at'] or NOTHING}"
    )
    if leader["detail"]:
        head.add_row("", "", Text(clean(leader["detail"]), style="yellow"))
    held = f"on for {', '.join(map(clean, switch['followers']))}: {clean(switch['reason'])}" if switch["on"] else "off"
    head.add_row("kill switch", Text(held, style="bold red" if switch["on"] else ""), switch["since"] or "")
    head.add_row("latency", f"p50 {_ms(latency['p50'])}", f"p99 {_ms(latency['p99'])}, leader's frame to our request")
    head.add_row("anomalies", "", ", ".join(f"{name} {number}" for name, number in document["anomalies"].items()))
    yield head
    yield _followers(document["followers"])


def summary_table(rows: Sequence[Row], shadow: Mapping[str, str] | None = None) -> Table:
    """What a run did. ``shadow``: what to say by follower of the decisions of one, where there is one."""
    columns = ("follower", "copied", "skipped", "refused", "queued", "dead", "fills", "slippage", "latency")
    table = _table(*columns, *(() if shadow is None else ("shadow",)))
    for row in rows:
        cost = row["slippage_cost"]
        told = NOTHING if cost is None else f"{row['slippage_bps']:+.2f} bps, {cost:+.2f} rupees"
        latency = row["latency_ms"]
        table.add_row(
            clean(row["follower"]),
            str(row["copied"]),
            *(
                Text(_counts(row[name]), style=DECISION_STYLES[name])
                for name in ("skipped", "refused", "queued", "dead")
            ),
            str(row["fills"]),
            told,
            f"p50 {_ms(latency['p50'])}, p99 {_ms(latency['p99'])}",
            *(() if shadow is None else (shadow.get(row["follower"]) or NOTHING,)),
        )
    return table


def checks_table(rows: Sequence[Row]) -> Table:
    """What was looked at, how it stands, and what to do about it."""
    table = _table("check", "account", "state", "what was seen", "what to do")
    for row in rows:
        table.add_row(
            clean(row["check"]),
            clean(row["account"] or NOTHING),
            Text(row["state"], style=CHECK_STYLES[row["state"]]),
            clean(row["detail"]),
            clean(row["mend"] or ""),
        )
    return table


def document_table(document: Row) -> Table:
    """A document as one line for each value."""
    table = _table("key", "value")
    for path, value in _leaves(document, ""):
        table.add_row(clean(path), clean("null" if value is None else value))
    return table


def _followers(rows: Sequence[Row]) -> Table:
    table = _table(
        "follower", "state", "open", "queued", "dead", "unresolved", "orders left s/min/h/day", "reads left", "detail"
    )
    for row in rows:
        left = row["rate_budget"]["orders"].values()
        table.add_row(
            clean(row["name"]),
            Text(row["state"], style=STATE_STYLES[row["state"]]),
            str(row["open_orders"]),
            str(row["queued"]),
            str(row["dead_letters"]),
            str(row["unresolved"]),
            "/".join(map(str, left)),
            f"{row['rate_budget']['quotes']} quotes, {row['rate_budget']['other']} other",
            clean(row["detail"]),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _leader_order(row: Row) -> str:
    own = is_own(row["leader_order_id"])
    price = _prices(row)
    quantity = row["wanted_quantity"] if own else row["leader_quantity"]
    parts = (row["side"], quantity, row["symbol"] or row["security_id"], row["order_type"])
    told = " ".join(clean(part) for part in parts if part is not None)
    if own:
        return f"copyctl's own: {told}{f' {price}' if price else ''}"
    filled = f"{row['leader_status'] or ''} {row['leader_filled']} filled".strip()
    return f"{told}{f' {price}' if price else ''}, {filled}"


def _prices(row: Row) -> str:
    """The prices of an order, and how it waits: ``102, target 110, stop 95``, or ``1421 FOREVER from 1420``."""
    words = [str(row["price"] or row["trigger_price"] or "")]
    if row["validity"] == "FOREVER":
        words[0] = f"{words[0]} FOREVER from {row['trigger_price']}".strip()
    if row["second_trigger_price"]:
        words.append(f"or {row['second_price'] or 'MARKET'} from {row['second_trigger_price']}")
    words += [f"{name} {row[f'{name}_price']}" for name in ("target", "stop") if row[f"{name}_price"]]
    return ", ".join(word for word in words if word)


def _decision(row: Row) -> Text:
    reason = f" ({row['rule'] or row['reason']})" if row["reason"] else ""
    return Text(clean(row["decision"] + reason), style=DECISION_STYLES[row["decision"]])


def _copy(row: Row) -> str:
    if row["follower_status"] is None:
        return NOTHING
    at = "" if row["follower_average_price"] is None else f" at {row['follower_average_price']}"
    return f"{row['follower_status']} {row['follower_filled']}/{row['follower_quantity']}{at}"


def _slippage(row: Row) -> str:
    return NOTHING if row["slippage"] is None else f"{row['slippage']:+.2f} ({row['slippage_bps']:+.1f} bps)"


def _ms(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f} ms"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{clean(what)} {number}" for what, number in counts.items()) or NOTHING


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every single value of a document with the path that leads to it; what is empty counts as one."""
    inner: Iterable[tuple[str, Any]]
    if isinstance(value, Mapping) and value:
        inner = ((f"{path}.{key}" if path else str(key), one) for key, one in value.items())
    elif isinstance(value, list) and value:
        inner = ((f"{path}[{place}]", one) for place, one in enumerate(value))
    else:
        yield path, value
        return
    for below, one in inner:
        yield from _leaves(one, below)
