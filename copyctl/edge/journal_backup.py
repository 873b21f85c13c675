"""Backups of a journal: whole, checked, one a day; made beside the run that writes it, and put back in its place.

SQLite's own backup copies one picture of the journal, through a connection of its own, a piece at a time: neither the
writer nor a reader waits for it. What is not whole never bears the name of a backup.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec

from copyctl.edge import journal_chain, journal_file
from copyctl.edge.journal_body import read_records
from copyctl.edge.journal_file import StoreRefused, StoreUnusable
from copyctl.edge.read_only import connect_to_read
from copyctl.model.account import Account

FOLDER: Final = "backups"
KEPT_DAYS: Final = 14
"""Two weeks: damage that shows only after a weekend, or a holiday on top, still has sound days before it."""
KEPT_ANYHOW: Final = 3
"""So many, however old: a clock that is off deletes no last backup."""
PAGES_AT_ONCE: Final = 256
"""A megabyte, and each is on the disk before the next: the run's own short writes never wait behind a long one."""
PAUSE_SECONDS: Final = 0.005
LEFT_FREE: Final = 128 * 2**20
"""Bytes of the disk that a backup leaves: with none left the run itself could write nothing."""
STALE_SECONDS: Final = 86_400
_ACCOUNT: Final = msgspec.json.Decoder(Account)
_STEPS_BETWEEN_LOOKS: Final = 100_000
_FRESH: Final = f"{journal_file.FILE}.restoring"


