"""Probes: what a machine, a disk and a network say of themselves when asked once. Nothing is changed by asking."""

import contextlib
import http.client
import logging
import os
import shutil
import socket
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from copyctl.edge import journal_file
from copyctl.edge.journal_reader import JournalReader

WAL_RESET_MENDED: Final = (3, 51, 3)
"""Before this SQLite two processes that move the write-ahead log at once may spoil the file, if very rarely."""
ANSWERS_WITHIN_SECONDS: Final = 2.0
OURS: Final = b"copyctl_"
LONGEST_METRICS: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProbe:
    """How a store stands. ``trouble``: why it cannot be used, or ""; ``free``: bytes on its disk; ``size``: of the
    journal and its log, 0 where there is none."""

    trouble: str
    writable: bool
    free: int
    size: int


def probe_store(folder: Path) -> StoreProbe:
    """A store, or the folder that it would be made in. A live run is not disturbed: reading never blocks its writer."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    files = (folder / journal_file.FILE, folder / f"{journal_file.FILE}-wal")
    return StoreProbe(
        trouble=_journal_trouble(folder),
        writable=os.access(there, os.W_OK | os.X_OK),
        free=shutil.disk_usage(there).free,
        size=sum(one.stat().st_size for one in files if one.exists()),
    )


def _journal_trouble(folder: Path) -> str:
    path = folder / journal_file.FILE
    if not path.exists():
        return ""
    try:
        database = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=journal_file.BUSY_SECONDS, isolation_level=None
        )
        with contextlib.closing(database):
            if journal_file.has_schema(database):
                journal_file.refuse_newer(database, folder)
                journal_file.check(database, folder)
    except (sqlite3.Error, OSError) as fault:
        return str(journal_file.cannot_use(folder, fault))
    except journal_file.StoreError as fault:
        return str(fault)
    return ""


def store_leader(folder: Path) -> str:
    """Whose store it is, "" where nobody has begun one.

    Raises:
        StoreError: it cannot be read.
    """
    journal = JournalReader(folder)
    try:
        return journal.meta("leader") or ""
    finally:
        journal.close()


def sqlite_note() -> str:
    """The library's version, and what is to be known of it."""
    if sqlite3.sqlite_version_info >= WAL_RESET_MENDED:
        return f"SQLite {sqlite3.sqlite_version}"
    mended = ".".join(map(str, WAL_RESET_MENDED))
    return f"SQLite {sqlite3.sqlite_version} (the fault in its write-ahead log that {mended} mended is kept clear of)"


def port_holder(listen: str) -> str:
    """Who holds the port of ``host:port``: "" nobody, "copyctl", or "another program".

    Raises:
        ValueError: it is no host and port, or not of this machine.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    odd = ValueError(f"{listen} is no address of the form 127.0.0.1:9464")
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        raise odd
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
    except socket.gaierror:
        raise odd from None
    except OSError as fault:
        if not _answers(host, int(port)):
            raise ValueError(f"{listen} cannot be listened on: {fault.strerror}") from None
        return "copyctl" if _is_ours(host, int(port)) else "another program"
    return ""


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), ANSWERS_WITHIN_SECONDS).close()
    except OSError:
        return False
    return True


def _is_ours(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWERS_WITHIN_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return OURS in connection.getresponse().read(LONGEST_METRICS)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_alert_address(url: str) -> bool | None:
    """Does Apprise know what to do with this address? None where Apprise is not installed."""
    try:
        with _quietly():
            from apprise import Apprise  # noqa: PLC0415  half a second

            return bool(Apprise().add(url))
    except ImportError:
        return None


def send_alert(urls: Sequence[str], title: str, text: str) -> bool:
    """Send a message to all of these addresses; False where one of them did not take it."""
    with _quietly():
        from apprise import Apprise  # noqa: PLC0415  half a second

        sender = Apprise()
        return all(sender.add(url) for url in urls) and bool(sender.notify(body=text, title=title))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Apprise logs the addresses that it cannot use, keys and all, and loads what Python calls out of date."""
    log = logging.getLogger("apprise")
    before, log.disabled = log.disabled, True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            log.disabled = before
