"""Signals to a command that works for a while: the first ends its work in order."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def stopped_by_signals(stop: asyncio.Event) -> AsyncIterator[None]:
    """The first SIGINT or SIGTERM ends the waiting, and what was done is told; the second one ends everything."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def first() -> None:
        stop.set()
        for one in signals:
            loop.remove_signal_handler(one)

    with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
        for one in signals:
            loop.add_signal_handler(one, first)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, RuntimeError):
            for one in signals:
                loop.remove_signal_handler(one)