class BackupFailed(OSError):
    """No backup was made; the text says why. The journal and older backups are as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that is there. ``day``: the Indian day on which it was made, ``made_at`` when (ns)."""

    day: date
    path: Path
    size: int
    made_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup that stands in the journal's place now. ``aside``: where the journal that was there is, if one was.
    ``killed``: the accounts that it held by the kill switch, None where that could not be read."""

    backup: Backup
    aside: Path | None
    killed: tuple[str, ...] | None


def path_of(folder: Path, day: date) -> Path:
    """Where the backup of a day is, or would be."""
    return folder / FOLDER / f"journal-{day.isoformat()}.sqlite"


def backups(folder: Path) -> list[Backup]:
    """The backups of a store, newest first."""
    found = []
    for path in (folder / FOLDER).glob("journal-*.sqlite"):
        with contextlib.suppress(ValueError, FileNotFoundError):  # no name of ours; gone since
            day = date.fromisoformat(path.stem.removeprefix("journal-"))
            told = path.stat()
            found.append(Backup(day=day, path=path, size=told.st_size, made_at=told.st_mtime_ns))
    return sorted(found, key=lambda one: one.day, reverse=True)


def make(folder: Path, day: date, stop: Callable[[], bool] = lambda: False) -> Backup:
    """Back the journal up as that of this day, in place of an earlier one of it, and let go those that are too old.

    Slow: for a thread of its own. Once ``stop`` is true it gives up.

    Raises:
        BackupFailed: with the reason.
    """
    place = path_of(folder, day)
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        _room_for(folder)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        _sweep(place.parent)
        with contextlib.ExitStack() as undo:
            handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            undo.callback(part.unlink, missing_ok=True)
            undo.callback(os.close, handle)
            _copy(folder, part, handle, stop)
            os.replace(part, place)
        _sync(place.parent)
    except sqlite3.Error as fault:
        why = "it was stopped" if stop() else str(journal_file.trouble(folder, fault, reading=True))
        raise BackupFailed(f"the journal {folder / journal_file.FILE} was not backed up: {why}") from None
    except OSError as fault:
        why = fault.strerror or str(fault)
        raise BackupFailed(f"the journal {folder / journal_file.FILE} was not backed up: {why}") from None
    for old in backups(folder)[KEPT_ANYHOW:]:
        if old.day <= day - timedelta(days=KEPT_DAYS):
            old.path.unlink(missing_ok=True)
    told = place.stat()
    return Backup(day=day, path=place, size=told.st_size, made_at=told.st_mtime_ns)


def restore(folder: Path, day: date | None, now: int) -> Restored:
    """Put the backup of a day, or the newest, in the journal's place; what stands there is moved aside, never deleted.

    A kill switch that is on in the journal which goes is on afterwards, where that can be read. Commands that the
    backup holds as not taken in were, or are long out of date: of those only a kill is kept, and it stops copying, no
    more.

    Raises:
        StoreLocked: a run is alive.
        StoreRefused: there is no such backup.
        StoreUnusable: it is damaged, or cannot be put there.
    """
    journal_file.make_folder(folder)
    lock = journal_file.take_lock(folder)
    try:
        chosen = next((one for one in backups(folder) if day in (None, one.day)), None)
        if chosen is None:
            raise StoreRefused(f"there is no backup{f' of {day}' if day else ''} in {folder / FOLDER}")
        _refuse_damaged(chosen)
        killed = _killed(folder)
        try:
            aside = _swap(folder, chosen, now)
            _settle_commands(folder, killed or (), now)
        except OSError as fault:
            raise journal_file.cannot_write(folder, fault.strerror) from None
        except sqlite3.Error as fault:
            raise journal_file.trouble(folder, fault) from None
        told = None if killed is None else tuple(one.account for one in killed)
        return Restored(backup=chosen, aside=aside, killed=told)
    finally:
        os.close(lock)


def _room_for(folder: Path) -> None:
    parts = (folder / f"{journal_file.FILE}{part}" for part in ("", "-wal"))
    needed = sum(path.stat().st_size for path in parts if path.exists())
    left = shutil.disk_usage(folder).free - needed
    if left < LEFT_FREE:
        raise BackupFailed(f"it would leave {left // 2**20} MB of the disk, less than {LEFT_FREE // 2**20}")


def _sweep(folder: Path) -> None:
    """Throw away what a process that was killed has left half done."""
    for part in folder.glob("journal-*.part*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink()


def _copy(folder: Path, part: Path, handle: int, stop: Callable[[], bool]) -> None:
    """The journal as it is at this moment, to its end, with the head of its chain, and found sound."""

    def one_piece_more(_status: int, _remaining: int, _total: int) -> None:
        os.fdatasync(handle)
        if stop():
            raise BackupFailed("it was stopped")
        time.sleep(PAUSE_SECONDS)

    with (
        contextlib.closing(connect_to_read(folder / journal_file.FILE)) as source,
        contextlib.closing(sqlite3.connect(part, isolation_level=None)) as target,
    ):
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM meta").fetchone()  # one picture: else each write would begin it anew
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target, pages=PAGES_AT_ONCE, progress=one_piece_more)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")  # it is one file: nothing of it in a log beside it
        if all(journal_file.has_column(target, *one) for one in (("events", "seal"), ("notices", "hash"))):
            journal_chain.write_head(target, journal_chain.read_ends(target))
        target.set_progress_handler(stop, _STEPS_BETWEEN_LOOKS)
        verdict = str(target.execute("PRAGMA quick_check(1)").fetchone()[0])
        if verdict != "ok":
            raise BackupFailed(f"it is damaged ({verdict}). {journal_file.MEND}")
    os.fsync(handle)


def _refuse_damaged(backup: Backup) -> None:
    """Look whether a run could start with it.

    Raises:
        StoreUnusable: it could not.
    """
    try:
        address = f"{backup.path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as database:
            verdict = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
            if verdict == "ok" and not journal_file.has_schema(database):
                verdict = "it is no journal"
            if verdict == "ok":
                journal_file.refuse_newer(database, backup.path.parent)
                read_records(database)
    except (sqlite3.Error, ValueError) as fault:
        verdict = str(fault)
    if verdict != "ok":
        raise StoreUnusable(
            f"the backup {backup.path} cannot be used: {verdict}. Take an earlier one (copyctl backup list); nothing "
            "was changed"
        )


def _swap(folder: Path, backup: Backup, now: int) -> Path | None:
    """Put it there. Until the last move the journal's own file stands in its place: no run begins on nothing."""
    place, fresh = folder / journal_file.FILE, folder / _FRESH
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now / 1e9))
    aside = folder / f"{journal_file.FILE}.damaged-{moment}"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as copy, backup.path.open("rb") as source:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    had = place.exists()
    if had:
        os.link(place, aside)
    for part in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{place}{part}", f"{aside}{part}")
    os.replace(fresh, place)
    _sync(folder)
    return aside if had else None


def _killed(folder: Path) -> Sequence[Account] | None:
    """The accounts that the kill switch holds in the journal as it is, None where it cannot be read."""
    if not (folder / journal_file.FILE).exists():
        return None
    try:
        with contextlib.closing(connect_to_read(folder / journal_file.FILE)) as database:
            bodies = database.execute("SELECT body FROM records WHERE tbl = 'account'").fetchall()
            accounts = [_ACCOUNT.decode(body) for (body,) in bodies]
    except (sqlite3.Error, ValueError, TypeError):
        return None
    return [one for one in accounts if one.killed_at]


def _settle_commands(folder: Path, killed: Sequence[Account], now: int) -> None:
    """What the next run finds to do: no old command, and each kill that was on."""
    with contextlib.closing(journal_file.connect(folder)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "UPDATE commands SET taken_at = ?, answer = 'a backup was restored'"
            " WHERE taken_at IS NULL AND command <> 'kill'",
            (now,),
        )
        database.execute("UPDATE commands SET actions = '' WHERE taken_at IS NULL")
        for one in killed:
            reason = f"{one.killed_reason} (it was on when a backup was restored)"
            database.execute(
                "INSERT INTO commands (given_at, command, account, reason, actions) VALUES (?, 'kill', ?, ?, ?)",
                (now, one.account, reason, "halt" if one.halted else ""),
            )
        database.execute("COMMIT")


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
