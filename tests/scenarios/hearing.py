"""A web server that keeps what it hears, and a socket that systemd would listen at."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Hearing:
    """``heard``: the JSON bodies that came by POST, in order; ``calls``: how often it was called by GET. While it is
    ``refusing`` every request is answered with 500, and counted in ``refused``."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.calls = 0
        self.refusing = False
        self.refused = 0
        hearing = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not self._refuses():
                    hearing.heard.append(json.loads(body))
                    self._answer(200)

            def do_GET(self) -> None:
                if not self._refuses():
                    hearing.calls += 1
                    self._answer(200)

            def _refuses(self) -> bool:
                refuses = hearing.refusing  # looked at once: a test may change its mind while the answer goes out
                if refuses:
                    hearing.refused += 1
                    self._answer(500)
                return refuses

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, words: str) -> list[dict[str, Any]]:
        """The messages that say these words."""
        return [one for one in self.heard if words in one["title"] + one["message"]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def hearing() -> Iterator[Hearing]:
    made = Hearing()
    try:
        yield made
    finally:
        made.close()


class Systemd:
    """The other end of sd_notify. ``address``: what NOTIFY_SOCKET says."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.said: list[str] = []

    def hear(self) -> list[str]:
        """All that was said so far."""
        while True:
            try:
                self.said += self._socket.recv(65_536).decode().split("\n")
            except BlockingIOError:
                return self.said

    def close(self) -> None:
        self._socket.close()
        if not self.address.startswith("@"):
            Path(self.address).unlink()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
