"""The instrument master: Dhan's published list of everything that can be traded, in either of its CSV layouts.

It has some 200 000 rows, so what is kept of each is one line of text and one integer to find it by; an ``Instrument``
is made when it is asked for. A row is known by segment and id together: ids are used again in other segments, and
once more after a contract has expired.
"""

import asyncio
import contextlib
import csv
import datetime
import hashlib
import os
import time
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from copyctl import __version__
from copyctl.edge import instrument_row as rows
from copyctl.model.instrument import Instrument
from copyctl.model.terms import InstrumentKind, Segment

MASTER_URL: Final = "https://images.dhan.co/api-data/api-scrip-master-detailed.csv"
LARGEST_FILE: Final = 512 * 2**20
READ_SECONDS: Final = 15.0
USER_AGENT: Final = f"copyctl/{__version__}"
IST: Final = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

_SEGMENTS: Final = tuple(Segment)
_PLACES: Final = {segment: place for place, segment in enumerate(Segment)}
_ID_BITS, _OFFSET_BITS = 28, 32
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


_ON_SHARES: Final = frozenset({InstrumentKind.FUTSTK, InstrumentKind.OPTSTK})
REFRESH_SECONDS: Final = 600.0
"""A list that did not have an instrument is fetched anew at most so often."""


class MasterSource:
    """The list as a run uses it: from a file or an address, and read once more when an instrument is missing in it."""

    def __init__(self, source: str, folder: Path, *, timeout_seconds: float = 30.0) -> None:
        self._source = source
        self._folder = folder
        self._timeout = timeout_seconds
        self._master = InstrumentMaster("not read yet")
        self._read_at = 0.0
        self._refreshed = False

    @property
    def known(self) -> bool:
        """Is there a list to look in at all?"""
        return self._master.known

    @property
    def reason(self) -> str:
        """Why there is none, or what is amiss with it, else ""."""
        return self._master.reason

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        """The instrument, or None where the list does not have it."""
        return self._master.find(segment, security_id)

    async def read(self) -> None:
        """Read the list. Never raises for what a network or a disk does."""
        self._read_at = time.monotonic()
        if "://" in self._source:
            fresh = await InstrumentMaster.fetch(self._source, self._folder, timeout_seconds=self._timeout)
        else:
            fresh = await asyncio.to_thread(InstrumentMaster.load_file, Path(self._source))
        if fresh.known or not self._master.known:
            self._master = fresh

    async def refresh(self) -> None:
        """Read it once more, unless that was done just before: new instruments are listed during the day (8.6)."""
        if time.monotonic() - self._read_at < REFRESH_SECONDS and self._refreshed:
            return
        self._refreshed = True
        if "://" in self._source:
            InstrumentMaster.forget(self._source, self._folder)
        await self.read()


