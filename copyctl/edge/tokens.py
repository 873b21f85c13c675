"""Where an account's token comes from while a run goes on, and where a new one goes.

A token that stands in a file is read again when the file has changed, so that a new one is taken up without a
restart; any other is what it was at the start, or what this process was given since: no program can change its own
parent's environment.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

CHECK_EVERY_SECONDS = 15.0
LONGEST = 16_384
SHORTEST = 16
"""Characters of a token. What is shorter is none of Dhan's, and may be part of any word."""
MOST_REMEMBERED = 4
MASK = b"***"

_Shape = tuple[int, int, int]


def _nobody(_text: str) -> None:
    return


class TokenSource:
    """One token: of a ``path``, or the fixed ``text``. It prints as ``***``.

    ``learned`` is told of every new token before anybody gets it: to mask it in logs. ``every_seconds``: how often
    the file is looked at, at most.

    Raises:
        OSError: there is no such file, or it cannot be read (at the start only: later the last token stays).
        ValueError: the file is empty, too long, or not text.
    """

    def __init__(
        self,
        *,
        text: str = "",
        path: Path | None = None,
        learned: Callable[[str], None] = _nobody,
        every_seconds: float = CHECK_EVERY_SECONDS,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble = ""
        self._text = text.strip()
        self._had: tuple[bytes, ...] = ()
        self._path = path
        self._learned = learned
        self._every_seconds = every_seconds
        self._steady = steady
        self._looked_at = steady()
        self._shape: _Shape | None = None
        if path is not None:
            self._take(path)
        elif self._text:
            self._is_now(self._text)

    @classmethod
    def of_variable(
        cls, name: str, environment: Mapping[str, str], *, learned: Callable[[str], None] = _nobody
    ) -> "TokenSource":
        """The token that an environment variable held at the start.

        Raises:
            KeyError: there is no such variable.
        """
        return cls(text=environment[name], learned=learned)

    def token(self) -> str:
        """The token as it is now. Never raises: while its file cannot be read (``trouble``) the last one stays."""
        if self._path is not None and self._steady() - self._looked_at >= self._every_seconds:
            self.look()
        return self._text

    def look(self) -> bool:
        """Look at the file now, whenever it was looked at last: is the token another one than before?"""
        if self._path is None:
            return False
        self._looked_at = self._steady()
        before = self._text
        try:
            if self._shape_of(self._path) != self._shape or self.trouble:
                self._take(self._path)
        except OSError as fault:
            self.trouble = f"the token file {self._path} cannot be read: {fault.strerror}"
        except ValueError as fault:
            self.trouble = str(fault)
        else:
            self.trouble = ""
        return self._text != before

    @property
    def lasts(self) -> bool:
        """Does a token that is put here outlive the process?"""
        return self._path is not None

    def put(self, token: str) -> str:
        """Take this token from now on, and write it where the next start reads it; why that could not be, or ""."""
        self._is_now(token)
        self.trouble = ""
        if self._path is None:
            return ""
        try:
            replace_token(self._path, token)
            self._shape = self._shape_of(self._path)
        except OSError as fault:
            return f"the token file {self._path} cannot be written: {fault.strerror}"
        return ""

    def hidden(self, raw: bytes) -> bytes:
        """What came in from the broker, without a token of this account in it."""
        for one in self._had:
            if one in raw:
                raw = raw.replace(one, MASK)
        return raw

    def _is_now(self, text: str) -> None:
        self._learned(text)
        self._text = text
        if len(text) >= SHORTEST and text.encode() not in self._had:
            self._had = (text.encode(), *self._had)[:MOST_REMEMBERED]

    def __repr__(self) -> str:
        return f"TokenSource(path={str(self._path)!r})" if self._path else "TokenSource(***)"

    @staticmethod
    def _shape_of(path: Path) -> _Shape:
        state = path.stat()
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _take(self, path: Path) -> None:
        shape = self._shape_of(path)
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise ValueError(f"the token file {path} is not text") from None
        if not text or len(raw) > LONGEST:
            raise ValueError(f"the token file {path} is {'too long' if text else 'empty'}")
        self._is_now(text)
        self._shape = shape


def replace_token(path: Path, token: str) -> None:
    """Put a new token where a file holds one: readable by its owner alone, in one move.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)  # what somebody else made there would be written to with the mode that he gave it
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(token.strip().encode("utf-8") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
