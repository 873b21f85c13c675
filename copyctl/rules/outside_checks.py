"""What is risky or cannot work in how a run tells of itself: the port of its metrics."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Spot

LARGEST_PORT: Final = 65_535


def odd_listening(listen: Spot) -> Iterator[Finding]:
    """Whoever reaches the port reads what is traded and when; nobody is asked for a password."""
    if not isinstance(listen.value, str):
        return
    host, _, port = listen.value.rpartition(":")
    if not port.isdecimal():
        return
    if not 0 < int(port) <= LARGEST_PORT:
        yield finding("R116", listen.place, listen.path, f"there is no port {port}", f"1 to {LARGEST_PORT}")
    if not _is_here(host):
        message = f"whoever reaches {host} can read who is copied, how much and how often"
        hint = "127.0.0.1 is for this machine alone; else let a firewall or a proxy keep the port"
        yield finding("R231", listen.place, listen.path, message, hint, severity=Severity.WARNING)


def _is_here(host: str) -> bool:
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"