class InstrumentMaster:
    """What can be traded. ``known``: is there a list at all; ``reason``: why not, or what is amiss with it, else ""."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        self._lines = b""
        self._index: array[int] = array("Q")
        self._odd: dict[tuple[Segment, str], int] = {}
        self._rupees = False
        self._with_derivatives: set[str] = set()

    @classmethod
    def load_file(cls, path: Path, *, today: datetime.date | None = None) -> "InstrumentMaster":
        """The list in this file, without what had expired before ``today`` (the present day in India).

        Never raises: a list that cannot be read is not ``known``, with the ``reason``.
        """
        master = cls()
        try:
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                master._take(csv.reader(file), (today or _today()).isoformat())
        except OSError as fault:
            return cls(f"the instrument list {path} cannot be read: {fault.strerror}")
        except (ValueError, csv.Error) as fault:
            return cls(f"the instrument list {path} cannot be used: {fault}")
        return master if len(master) else cls(f"the instrument list {path} names nothing that can be traded")

    @classmethod
    async def fetch(cls, url: str, folder: Path, *, timeout_seconds: float) -> "InstrumentMaster":
        """The list at this address, fetched once a day (India's) and kept in ``folder``.

        While it cannot be had, the newest copy that was kept serves, with the ``reason``. Never raises for what a
        network or a disk does. A list of a program on this machine is fetched every time.
        """
        kept = cls.kept_at(url, folder)
        if _day_of(kept) == _today() and urlsplit(url).hostname not in _LOOPBACK:
            master = await asyncio.to_thread(cls.load_file, kept)
            if master.known:
                return master
        fresh = kept.with_suffix(f".{os.getpid()}")
        try:
            await _download(url, fresh, timeout_seconds)
            return await asyncio.to_thread(cls._kept, fresh, kept)
        except (OSError, ValueError) as fault:
            told = str(fault) or type(fault).__name__
            return await asyncio.to_thread(cls._older, kept, f"the instrument list {url} could not be had: {told}")
        finally:
            with contextlib.suppress(OSError):
                fresh.unlink()

    @staticmethod
    def kept_at(url: str, folder: Path) -> Path:
        """Where the copy of the list at this address is kept."""
        return folder / f"instruments-{hashlib.sha256(url.encode()).hexdigest()[:12]}.csv"

    @staticmethod
    def at_hand(source: str | None, folder: Path | None) -> Path | None:
        """The file of the list that ``broker.instruments`` means (``source``), as far as it lies on this machine: the
        one that it names, or the copy that a run has kept in ``folder``, which is the only one there."""
        kept = folder.glob("instruments-*.csv") if folder is not None else ()
        named = [Path(source)] if source is not None and "://" not in source else kept
        return next((path for path in named if path.is_file()), None)

    @classmethod
    def forget(cls, url: str, folder: Path) -> None:
        """Let the copy that is kept count as one of yesterday: it serves only while the list cannot be had."""
        kept = cls.kept_at(url, folder)
        with contextlib.suppress(OSError):
            os.utime(kept, (0, 0))

    @classmethod
    def _kept(cls, fresh: Path, kept: Path) -> "InstrumentMaster":
        """The list in a file that was fetched just now, which is kept in place of every other one.

        Raises:
            OSError, ValueError: it cannot be kept, or is no list.
        """
        master = cls.load_file(fresh)
        if not master.known:
            raise ValueError(master.reason)
        fresh.replace(kept)
        for other in kept.parent.glob("instruments-*.csv"):
            if other != kept:
                other.unlink(missing_ok=True)
        return master

    @classmethod
    def _older(cls, kept: Path, why: str) -> "InstrumentMaster":
        day = _day_of(kept)
        master = cls.load_file(kept) if day else cls()
        master.reason = f"{why}; the copy of {day} serves" if master.known else why
        return master

    @property
    def known(self) -> bool:
        """Is there a list to look in at all?"""
        return len(self) > 0

    def __len__(self) -> int:
        return len(self._index) + len(self._odd)

    def find(self, segment: Segment, security_id: str) -> Instrument | None:
        """The instrument, or None where the list does not have it, or does not say what must be known of it."""
        offset = self._offset(segment, security_id)
        if offset is None:
            return None
        line = self._lines[offset : self._lines.index(b"\n", offset)].decode("utf-8")
        found = rows.instrument(segment, security_id, line.split("\t"), rupees=self._rupees)
        if found is None or segment.is_derivative or not self._with_derivatives:
            return found
        name = found.underlying or found.symbol
        return replace(found, derivatives=name in self._with_derivatives)

    def has(self, security_id: str) -> bool:
        """Is there anything with this id, in whatever segment?"""
        return any(self._offset(segment, security_id) is not None for segment in Segment)

    def kinds(self) -> Iterator[Instrument]:
        """One instrument of each sort: of shares each one, of derivatives one for each underlying, kind and lot."""
        told: set[tuple[Segment, str, str, str]] = set()
        codes = ((_SEGMENTS[code >> _OFFSET_BITS + _ID_BITS], code & ((1 << _OFFSET_BITS) - 1)) for code in self._index)
        for segment, offset in (*codes, *((segment, at) for (segment, _), at in self._odd.items())):
            kept = self._lines[offset : self._lines.index(b"\n", offset)].decode("utf-8").split("\t")
            symbol, underlying, kind, *_, lot, _ = kept
            sort = (segment, underlying or rows.named_in(symbol), kind, lot)
            if segment.is_derivative and sort in told:
                continue
            told.add(sort)
            found = rows.instrument(segment, "", kept, rupees=self._rupees)
            if found is not None:
                yield found

    def _offset(self, segment: Segment, security_id: str) -> int | None:
        code = _code(segment, security_id)
        if code is None:
            return self._odd.get((segment, security_id))
        place = bisect_left(self._index, code << _OFFSET_BITS)
        if place < len(self._index) and self._index[place] >> _OFFSET_BITS == code:
            return self._index[place] & ((1 << _OFFSET_BITS) - 1)
        return None

    def _take(self, table: Iterator[list[str]], today: str) -> None:
        """Take in a table. Of two rows with one key the first counts."""
        places = rows.columns(next(table, []))
        lines = bytearray()
        found: list[int] = []
        ticks: dict[str, int] = {}
        for segment, security_id, kept in _usable(table, places, today):
            code = _code(segment, security_id)
            if code is None:
                self._odd.setdefault((segment, security_id), len(lines))
            else:
                found.append(code << _OFFSET_BITS | len(lines))
            if segment in (Segment.NSE_FNO, Segment.BSE_FNO):
                _, underlying, kind, _ = kept.split("\t", 3)
                if kind in _ON_SHARES and underlying:
                    self._with_derivatives.add(underlying)
            lines += kept.encode("utf-8", "replace")
            lines += b"\n"
            if segment not in (Segment.NSE_CURRENCY, Segment.BSE_CURRENCY):
                tick = kept[kept.rindex("\t") + 1 :]
                ticks[tick] = ticks.get(tick, 0) + 1
        if len(lines) >= 1 << _OFFSET_BITS:
            raise ValueError("it is too long")
        found.sort()
        self._index = array("Q", found)
        self._lines = bytes(lines)
        self._rupees = rows.ticks_in_rupees(ticks)


def _usable(table: Iterable[list[str]], places: dict[str, int], today: str) -> Iterator[tuple[Segment, str, str]]:
    """Segment, id and the kept columns (between tabs) of every row that can be traded still."""
    exchange_at, segment_at, id_at = places["exchange"], places["segment"], places["security_id"]
    expiry_at = places.get("expiry")
    blank = len(places) and max(places.values()) + 1
    pick = itemgetter(*(places.get(name, blank) for name in rows.KEPT))
    for row in table:
        if len(row) < blank:
            continue
        segment = rows.SEGMENTS.get((row[exchange_at], row[segment_at]))
        security_id = row[id_at].strip()
        if segment is None or not security_id:
            continue
        if expiry_at is not None and "1" < row[expiry_at][:10] < today and row[expiry_at][:4].isdigit():
            continue
        row[blank:] = ("",)
        kept = "\t".join(pick(row))
        if kept.count("\t") != len(rows.KEPT) - 1 or "\n" in kept or "\r" in kept:
            kept = "\t".join(" ".join(part.split()) for part in pick(row))
        yield segment, security_id, kept


def _code(segment: Segment, security_id: str) -> int | None:
    """Segment and id as one number, where the id is a plain number of up to eight digits."""
    if len(security_id) <= 8 and security_id.isascii() and security_id.isdigit() and security_id[0] != "0":
        return _PLACES[segment] << _ID_BITS | int(security_id)
    return None


async def _download(url: str, path: Path, timeout_seconds: float) -> None:
    """Fetch a file as it is, readable by its owner alone.

    Raises:
        OSError, ValueError: it could not be had; part of it may be there.
    """
    import aiohttp  # noqa: PLC0415  half of what a start loads, for what is fetched once a day

    timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_read=READ_SECONDS)
    headers = {"User-Agent": USER_AGENT}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=False) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")
            await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            await _save(response.content.iter_any(), path)
    except aiohttp.ClientError as fault:
        raise OSError(str(fault) or type(fault).__name__) from None


async def _save(parts: AsyncIterator[bytes], path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        size = 0
        async for part in parts:
            size += len(part)
            if size > LARGEST_FILE:
                raise ValueError(f"more than {LARGEST_FILE} bytes")
            file.write(part)


def _today() -> datetime.date:
    return datetime.datetime.now(IST).date()


def _day_of(path: Path) -> datetime.date | None:
    """The day (India's) on which a file was written; None where there is none."""
    try:
        return datetime.datetime.fromtimestamp(path.stat().st_mtime, IST).date()
    except OSError:
        return None
