"""Logs: one line an event to standard error, in words or as JSON, and never a secret in it.

Whatever a program knows as secret is told to :func:`register_secret` before it is used; every line that leaves,
tracebacks and the lines of libraries included, is searched for all of them. Lines are made and written by a thread of
their own: trading never waits for a terminal or a disk.
"""

import atexit
import contextlib
import json
import logging
import logging.handlers
import queue
import re
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "***"
SHORTEST_PART: Final = 8
"""A secret shorter than this is masked only where it stands alone: a PIN may be part of an order's number."""

_LOOKS_SECRET: Final = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*)*|(?<=://)[^\s/@'\"]+(?=@)")
"""Tokens of the form that Dhan's have, and who an address says one is, whether anybody has told of them or not."""

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET: Final = ("asyncio", "aiohttp", "websockets")
MOST_WAITING: Final = 10_000
"""Lines that may wait for a slow reader; what comes beyond is left out."""
BEHIND_SECONDS: Final = 0.003
FLUSH_SECONDS: Final = 2.0


class _Secrets:
    """Every secret that is known, as one pattern, made when it is asked: a thousand accounts tell theirs at once."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, text: str) -> None:
        secret = text.strip()
        if not secret or secret in self._texts:
            return
        spelled = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
        self._texts |= spelled
        self._pattern = None

    def mask(self, text: str) -> str:
        pattern = self._pattern
        if pattern is None and self._texts:
            longest_first = sorted(self._texts, key=len, reverse=True)
            pattern = self._pattern = re.compile("|".join(_sought(one) for one in longest_first))
        return _LOOKS_SECRET.sub(MASK, text if pattern is None else pattern.sub(MASK, text))


def _sought(secret: str) -> str:
    found = re.escape(secret)
    return found if len(secret) >= SHORTEST_PART else rf"(?<![A-Za-z0-9]){found}(?![A-Za-z0-9])"


_SECRETS: Final = _Secrets()


def register_secret(text: str) -> None:
    """From now on no log line holds this text. Blank texts are nothing to hide."""
    _SECRETS.add(text)


def mask(text: str) -> str:
    """A text with every registered secret, and all that looks like one, replaced by ``***``."""
    return _SECRETS.mask(text)


def _masked(_logger: WrappedLogger, _name: str, line: Any) -> str:
    """The last processor: whatever was rendered, without secrets."""
    return mask(line if isinstance(line, str) else repr(line))


def _plain(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Mask within values as well, before a renderer cuts or escapes them."""
    return {key: mask(str(value)) if isinstance(value, str) else value for key, value in event.items()}


def _moment(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """When it happened, unless the line says so itself."""
    event.setdefault("at", datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
    return event


class _Handing(logging.handlers.QueueHandler):
    """Hands lines over as they are: within one process nothing has to be packed."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class _Writing(logging.handlers.QueueListener):
    """Writes lines in their order, a moment late: what a line tells of leaves first."""

    def __init__(self, lines: "queue.Queue[logging.LogRecord | None]", handler: logging.Handler) -> None:
        super().__init__(lines, handler)
        self._lines = lines

    def dequeue(self, block: bool) -> logging.LogRecord:
        record: logging.LogRecord = super().dequeue(block)
        if self._lines.empty():
            time.sleep(BEHIND_SECONDS)
        return record

    def enqueue_sentinel(self) -> None:
        self._lines.put(None)  # the library's own way fails where the queue is full


_WRITING: list[_Writing] = []
"""The thread that writes, if there is one."""


def flush() -> None:
    """Have everything written that was logged, within some seconds; from now on lines are written as they come."""
    while _WRITING:
        writing = _WRITING.pop()
        ending = threading.Thread(target=writing.stop, daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)
        root = logging.getLogger()
        root.handlers[:] = list(writing.handlers)


def configure(level: str, format: str) -> None:  # noqa: A002  the key's own name in the rules file
    """Send logs of this level (debug, info, warning, error) and above to standard error, as ``console`` or ``json``.

    Libraries' own logs go the same way, from info on: at debug they would show whole messages.

    Raises:
        KeyError: no such level.
    """
    least = LEVELS[level.lower()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _moment,
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if format == "json":
        renderers += [structlog.processors.format_exc_info, _plain, structlog.processors.JSONRenderer(default=repr)]
    else:
        colors = sys.stderr.isatty()
        plain = structlog.dev.plain_traceback  # a fancy one would print local variables
        renderers += [
            _plain,
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, timestamp_key="at"),
        ]
    renderers.append(_masked)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=renderers))
    flush()
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_WAITING)
    root = logging.getLogger()
    root.handlers[:] = [_Handing(lines)]
    _WRITING.append(_Writing(lines, handler))
    _WRITING[0].start()
    atexit.unregister(flush)
    atexit.register(flush)
    root.setLevel(least)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(least, logging.INFO))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
