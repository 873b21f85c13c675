"""What people ask of a run: any process puts a row into the journal, and the run takes it in."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from copyctl.edge import journal_file
from copyctl.edge.journal_body import whole_characters
from copyctl.model.journal import Command


def waiting_commands(database: sqlite3.Connection) -> list[Command]:
    """The commands that no run has taken in yet, oldest first."""
    actions = "actions" if journal_file.has_column(database, "commands", "actions") else "''"  # a reader adds none
    rows = database.execute(
        f"SELECT id, given_at, command, account, reason, {actions} FROM commands"  # noqa: S608  two words of ours
        " WHERE taken_at IS NULL ORDER BY id"
    )
    return [
        Command(
            command_id=one, given_at=at, command=command, account=account, reason=reason, actions=tuple(actions.split())
        )
        for one, at, command, account, reason, actions in rows
    ]


def put_command(
    folder: Path, command: str, *, account: str = "", reason: str = "", actions: Sequence[str] = (), at: int
) -> int:
    """Ask the run on this store, or its next one, for something; returns the command's number. ``at``: now, ns.
    ``actions``: what a kill does besides what the rules say, words of ``kill_switch.actions``.

    Raises:
        StoreRefused: a newer version wrote the store.
        StoreUnusable: it cannot be written.
    """
    journal_file.make_folder(folder)
    texts = [str(whole_characters(text)) for text in (command, account, reason, " ".join(actions))]
    try:
        with contextlib.closing(journal_file.connect(folder)) as database:
            cursor = database.execute(
                "INSERT INTO commands (given_at, command, account, reason, actions) VALUES (?, ?, ?, ?, ?)",
                (at, *texts),
            )
            return cursor.lastrowid or 0
    except OSError as fault:
        raise journal_file.cannot_write(folder, fault.strerror) from None
    except sqlite3.Error as fault:
        raise journal_file.trouble(folder, fault) from None
