"""Loaded by an interpreter before all else (PYTHONPATH): whom it calls is written to the file that WATCHED names."""

import os
import sys

_CALLS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_FILE = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _note(event: str, given: tuple[object, ...]) -> None:
    if event in _CALLS:
        address = given[1]
        if isinstance(address, tuple):
            os.write(_FILE, f"{address[0]} {address[1]}\n".encode())
    elif event in _LOOKS:
        host = given[0][0] if isinstance(given[0], tuple) else given[0]
        port = given[1] if event == "socket.getaddrinfo" else 0
        os.write(_FILE, f"{host if isinstance(host, str) else repr(host)} {port or 0}\n".encode())


sys.addaudithook(_note)
