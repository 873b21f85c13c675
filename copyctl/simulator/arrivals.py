"""When did a request arrive?

As its bytes came, not when the broker, busy with the one before it, got round to it: what is measured here is the
client, and nine orders of others are not its delay.
"""

import asyncio
import logging
import time

from aiohttp import web

_NO_LOG = logging.getLogger("copyctl.simulator.access")
_NO_LOG.disabled = True


class _Connection(web.RequestHandler):
    """A connection that knows when the newest of its bytes came (monotonic ns)."""

    __slots__ = ("arrived_ns",)

    arrived_ns: int

    def data_received(self, data: bytes) -> None:
        self.arrived_ns = time.monotonic_ns()
        super().data_received(data)


class Server(web.Server):
    """aiohttp's server on such connections."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), access_log=_NO_LOG)


def arrived(request: web.BaseRequest) -> int:
    """When the last bytes of a request came (monotonic ns); now, where its connection is gone already."""
    connection = request.protocol
    return connection.arrived_ns if isinstance(connection, _Connection) else time.monotonic_ns()
