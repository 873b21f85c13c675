"""What is risky or cannot work in how a run meets the world: the port of its metrics, the addresses it sends from."""

import ipaddress
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Scalar, Spot

LARGEST_PORT: Final = 65_535
ENCRYPTED: Final = {"http": "https", "ws": "wss"}
BARE_RISKS: Final = (
    ("broker", "rest_url", "every access token can be read on its way, and any answer be made up"),
    ("broker", "order_update_url", "every access token can be read on its way, and any order be made up"),
    ("broker", "instruments", "lot sizes and ticks can be changed on their way"),
)
"""Keys, and what may happen where the address is not encrypted."""


def odd_listening(listen: Spot) -> Iterator[Finding]:
    """Whoever reaches the port reads what is traded and when; nobody is asked for a password."""
    if not isinstance(listen.value, str):
        return
    host, _, port = listen.value.rpartition(":")
    if not port.isdecimal():
        return
    if not 0 < int(port) <= LARGEST_PORT:
        yield finding("R116", listen.place, listen.path, f"there is no port {port}", f"1 to {LARGEST_PORT}")
    if not is_here(host):
        message = f"whoever reaches {host} can read who is copied, how much and how often"
        hint = "127.0.0.1 is for this machine alone; else let a firewall or a proxy keep the port"
        yield finding("R231", listen.place, listen.path, message, hint, severity=Severity.WARNING)


def shared_addresses(top: Spot) -> Iterator[Finding]:
    """Dhan takes orders from an address that is registered, and registers an address for one user alone."""
    first: dict[str, Spot] = {}
    for follower in top.at("followers").items():
        spot = follower.at("source_ip")
        if not isinstance(spot.node, Scalar) or spot.node.value is None:
            continue
        twin = first.setdefault(_plain(str(spot.node.value)), spot)
        if twin is not spot:
            message = f"the follower in line {twin.place.line} sends from {spot.shown} too: Dhan refuses one of them"
            hint = "Dhan registers an address for one user alone: give each account an address of its own"
            yield finding("R233", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def bare_addresses(top: Spot) -> Iterator[Finding]:
    """What is not encrypted can be read and changed on its way, unless it never leaves this machine."""
    for *steps, risk in BARE_RISKS:
        spot = top.at(*steps)
        scheme, host = _whom(spot)
        if scheme in ENCRYPTED and host and not is_here(host):
            message = f"{scheme}://{host} is not encrypted: {risk}"
            hint = f"write {ENCRYPTED[scheme]}://"
            yield finding("R235", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _whom(address: Spot) -> tuple[str, str]:
    """Scheme and host of an address, each "" where there is none."""
    try:
        parts = urlsplit(address.value if isinstance(address.value, str) else "")
        host = parts.hostname
    except ValueError:
        return "", ""
    return parts.scheme, host or ""


def _plain(address: str) -> str:
    """The address as everybody writes it: an IPv6 address has several forms."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def is_play(broker: Spot) -> bool:
    """Is no money at stake: a simulator, a server of this machine, Dhan's sandbox?"""
    _, host = _whom(broker.at("rest_url"))
    is_simulated = broker.at("adapter").value == "simulator" or broker.at("environment").value == "sandbox"
    return is_simulated or is_here(host)


def is_here(host: str) -> bool:
    """Is this name or address the machine's own?"""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"
