"""``doctor``: is everything there that a day of trading needs, and how is it mended where it is not?"""

import asyncio
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.speech import DONE, FINDINGS, Format, answer, note
from copyctl.cli.tables import checks_table
from copyctl.model.choices import Adapter, Renew
from copyctl.model.policy import Rules
from copyctl.report.moments import day_start

if TYPE_CHECKING:
    from copyctl.cli.checkup import Check
    from copyctl.rules import Loaded


def doctor(
    rules: options.Rules,
    *,
    alert: Annotated[
        bool, typer.Option("--alert", help="Send a test message to the addresses of alerts.urls.")
    ] = False,
    form: options.AsFormat = None,
) -> None:
    """Check all that trading needs, and say how to mend it.

    Rules and variables, the token and the registered address of each account, clock, calendar, instrument list, limits,
    store, alerts, the port for metrics. It asks the broker, changes nothing there, renews no token, and works beside a
    run that is alive. Exit code 1: something is an error.

    \b
    Example:
      copyctl doctor --rules rules/half-size.yaml
      copyctl doctor --rules rules/half-size.yaml --alert --format json
    """
    from copyctl.cli.checkup import ERROR, of_findings, of_rules_file, worst
    from copyctl.rules import RulesRefused, read

    try:
        loaded = read(rules, os.environ, lenient=True)
    except RulesRefused as refused:
        checks = list(of_findings(refused.findings, refused=True))
    else:
        checks = [*_checks(loaded, alert=alert), *of_rules_file(rules)]
    ok = worst(checks) != ERROR
    _tell(form, ok, checks)
    raise typer.Exit(DONE if ok else FINDINGS)


def _tell(form: Format | None, ok: bool, checks: "list[Check]") -> None:
    rows: list[dict[str, Any]] = [asdict(one) for one in checks]
    for row in rows:
        row["account"], row["mend"] = row["account"] or None, row["mend"] or None
    order = ("check", "account", "state", "detail", "mend")
    rows = [{key: row[key] for key in order} for row in rows]
    answer(form, {"ok": ok, "checks": rows}, checks_table(rows))


def _checks(loaded: "Loaded", *, alert: bool) -> "list[Check]":
    """Every check of a file that can be read."""
    from copyctl.cli import checkup
    from copyctl.cli.credentials import hide_secrets, token_file
    from copyctl.edge.instruments import MASTER_URL

    rules = loaded.rules
    hide_secrets(rules)
    folder = Path(rules.store.path)
    everybody = {checkup.LEADER: rules.leader, **{one.name: one for one in rules.followers}}
    checks = [*checkup.of_findings(loaded.findings), *checkup.of_variables(loaded)]
    files = {name: path for name, one in everybody.items() if (path := token_file(one))}
    checks += checkup.of_secret_files(files, [name for name, one in everybody.items() if one.renew is not Renew.NONE])
    outside = rules.broker.adapter is not Adapter.SIMULATOR
    if outside:
        checks += asyncio.run(_broker_checks(rules))
    else:
        detail = "the broker is in the run itself (broker.adapter: simulator): no account is asked"
        checks.append(checkup.Check(check="token", state=checkup.OK, detail=detail))
    with tempfile.TemporaryDirectory() as spare:
        note("looking at the calendar and the instrument list")
        checks += checkup.of_calendar(rules, checkup.home(folder, spare))
        if outside or rules.broker.instruments:
            source = rules.broker.instruments or MASTER_URL
            checks.append(checkup.of_instruments(source, checkup.home(folder, spare)))
    checks += checkup.of_store(folder, rules.leader.client_id)
    checks += checkup.of_rates(rules, _sent_today(rules, folder))
    checks += checkup.of_alerts(rules, send=alert)
    checks += checkup.of_metrics(rules)
    return checks


async def _broker_checks(rules: Rules) -> "list[Check]":
    """What the broker says of each account."""
    from copyctl.cli import checkup_accounts as accounts
    from copyctl.model.facts import Addresses

    everybody = accounts.accounts_of(rules)
    asked = list(await asyncio.gather(*(accounts.ask(rules, name, one) for name, one in everybody.items())))
    now = time.time_ns()
    leaves_from: dict[str, str] = {}
    for one in asked:
        fact = one.address.fact if one.address is not None else None
        if isinstance(fact, Addresses) and fact.detected:
            leaves_from.setdefault(fact.detected, one.name)
    checks = [accounts.of_token(one, now) for one in asked]
    checks += [found for name, one in everybody.items() if (found := accounts.of_renewal(rules, name, one, now))]
    checks += [found for one in asked if (found := accounts.of_address(one, leaves_from))]
    return [*checks, accounts.of_clock(asked, now)]


def _sent_today(rules: Rules, folder: Path) -> Mapping[str, int]:
    """How many requests that change an account left today, by name, as the journal has them."""
    from copyctl.edge.journal import StoreError
    from copyctl.edge.journal_reader import JournalReader

    names = {one.client_id: one.name for one in rules.followers}
    sent: dict[str, int] = defaultdict(int)
    try:
        journal = JournalReader(folder)
        try:
            for _, notice in journal.notices(0, day_start(time.time_ns())):
                if notice.event == "request":
                    sent[names.get(notice.follower, "")] += 1
        finally:
            journal.close()
    except StoreError:  # told of the store itself
        return {}
    return sent
