"""How does a connection break?

A TCP reset: the peer sees its connection torn, with no Close frame and no end of the answer.
"""

import asyncio
import socket
import struct

_NO_LINGER = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Tear the connection with a reset instead of an orderly end."""
    if transport is None or transport.is_closing():
        return
    connected = transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
