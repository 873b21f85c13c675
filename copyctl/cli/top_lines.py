"""The lines of ``top``, for whatever width: parts that belong together are never broken, so nothing of them is cut.

Every figure has its word beside it, and every state is a word, so that all of it reads without colour.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from rich.text import Text

from copyctl.cli.console import LEVEL_STYLES, line
from copyctl.cli.speech import clean
from copyctl.cli.tables import DECISION_STYLES, NOTHING, STATE_STYLES
from copyctl.cli.top_watch import Seen
from copyctl.model.effects import Notice
from copyctl.model.placement import Slot
from copyctl.model.records import Copy
from copyctl.model.terms import Level
from copyctl.report.figures import milliseconds, number
from copyctl.report.followed import is_own
from copyctl.report.moments import SECOND, indian, told
from copyctl.report.status import placement_latency

Row = Mapping[str, Any]
GAP: Final = "  "
BAD: Final = "bold red"
_LIMITS: Final = {"max_daily_loss": "loss", "max_open_orders": "open orders", "max_orders_per_day": "placed"}
_COUNTED: Final = {
    "open": ("open_orders", ""),
    "queued": ("queued", "cyan"),
    "refused": ("refused_today", "yellow"),
    "dead": ("dead_letters", BAD),
    "unresolved": ("unresolved", BAD),
}
"""What is counted of a follower: the word, its key, and its style where it is not 0."""


def flow(parts: Iterable[Text], width: int, indent: int = 0) -> Text:
    """Parts side by side, as many as fit into each line; further lines are indented. A part that is longer than a line
    alone is folded."""
    lines: list[Text] = []
    for part in (one for one in parts if one.plain.strip()):
        if lines and lines[-1].cell_len + len(GAP) + len(part.plain.rstrip()) <= width:
            lines[-1].append(GAP).append_text(part)
            continue
        if lines:
            lines[-1].rstrip()
        begins = Text(" " * indent if lines else "").append_text(part)
        lines += _folded(begins, width, indent)
    if lines:
        lines[-1].rstrip()
    return Text("\n").join(lines)


def _folded(part: Text, width: int, indent: int) -> Iterator[Text]:
    """One part on lines of its own, broken between words."""
    while part.cell_len > width and part.plain.strip():
        at = part.plain.rfind(" ", indent + 1, width)
        at = at if at > indent else width
        yield part[:at]
        rest = part[at:]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        part = Text(" " * indent).append_text(rest)
    yield part


def columns(rows: Sequence[Sequence[Text]], width: int, indent: int = 2) -> list[Text]:
    """Rows of parts, each part padded to the widest of its column, so that rows of one width wrap alike."""
    widest = [max(one.cell_len for one in column if one is not None) for column in zip_longest(*rows)]
    told = []
    for row in rows:
        padded = [part.copy() for part in row]
        for part, cells in zip(padded, widest, strict=False):
            part.pad_right(max(0, min(cells, width // 2) - part.cell_len))
        told.append(flow(padded, width, indent))
    return told


def head(seen: Seen, width: int) -> Text:
    """The run, the leader's stream, the kill switch, latency and the clock."""
    document = seen.status
    leader, latency, switch = document["leader"], document["latency_ms"], document["kill_switch"]
    up = leader["connected"]
    on = f"ON for {', '.join(map(clean, switch['followers']))}: {clean(switch['reason'])}" if switch["on"] else "off"
    parts = [
        Text(clean(seen.rules), style="bold"),
        _state(seen),
        Text(f"{indian(seen.now):%H:%M:%S} IST"),
        Text(f"leader {'connected' if up else 'NOT CONNECTED'}", style="green" if up else BAD),
        Text(f"last frame {_age(leader['last_frame_at'], seen.now)}"),
        Text(f"orders today {leader['orders_today']}"),
        Text(f"latency p50 {_ms(latency['p50'])} p99 {_ms(latency['p99'])}"),
        Text(f"kill switch {on}", style=BAD if switch["on"] else ""),
    ]
    if not up and document["state"] == "running":
        parts.append(Text(clean(leader["detail"]), style="yellow"))
    if document["state"] == "running" and up and not document["streams_up"]:
        parts.append(Text("a follower's order stream is down", style="yellow"))
    if seen.trouble:
        parts.append(Text(f"store: {clean(seen.trouble)}", style=BAD))
    return flow(parts, width)


def _state(seen: Seen) -> Text:
    state = seen.status["state"]
    if state == "running":
        return Text(f"running since {clean(seen.status['since'])[11:19]}", style=STATE_STYLES[state])
    last = f", last alive {indian(seen.alive_at):%d %b %H:%M:%S}" if seen.alive_at else ""
    return Text(f"stopped{last}", style=STATE_STYLES[state])


def follower_lines(rows: Sequence[Row], width: int) -> list[Text]:
    """One text for each follower."""
    return columns([_follower(row) for row in rows], width)


def _follower(row: Row) -> list[Text]:
    left = row["rate_budget"]["orders"]
    counts = [Text(f"{word} {row[key]}", style=style if row[key] else "") for word, (key, style) in _COUNTED.items()]
    profit = NOTHING if row["profit"] is None else f"{row['profit']:+,.2f}"
    return [
        Text(clean(row["name"]), style="bold"),
        Text(row["state"], style=STATE_STYLES[row["state"]]),
        *counts,
        Text(f"P&L {profit}"),
        *(_limit(one) for one in row["limits"]),
        Text(f"left {left['second']}/s {left['minute']}/min {left['day']}/day"),
        Text(clean(row["detail"]), style="yellow"),
    ]


