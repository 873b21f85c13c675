"""Overlay: one table as a step sees it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from copyctl.core.keys import key_of
from copyctl.model.records import Record

R = TypeVar("R", bound=Record)


class Overlay(Generic[R]):
    """One table as a step sees it: the state's rows, with what this step wrote over them. ``account_of``: whose record
    a key is of; then what was written is kept by account as well."""

    def __init__(self, rows: Mapping[str, R], account_of: Callable[[str], str] | None = None) -> None:
        self._rows = rows
        self._account_of = account_of
        self.written: dict[str, R | None] = {}
        self.by_account: dict[str, dict[str, R | None]] = {}

    def get(self, key: str) -> R | None:
        """The newest record under this key."""
        return self.written[key] if key in self.written else self._rows.get(key)

    def put(self, record: R) -> None:
        """Write a record; one that says nothing new is no change."""
        key = key_of(record)
        if self.get(key) != record:
            self._write(key, record)

    def drop(self, key: str) -> None:
        """Forget a record."""
        self._write(key, None)

    def _write(self, key: str, record: R | None) -> None:
        self.written[key] = record
        if self._account_of is not None:
            self.by_account.setdefault(self._account_of(key), {})[key] = record

    def of(self, account: str) -> Mapping[str, R | None]:
        """What this step wrote of an account's, in a table whose keys tell whose it is."""
        return self.by_account.get(account, {})

    def among(self, keys: Mapping[str, None], fits: Callable[[R], bool], account: str = "") -> list[R]:
        """The records under these keys, all of which fit as the state has them, and of what was written, of this
        account's where one is named, what fits."""
        rows, written = self._rows, self.of(account) if account else self.written
        if written.keys().isdisjoint(keys):
            found = [rows[key] for key in keys]
        else:
            newest = ((key, written.get(key, rows[key])) for key in keys)
            found = [one for key, one in newest if one is not None and (key not in written or fits(one))]
        return found + [one for key, one in written.items() if one is not None and key not in keys and fits(one)]

    def values(self) -> Iterator[R]:
        """Every record, in the order in which it first came."""
        for key, row in self._rows.items():
            newest = self.written.get(key, row)
            if newest is not None:
                yield newest
        for key, written in self.written.items():
            if written is not None and key not in self._rows:
                yield written
