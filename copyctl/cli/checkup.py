"""The checks of ``copyctl doctor`` that need no account: rules, machine, store, calendar, instruments, alerts, port."""

import asyncio
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from copyctl.model.calendar import TradingDays
from copyctl.model.policy import Rules
from copyctl.report.moments import indian
from copyctl.rules import Finding, Loaded

OK, WARNING, ERROR = "ok", "warning", "error"
LEADER = "leader"
LITTLE_ROOM, NO_ROOM = 2 * 2**30, 256 * 2**20
"""Bytes of free disk under which a trader should know, and under which a day may not fit."""
CALENDAR_AHEAD = timedelta(days=30)
STALE_LIST = timedelta(days=1)
_ACCOUNT = re.compile(r"(leader|followers\[(\d+)\])\.(\w+)$")
_MISSING = ("R301", "R302")
RATE_ABOVE_DHANS = "R207"
BACKUP_OLD = timedelta(days=4)
"""A backup is made on each day of a run: after a long weekend one may be that old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. ``mend``: what to do about it, "" where nothing is to be done."""

    check: str
    state: str
    detail: str
    account: str = ""
    mend: str = ""


def of_findings(findings: Sequence[Finding], *, refused: bool = False) -> Iterator[Check]:
    """The rules file: what keeps a run from beginning is an error, what lint warns of a warning."""
    missing = [one for one in findings if one.code in _MISSING]
    for one in findings:
        if one in missing:
            continue
        place = f"{one.file}:{one.line}: {one.path}: {one.message}" if one.path else f"{one.file}: {one.message}"
        is_error = one.severity == "error" or one.code == "R401"
        yield Check(
            check="limits" if one.code == RATE_ABOVE_DHANS else "rules",
            state=ERROR if is_error else WARNING,
            detail=f"{one.code} {place}",
            mend=one.hint or "see it",
        )
    if not refused and not any(one.code == "R401" for one in findings):
        yield Check(check="rules", state=OK, detail="the rules file can be used")


def of_variables(loaded: Loaded) -> Iterator[Check]:
    """What the rules file takes from variables and files."""
    rules = loaded.rules
    lacking = [one for one in loaded.findings if one.code in _MISSING]
    for one in lacking:
        found = _ACCOUNT.fullmatch(one.path)
        name = "" if found is None else LEADER if found[1] == LEADER else rules.followers[int(found[2])].name
        yield Check(check="variables", account=name, state=ERROR, detail=one.message, mend=one.hint or "see it")
    if not lacking:
        yield Check(check="variables", state=OK, detail="every variable is set, every file is there")


def of_secret_files(files: Mapping[str, Path], renewed: Collection[str]) -> Iterator[Check]:
    """Token files that others may read, and those to which a new token could not be written. ``renewed``: whose it
    would be."""
    for name, path in files.items():
        if name in renewed and not os.access(path.parent, os.W_OK | os.X_OK):
            detail = f"a new token could not be kept: {path.parent} cannot be written"
            mend = "keep the file in a folder of this user: a new one is put there and moved into its place"
            yield Check(check="token file", account=name, state=ERROR, detail=detail, mend=mend)
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # told as a variable
        if mode & 0o077:
            detail = f"{path} can be read by others (mode {mode:o})"
            yield Check(check="token file", account=name, state=WARNING, detail=detail, mend=f"chmod 600 {path}")