def _limit(one: Row) -> Text:
    used = "?" if one["used"] is None else f"{one['used']:,}"
    full = one["used"] is not None and one["used"] >= one["limit"]
    return Text(f"{_LIMITS[one['key']]} {used}/{one['limit']:,}", style=BAD if full else "")


def copy_lines(rows: Sequence[Row], width: int) -> list[Text]:
    """One text for each copy."""
    return columns([_copy(row) for row in rows], width)


def _copy(row: Row) -> list[Text]:
    reason = row["rule"] or row["reason"] if row["reason"] else ""
    decision = Text(clean(f"{row['decision']} ({reason})" if reason else row["decision"]))
    decision.stylize(DECISION_STYLES[row["decision"]])
    at = "" if row["follower_average_price"] is None else f" at {row['follower_average_price']}"
    fill = f"{row['follower_status']} {row['follower_filled']}/{row['follower_quantity']}{at}"
    return [
        Text(clean(row["created_at"])[11:19]),
        Text(clean(row["follower"]), style="bold"),
        Text(clean(row["leader_order_id"])),
        decision,
        Text(_order(row)),
        Text(clean(fill) if row["follower_status"] else ""),
        Text("" if row["latency_ms"] is None else _ms(row["latency_ms"])),
    ]


def _order(row: Row) -> str:
    quantity = row["wanted_quantity"] or row["leader_quantity"]
    price = row["price"] or row["trigger_price"] or None
    parts = (row["side"], quantity, row["symbol"] or row["security_id"], row["order_type"], price)
    return " ".join(clean(part) for part in parts if part is not None)


def matches(row: Row, words: str) -> bool:
    """Has a copy all of these words in its follower, instrument, order, decision or reason?"""
    keys = ("follower", "symbol", "security_id", "leader_order_id", "decision", "reason", "rule", "follower_status")
    told = " ".join(str(row[key]) for key in keys if row[key]).casefold()
    return all(word in told for word in words.casefold().split())


def alert_lines(rows: Sequence[Row], width: int) -> list[Text]:
    """One text for each alert: time, level, whom it is about, what it says."""
    return [flow([_alert(row)], width, 2) for row in rows]


def _alert(row: Row) -> Text:
    level = (row["level"].upper(), LEVEL_STYLES[Level(row["level"])])
    about = clean(f"{row['account']}: " if row["account"] else "")
    return Text.assemble(clean(row["at"])[11:19], GAP, level, GAP, about, clean(row["text"]))


def letter_lines(rows: Sequence[Row], width: int) -> list[Text]:
    """One text for each dead letter."""
    return [flow(_letter(row), width, 2) for row in rows]


def _letter(row: Row) -> list[Text]:
    order = row["order"] or {}
    what = " ".join(clean(order[key]) for key in ("side", "quantity", "security_id", "order_type") if key in order)
    return [
        Text(clean(row["id"]), style="bold"),
        Text(clean(row["created_at"])[11:19]),
        Text(clean(row["reason"]), style=DECISION_STYLES["dead"]),
        Text(what),
        Text(f"sent {row['attempts']} times"),
        Text(clean(row["detail"])),
    ]


def details(
    row: Row, steps: Sequence[Notice], parts: Sequence[Copy], names: Mapping[str, str], width: int
) -> list[Text]:
    """All of one copy: its row, each step that it took, its placements with their times."""
    own = " (copyctl's own)" if is_own(row["leader_order_id"]) else ""
    title = flow([Text(f"{clean(row['leader_order_id'])}{own} for {clean(row['follower'])}", style="bold")], width)
    told = [title, *columns([_copy(row)], width)]
    for key, value in row.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        said = clean(NOTHING if shown in (None, "") else shown)
        told.append(flow([Text.assemble((f"{key:<22}  ", "dim"), said)], width, 4))
    told += [Text(""), Text("what happened", style="bold")]
    told += [flow([line(one, names)], width, 4) for one in steps] or [Text("nothing is kept of it")]
    told += [Text(""), Text("placements", style="bold")]
    placed = [flow(_placement(copy, slot), width, 4) for copy in parts for slot in copy.slots]
    return told + (placed or [Text("nothing was placed")])


def _placement(copy: Copy, slot: Slot) -> list[Text]:
    terms, took = slot.asked, milliseconds(placement_latency(copy, slot.correlation_id))
    moments = {"frame": slot.frame_at, "decided": slot.decided_at, "left": slot.left_at, "answered": slot.answered_at}
    return [
        Text(clean(slot.name), style="bold"),
        Text(slot.standing.value),
        Text(f"order {clean(slot.order_id or NOTHING)}"),
        Text(f"asked {terms.quantity} {terms.order_type} at {number(terms.price)}"),
        Text(f"filled {slot.filled}" + (f" at {number(slot.average_price)}" if slot.filled else "")),
        Text(f"sent {slot.attempts} times"),
        *(Text(f"{word} {str(told(at))[11:23]}") for word, at in moments.items() if at),
        Text(f"latency {_ms(took)}"),
        Text(clean(f"change refused: {slot.changes_refused}" if slot.changes_refused else "")),
    ]


def _age(moment: str | None, now: int) -> str:
    """How long ago a moment (ISO 8601) is."""
    if moment is None:
        return "never"
    seconds = max(0, int(now / SECOND - datetime.fromisoformat(moment).timestamp()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _ms(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f} ms"
