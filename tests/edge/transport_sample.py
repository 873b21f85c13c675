"""What the tests of the gateway have in common: calls, gateways, certificates, and a server that needs no loop."""

import contextlib
import datetime
import ipaddress
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from edge_sample import answer

from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Call

TOKEN = "eyJhbGciOiJIUzUxMiJ9.transport.token-of-nobody"
CLOCK = SystemClock()
SHORT, LONG = 0.3, 20.0
ANSWER = answer()
PATIENCE_SECONDS = 20.0  # a bound for what must happen, not a measure of it

PLACE = Call(verb="POST", path="/orders", body={"quantity": 1})
READ = Call(verb="GET", path="/orders")


@contextlib.asynccontextmanager
async def gateway_to(
    url: str,
    *,
    seconds: float = LONG,
    token: Callable[[], str] = lambda: TOKEN,
    clock: SystemClock = CLOCK,
    **more: object,
) -> AsyncIterator[DhanGateway]:
    """A gateway while the block lasts."""
    gateway = DhanGateway(url, "1100000002", token, timeout_seconds=seconds, clock=clock, **more)  # type: ignore[arg-type]
    try:
        yield gateway
    finally:
        await gateway.close()


def arrives() -> None:
    """Let what was just said reach this machine's side of the connection, and give the loop no turn."""
    time.sleep(0.02)


class Spoken:
    """One connection to the thread server, from its side. All waits, and none of them needs the test's loop."""

    def __init__(self, raw: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._raw = raw
        self._tls = tls
        self._speaking = threading.Lock()  # OpenSSL lets one thread at a time use a connection
        self.requests: queue.Queue[bytes] = queue.Queue()
        self.closed = threading.Event()

    def read(self) -> None:
        """Take requests in until the other side closes."""
        try:
            if self._tls is not None:
                self._raw = self._tls.wrap_socket(self._raw, server_side=True)
            self._raw.setblocking(False)
            self._take_requests()
        except OSError:
            pass
        finally:
            self.closed.set()

    def _take_requests(self) -> None:
        read = b""
        while piece := self._piece():
            read += piece
            head, end, body = read.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"Content-Length:")), 0)
            if end and len(body) >= length:
                self.requests.put(head + end + body[:length])
                read = body[length:]

    def _piece(self) -> bytes:
        while True:
            try:
                with self._speaking:
                    return self._raw.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                select.select([self._raw], [], [])

    def asked(self) -> bytes:
        """The next request."""
        return self.requests.get(timeout=PATIENCE_SECONDS)

    def say(self, said: bytes = ANSWER) -> None:
        with self._speaking:
            self._raw.sendall(said)

    def hang_up(self) -> None:
        """Close it: no more is read, and the other side is told."""
        with self._speaking:
            self._raw.shutdown(socket.SHUT_RDWR)
        assert self.closed.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        with contextlib.suppress(OSError), self._speaking:
            self._raw.shutdown(socket.SHUT_RDWR)
        self.closed.wait(PATIENCE_SECONDS)
        self._raw.close()


class ThreadServer:
    """A server that accepts and reads in threads of its own, so that it goes on while the test's loop stands."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._made: list[Spoken] = []
        self._threads: list[threading.Thread] = []
        self.connections: queue.Queue[Spoken] = queue.Queue()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}/v2"

    @property
    def count(self) -> int:
        """Connections so far."""
        return len(self._made)

    def connection(self) -> Spoken:
        """The next connection that was opened."""
        return self.connections.get(timeout=PATIENCE_SECONDS)

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                spoken = Spoken(raw, self._tls)
                self._made.append(spoken)
                self._threads.append(threading.Thread(target=spoken.read))
                self._threads[-1].start()
                self.connections.put(spoken)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for spoken in self._made:
            spoken.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)


@contextlib.contextmanager
def threaded(tls: ssl.SSLContext | None = None) -> Iterator[ThreadServer]:
    """A thread server while the block lasts."""
    server = ThreadServer(tls)
    accepting = threading.Thread(target=server.accept)
    accepting.start()
    try:
        yield server
    finally:
        server.close()
        accepting.join(PATIENCE_SECONDS)


class Certificate:
    """A certificate that signs itself, for the names given; and who shows it, who trusts it."""

    def __init__(self, folder: Path, *names: x509.GeneralName) -> None:
        self._file = folder / "certificate.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a broker of this test")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))

    @classmethod
    def of_this_machine(cls, folder: Path) -> "Certificate":
        return cls(folder, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))

    @property
    def shown(self) -> ssl.SSLContext:
        """For a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file)
        return context

    @property
    def trusted(self) -> ssl.SSLContext:
        """For a client that trusts it and nothing else."""
        return ssl.create_default_context(cafile=self._file)
