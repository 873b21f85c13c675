"""``backup``: the journal's backups, and the way back to one."""

import time
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from copyctl.cli import options
from copyctl.cli.deployment import store_of, store_trouble
from copyctl.cli.speech import DONE, STORE, Format, answer, leave
from copyctl.cli.tables import backups_table
from copyctl.report.moments import date_of, day_of, told

if TYPE_CHECKING:
    from copyctl.edge.journal_backup import Backup, Restored


class BackupAction(StrEnum):
    """What can be done with backups."""

    LIST = "list"
    MAKE = "make"
    RESTORE = "restore"


def backup(
    action: Annotated[BackupAction, typer.Argument(help="What to do.")],
    day: Annotated[
        str | None, typer.Argument(metavar="DATE", help="restore: this day's backup; else the newest.")
    ] = None,
    *,
    rules: options.Rules,
    form: options.AsFormat = None,
) -> None:
    """List the journal's backups, make one, or restore one.

    A run makes one each day by itself, at the first rest of the Indian day, and keeps those of 14 days. make works
    beside a run; restore is refused while one is alive. It moves the journal that is there aside, and says what may be
    missing: orders and copies of today are found again by their ids, what was decided since is not.

    \b
    Example:
      copyctl backup list --rules rules/half-size.yaml
      copyctl backup make --rules rules/half-size.yaml
      copyctl backup restore 2026-11-27 --rules rules/half-size.yaml
    """
    wanted = _day(day)
    if wanted is not None and action is not BackupAction.RESTORE:
        raise typer.BadParameter(f"{action} takes no date", param_hint="DATE")
    folder = store_of(rules)
    match action:
        case BackupAction.LIST:
            _list(folder, form)
        case BackupAction.MAKE:
            _make(folder, form)
        case BackupAction.RESTORE:
            _restore(folder, wanted, form)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: use 2026-11-27", param_hint="DATE") from None


def _list(folder: Path, form: Format | None) -> None:
    from copyctl.edge.journal_backup import backups

    rows = [_row(one) for one in backups(folder)]
    answer(form, {"backups": rows}, backups_table(rows))


def _make(folder: Path, form: Format | None) -> None:
    from copyctl.edge.journal_backup import BackupFailed, make
    from copyctl.edge.journal_file import FILE, is_locked

    if not (folder / FILE).exists():
        leave(STORE, f"there is no store in {folder} yet: nothing can be backed up")
    try:
        made = make(folder, date_of(day_of(time.time_ns())))
    except BackupFailed as fault:
        leave(STORE, str(fault))
    detail = f"the journal as it was at {told(made.made_at)} is kept in {made.path}, and was found sound"
    _done(form, detail, running=is_locked(folder), backup=_row(made))


def _restore(folder: Path, day: date | None, form: Format | None) -> None:
    from copyctl.edge.journal_backup import restore
    from copyctl.edge.journal_file import is_locked

    if not folder.is_dir():
        leave(STORE, f"there is no store in {folder}: nothing can be restored")
    with store_trouble():
        done = restore(folder, day, time.time_ns())
    aside = f"; the journal that was there is kept as {done.aside}, with -wal and -shm" if done.aside else ""
    detail = (
        f"the journal of {told(done.backup.made_at)} stands in its place{aside}. At the next start today's orders and "
        "copies are recognised by their ids from the order books, and nothing is placed twice. Missing is what nobody "
        "but the journal knew since then: decisions (an order of the leader that was skipped or refused is decided "
        "anew, an old one by policy.late), pauses and resumes, what counts for today's limits, and the lines of "
        f"copyctl events. {_kill_switch(done)}. After the start: compare copyctl orders and copyctl positions with the "
        "broker"
    )
    _done(
        form,
        detail,
        running=is_locked(folder),
        backup=_row(done.backup),
        moved_aside=str(done.aside) if done.aside else None,
    )


def _kill_switch(done: "Restored") -> str:
    if done.killed is None:
        return "Whether the kill switch was on cannot be read: give copyctl kill before the start if it was"
    if not done.killed:
        return "The kill switch was not on"
    return f"The kill switch was on for {', '.join(done.killed)}, and is so again from the next start on"


def _done(form: Format | None, detail: str, *, running: bool, **more: Any) -> NoReturn:
    document = {"ok": True, "applied": "running" if running else "stored", "detail": detail, **more}
    answer(form, document, detail)
    raise typer.Exit(DONE)


def _row(one: "Backup") -> dict[str, Any]:
    return {"date": one.day.isoformat(), "path": str(one.path), "bytes": one.size, "made_at": told(one.made_at)}
