"""``tape``: a leader's stream and books recorded, and a recording shown as a timeline."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.deployment import rules_trouble
from copyctl.cli.speech import USAGE, VERBOSITY, Format, chosen, clean, hush, leave, note
from copyctl.model.choices import Adapter

tape = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

NO_BROKER = (
    "there is no broker outside of the run (broker.adapter: simulator), and nothing to record: use rules whose adapter "
    "is dhan, such as those that copyctl init makes"
)
NEEDED = {"leader.client_id", "leader.access_token"}

Row = dict[str, Any]


@tape.callback()
def explain() -> None:
    """Record a leader's orders to a tape, or show one.

    A tape is JSON Lines (copyctl schema tape): frames of the leader's stream as they came, his books and figures.
    copyctl replay, the simulator (--tape) and tests play it.

    \b
    Example:
      copyctl tape record monday.jsonl --rules rules/half-size.yaml --until 15:45
      copyctl tape show monday.jsonl
    """


File = Annotated[Path, typer.Argument(metavar="FILE", help="The tape.")]


@tape.command()
def record(
    file: File,
    rules: options.Rules,
    *,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Invented account numbers, and nothing of the followers.")
    ] = False,
    until: Annotated[
        str | None, typer.Option("--until", help="Stop then: an IST time of day (15:45) or ISO 8601.", metavar="TIME")
    ] = None,
) -> None:
    """Record the leader's stream and books, until stopped.

    Ctrl-C, SIGTERM or --until ends it. Each frame stands there as it came. Order book, trade book, positions with
    holdings, and funds are read when the stream comes up and at every resilience.sweep, and written where they have
    changed; what followers hold and have is written once. Lines are whole even after a kill -9. FILE is new, and for
    you alone.

    It needs no store, holds up no run, and asks at most half of what rate_limits allows. Whether Dhan gives every frame
    to each of two streams of one account is not documented: beside a run, look once that both get all. Books of super
    and forever orders are not recorded.

    No secret is on a tape, and no account number but the leader's. With --anonymous that one is invented, too, names of
    persons are blank and followers are left out; order ids and amounts of money stay.

    Exit code 3: the leader's token is refused; 4: FILE cannot be written any more.

    \b
    Example:
      copyctl tape record monday.jsonl --rules rules/half-size.yaml --until 15:45
      copyctl tape record example.jsonl --rules rules/half-size.yaml --anonymous
    """
    from copyctl.cli.moments import end
    from copyctl.cli.recording import record as recorded
    from copyctl.rules import read, render

    with rules_trouble():
        loaded = read(rules, os.environ, lenient=True)
    if loaded.rules.broker.adapter is Adapter.SIMULATOR:
        leave(USAGE, NO_BROKER)
    missing = [one for one in loaded.findings if one.path in NEEDED and one.code in ("R301", "R302")]
    if missing:
        leave(USAGE, f"the rules file cannot be used:\n{render(missing)}")
    if file.exists():
        leave(USAGE, f"{file} is there already, and a recording is never written over: give another FILE")
    try:
        ends_at = end(until, datetime.now(UTC)) if until is not None else None
    except ValueError as wrong:
        leave(USAGE, str(wrong))
    tells = sys.stderr.isatty() and VERBOSITY.get() >= 0
    holds = asyncio.run(recorded(loaded.rules, file, anonymous=anonymous, ends_at=ends_at, tells=tells))
    note(f"{file} holds {holds}. copyctl tape show {file} tells them")


# --- show -------------------------------------------------------------------------------------------------------------


@tape.command()
def show(file: File, *, form: options.AsFormat = None) -> None:
    """Show a tape as a timeline.

    What happened to each order as the stream told it, when books were read, when the stream was down; at the end what
    the tape holds. As JSON: {"lines": [...], "summary": {...}}.

    Exit code 2: a line cannot be read; its number is told. Without the last line of a recording that was cut off
    (sed -i '$d' FILE) the rest can be used.

    \b
    Example:
      copyctl tape show examples/tapes/one-day.jsonl
      copyctl tape show examples/tapes/one-day.jsonl --format json
    """
    from copyctl.cli.timeline import Timeline
    from copyctl.lab.tapes import TapeUnreadable, tape_lines

    timeline = Timeline()
    try:
        if chosen(form) is Format.JSON:
            with file.open(encoding="utf-8") as lines:
                for _ in tape_lines(lines):  # half a document would be none
                    pass
        with file.open(encoding="utf-8") as lines:
            rows = timeline.tell(tape_lines(lines))
            _print(_in_json(rows, timeline) if chosen(form) is Format.JSON else _in_words(rows, timeline))
    except (OSError, UnicodeDecodeError) as fault:
        leave(USAGE, f"the tape {file} cannot be read: {fault}")
    except TapeUnreadable as wrong:
        leave(USAGE, f"{file}: {wrong}")


def _print(parts: Iterable[str]) -> None:
    """Print as it comes, until nobody reads any more."""
    try:
        for part in parts:
            sys.stdout.write(part)
        sys.stdout.flush()
    except BrokenPipeError:
        hush()


def _in_json(rows: Iterable[Row], timeline: Any) -> Iterator[str]:
    before = '{"lines": ['
    for row in rows:
        yield f"{before}\n{json.dumps(row)}"
        before = ","
    yield f'{before if before != "," else ""}\n], "summary": {json.dumps(timeline.summary())}}}\n'


def _in_words(rows: Iterable[Row], timeline: Any) -> Iterator[str]:
    from copyctl.cli.timeline import many

    day = ""
    for row in rows:
        if row["at"][:10] != day:
            day = row["at"][:10]
            yield f"{day}\n"
        yield f"{_words(row)}\n"
    said = timeline.summary()
    span = f"{said['from'] or 'never'} to {said['to'] or 'never'}"
    counts = ", ".join(many(said[f"{one}s"], one) for one in ("order", "change", "trade", "frame", "book"))
    yield f"{clean(said['client_id'])}: {span}: {counts}\n"
    if said["unreadable"]:
        yield f"unreadable frames: {said['unreadable']}\n"
    for gap in said["gaps"]:
        yield f"the stream was down from {gap['from'][11:23]} to {gap['to'][11:23] if gap['to'] else 'the end'}\n"


def _words(row: Row) -> str:
    """One row: time, what, order, instrument, side, quantity, price, status, and what else there is to say."""
    quantity = "" if row["quantity"] is None else f"{row['filled']}/{row['quantity']}"
    price = "" if row["price"] is None else f"{row['price']:.2f}"
    trigger = "" if row["trigger_price"] is None else f"trigger {row['trigger_price']:.2f}"
    listed = f"{row['exchange_segment'] or ''} {row['security_id'] or ''}"
    cells = (
        f"{row['at'][11:23]} {row['what']:<12}",
        f"{clean(row['order_id'] or ''):<16}",
        f"{clean(row['symbol'] or listed):<24}",
        f"{row['side'] or '':<4} {quantity:>11} {row['order_type'] or '':<16} {price:>10} {trigger:<16}",
        f"{clean(row['status'] or ''):<11}",
        clean(", ".join(part for part in (row["account"], row["detail"]) if part)),
    )
    is_order = row["order_id"] is not None or row["price"] is not None
    return " ".join(cells if is_order else (cells[0], cells[-1])).rstrip()
