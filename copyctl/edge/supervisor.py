"""Telling systemd how the service does: datagrams to the socket that ``NOTIFY_SOCKET`` names.

The protocol is a few lines of text (sd_notify(3)), so there is no library for it here. Without the variable nothing
happens.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_LOG: Final = logging.getLogger("copyctl.supervisor")
MICRO: Final = 1_000_000


class Supervisor:
    """Whoever watches over this process. ``feed_every_seconds``: how often it wants to hear that the event loop turns,
    half of what it allows; 0: never."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        self._failed = False
        self.feed_every_seconds = 0.0
        if not self._address:
            return
        if self._address.startswith("@"):  # Linux's abstract names
            self._address = f"\0{self._address[1:]}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        allowed, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(os.getpid()))
        if allowed.isdecimal() and whose == str(os.getpid()):
            self.feed_every_seconds = int(allowed) / MICRO / 2

    def ready(self) -> None:
        """It does its work now, or again after a reload."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """It takes up another configuration; ``ready`` follows."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It is about to end."""
        self._tell("STOPPING=1")

    def feed(self) -> None:
        """The event loop turns."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._tell(f"STATUS={' '.join(text.split())}")

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, text: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as trouble:
            if not self._failed:
                _LOG.warning("systemd cannot be told how the service does: %s", trouble)
            self._failed = True
