"""A deployment as its rules file and its store show it, with no variable set and no run alive."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from copyctl.cli.speech import STORE, USAGE, leave, note
from copyctl.edge.journal import StoreError
from copyctl.edge.journal_reader import JournalReader
from copyctl.model.policy import Rules
from copyctl.rules import RulesRefused, load, outline, render

DRY_RUN = "dry-run"
SHADOW = "shadow"
"""Stores below the store: of a dry run, and of the shadow of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``rules``: without secrets; a client id whose variable is not set stands there as it is written. ``folder``:
    where the store is. ``names``: the followers' names by account, as the journal and the rules tell them."""

    rules: Rules
    folder: Path
    journal: JournalReader
    names: Mapping[str, str]

    @property
    def leader(self) -> str:
        """The leader's account; the journal knows it without any variable."""
        return self.journal.meta("leader") or self.rules.leader.client_id

    @property
    def followers(self) -> dict[str, str]:
        """The accounts of the followers in the rules file by name, "" where nothing tells one."""
        accounts = {name: account for account, name in self.names.items()}
        return {one.name: accounts.get(one.name, "") for one in self.rules.followers}

    def refuse_strangers(self, follower: str | None) -> None:
        """End the command where nobody has this name."""
        if follower is not None and follower not in (*self.followers, *self.names.values()):
            leave(USAGE, f"no follower is called {follower}; there are {', '.join(self.followers)}")


def store_of(rules_file: Path, *, dry_run: bool = False) -> Path:
    """Where the store of a rules file is, for what must work with a journal that cannot be read."""
    return _folder(_rules(rules_file), dry_run=dry_run)


@contextlib.contextmanager
def deployment(rules_file: Path, *, dry_run: bool = False, shadow: bool = False) -> Iterator[Deployment]:
    """Open a deployment to look into it. A file or a store that cannot be used ends the command, saying why."""
    rules = _rules(rules_file)
    folder = _folder(rules, dry_run=dry_run)
    folder = folder / SHADOW if shadow else folder
    with store_trouble():
        journal = JournalReader(folder)
        try:
            yield Deployment(rules=rules, folder=folder, journal=journal, names=names_of(journal, rules))
        finally:
            journal.close()


def note_empty(it: Deployment) -> None:
    """Say so where there is no store yet: it is empty, and no error."""
    if not it.journal.exists:
        note(f"there is no store in {it.folder} yet: nothing has happened")


@contextlib.contextmanager
def store_trouble() -> Iterator[None]:
    """End the command with its exit code where the store cannot be used."""
    try:
        yield
    except StoreError as trouble:
        leave(STORE, str(trouble))


@contextlib.contextmanager
def rules_trouble() -> Iterator[None]:
    """End the command where a rules file cannot be used, with everything that was found in it."""
    try:
        yield
    except RulesRefused as refused:
        leave(USAGE, f"the rules file cannot be used:\n{render(refused.findings)}")


def _folder(rules: Rules, *, dry_run: bool) -> Path:
    return Path(rules.store.path) / DRY_RUN if dry_run else Path(rules.store.path)


def _rules(rules_file: Path) -> Rules:
    with rules_trouble():
        outline(rules_file, os.environ)  # name, store and followers must be known, all else may stay open
        return load(rules_file, os.environ, offline=True)


def names_of(journal: JournalReader, rules: Rules) -> dict[str, str]:
    """What the last run wrote down, and over it what the rules file says by now."""
    names: dict[str, str] = json.loads(journal.meta("followers") or "{}")
    told = {one.client_id: one.name for one in rules.followers if "${" not in one.client_id}
    return {account: name for account, name in names.items() if name not in told.values()} | told