def of_rules_file(path: Path) -> Iterator[Check]:
    """Who may write the rules decides what is traded, and where tokens go."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return  # told by whoever reads it
    if mode & 0o022:
        detail = f"{path} can be changed by others (mode {mode:o})"
        yield Check(check="rules", state=WARNING, detail=detail, mend=f"chmod go-w {path}")


def of_store(folder: Path, leader: str) -> Iterator[Check]:
    """Journal, disk, and the library that writes."""
    from copyctl.edge.probes import probe_store, sqlite_note, store_leader

    probe = probe_store(folder)
    if probe.trouble:
        yield Check(check="store", state=ERROR, detail=probe.trouble, mend="as it says; until then no run can begin")
    elif (owner := store_leader(folder)) not in ("", leader) and "${" not in leader:
        detail = f"{folder} belongs to another leader, {owner}"
        yield Check(check="store", state=ERROR, detail=detail, mend="give this leader a store.path of its own")
    elif not probe.writable:
        mend = "give store.path a folder that this user may write"
        yield Check(check="store", state=ERROR, detail=f"{folder} cannot be written", mend=mend)
    else:
        size = f"{probe.size / 2**20:.1f} MiB" if probe.size else "nothing in it yet"
        yield Check(check="store", state=OK, detail=f"{folder} is sound: {size}; {sqlite_note()}")
    yield from _backups(folder / "backups")
    room = f"{probe.free / 2**30:.1f} GiB free where the store is"
    state = ERROR if probe.free < NO_ROOM else WARNING if probe.free < LITTLE_ROOM else OK
    mend = "" if state == OK else "make room: what cannot be recorded is not sent"
    yield Check(check="disk", state=state, detail=room, mend=mend)
    if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        detail = f"{folder} can be read by others"
        yield Check(check="store", state=WARNING, detail=detail, mend=f"chmod 700 {folder}")


def _backups(folder: Path) -> Iterator[Check]:
    """How old the newest backup is, where any was ever made."""
    made = [one.stat().st_mtime for one in folder.iterdir() if one.is_file()] if folder.is_dir() else []
    if made:
        age = datetime.now(UTC) - datetime.fromtimestamp(max(made), UTC)
        state, mend = (WARNING, "copyctl backup make") if age > BACKUP_OLD else (OK, "")
        detail = f"the newest backup is {age.days} days old" if age.days else "the newest backup is of this day"
        yield Check(check="backup", state=state, detail=detail, mend=mend)


def of_calendar(rules: Rules, folder: Path) -> Iterator[Check]:
    """Are the trading days known for today and thirty days more?"""
    from copyctl.edge.trading_days import Calendars

    today = indian(int(datetime.now(UTC).timestamp() * 1e9)).date()
    hours = [one.policy.market_hours for one in rules.followers]
    for name in sorted({one.calendar for one in hours if one.enforce}):
        days, why = Calendars(folder).find(name)
        yield _calendar(name, days, why, today)
    if not any(one.enforce for one in hours):
        yield Check(check="calendar", state=OK, detail="market_hours.enforce is false: no calendar is looked at")


def _calendar(name: str, days: TradingDays | None, why: str, today: date) -> Check:
    mend = "pip install --upgrade exchange-calendars, or name the coming holidays under market_hours.holidays"
    if days is None:
        return Check(check="calendar", state=ERROR, detail=f"{name} is not to be had: {why}", mend=mend)
    until = today + CALENDAR_AHEAD
    if not days.covers(today) or days.last < until:
        detail = f"{name} is known to {days.last}: not for today and {CALENDAR_AHEAD.days} days more"
        return Check(check="calendar", state=ERROR, detail=detail, mend=mend)
    trades = "trades" if days.trades(today) else "does not trade"
    return Check(check="calendar", state=OK, detail=f"{name} {trades} today ({today}), and is known to {days.last}")


def of_instruments(source: str, folder: Path) -> Check:
    """The instrument master: there, and of today."""
    from copyctl.edge.instruments import MasterSource

    master = MasterSource(source, folder)
    asyncio.run(master.read())
    mend = "see broker.instruments and the network; without it derivatives have the lot sizes of the leader's frames"
    if not master.known:
        return Check(check="instruments", state=ERROR, detail=master.reason, mend=mend)
    if master.reason:
        return Check(check="instruments", state=WARNING, detail=master.reason, mend=mend)
    if "://" not in source:
        age = datetime.now(UTC) - datetime.fromtimestamp(Path(source).stat().st_mtime, UTC)
        if age > STALE_LIST:
            detail = f"{source} is {age.days} days old: new contracts are not in it"
            mend = "fetch it anew every morning, or leave broker.instruments out"
            return Check(check="instruments", state=WARNING, detail=detail, mend=mend)
    return Check(check="instruments", state=OK, detail=f"{source} is of today")


def of_alerts(rules: Rules, *, send: bool) -> Iterator[Check]:
    """Is anybody told? Addresses are only read, unless a message is to be sent. None is ever shown."""
    from copyctl.edge.probes import is_alert_address, send_alert

    urls = [one.reveal() for one in rules.alerts.urls]
    if not urls:
        mend = "name an address under alerts.urls"
        yield Check(check="alerts", state=WARNING, detail="nobody is told of anything: alerts.urls is empty", mend=mend)
    bad = []
    for number, url in enumerate(urls):
        is_known = is_alert_address(url)
        if is_known is None:
            yield Check(
                check="alerts", state=ERROR, detail="Apprise is not installed", mend="pip install apprise, then again"
            )
            return
        if not is_known:
            bad.append(number)
            detail = f"alerts.urls[{number}] is no address that Apprise knows"
            mend = "see github.com/caronc/apprise for the form of each service's address"
            yield Check(check="alerts", state=ERROR, detail=detail, mend=mend)
    if rules.alerts.heartbeat_url and not _is_web_address(rules.alerts.heartbeat_url.reveal()):
        mend = "it begins with https://, as the service that watches for it shows it"
        yield Check(check="alerts", state=ERROR, detail="alerts.heartbeat_url is no address of the web", mend=mend)
    if urls and not bad and not send:
        yield Check(check="alerts", state=OK, detail=f"{len(urls)} addresses can be read; --alert sends a test message")
    if urls and not bad and send:
        taken = send_alert(urls, f"copyctl {rules.name}", "a test message of copyctl doctor: nothing has happened")
        detail = "a test message was taken" if taken else "a test message was not taken by every address"
        mend = "" if taken else "see keys and chat ids of alerts.urls, and the network"
        yield Check(check="alerts", state=OK if taken else ERROR, detail=detail, mend=mend)


def _is_web_address(url: str) -> bool:
    from copyctl.edge.address import checked

    try:
        checked(url, "http", "https")
    except ValueError:
        return False
    return True


def of_metrics(rules: Rules) -> Iterator[Check]:
    """Is the port for metrics free, or held by the run that is alive?"""
    from copyctl.edge.journal_file import is_locked
    from copyctl.edge.probes import port_holder

    listen = rules.metrics.listen
    if not listen:
        return
    try:
        holder = port_holder(listen)
    except ValueError as fault:
        mend = "give metrics.listen a free port of this machine"
        yield Check(check="metrics", state=ERROR, detail=str(fault), mend=mend)
        return
    if holder == "copyctl" and is_locked(Path(rules.store.path)):
        yield Check(check="metrics", state=OK, detail=f"{listen} is served by the run that is alive")
    elif holder:
        mend = "end that program, or give metrics.listen another port"
        yield Check(check="metrics", state=ERROR, detail=f"{listen} is held by {holder}", mend=mend)
    else:
        yield Check(check="metrics", state=OK, detail=f"{listen} is free")


def of_rates(rules: Rules, sent: Mapping[str, int]) -> Iterator[Check]:
    """What is left of the day's orders. ``sent``: how many requests left today, by name. Rates above Dhan's own are
    told by lint."""
    most = rules.rate_limits.orders.per_day
    for one in rules.followers:
        left = max(0, most - sent.get(one.name, 0))
        state = WARNING if left * 10 < most else OK
        mend = "" if state == OK else "what is left is for cancels and exits: place less until tomorrow"
        detail = f"{left} of {most} requests that change an account are left today"
        yield Check(check="limits", account=one.name, state=state, detail=detail, mend=mend)


def worst(checks: Sequence[Check]) -> str:
    """The worst state of all."""
    return max((one.state for one in checks), key=(OK, WARNING, ERROR).index, default=OK)


def home(folder: Path, spare: str) -> Path:
    """Where what is fetched is kept: the store's folder where there is one, else ``spare``, which is thrown away."""
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else Path(spare)
