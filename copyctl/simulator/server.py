"""How is the broker opened, and how is it closed?

One port carries everything: REST under /v2, the order stream at the root, the instrument master under /api-data, and
the tests' door under /simulator.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from copyctl.simulator import login, master, rest
from copyctl.simulator.accounts import TOKEN_HOURS, Account
from copyctl.simulator.arrivals import Server
from copyctl.simulator.broker import Broker
from copyctl.simulator.control import PREFIX, Control
from copyctl.simulator.instruments import Instrument
from copyctl.simulator.rest import Gateway
from copyctl.simulator.tape import Tape, play

Credentials = tuple[str, str]  # client id, access token
MASTERS = {
    "/api-data/api-scrip-master-detailed.csv": master.detailed_csv,
    "/api-data/api-scrip-master.csv": master.compact_csv,
}
SEGMENT_MASTER = f"{rest.VERSION}/instrument/"
SHUTDOWN_SECONDS = 1.0


class Simulator:
    """A Dhan look-alike: `start`, `play` when there is a tape, `stop`."""

    def __init__(
        self,
        accounts: Sequence[str] | Mapping[str, Credentials] = ("leader", "alice"),
        *,
        seed: int = 7,
        tape: Path | None = None,
        speed: float = 10.0,
        faults: Iterable[Mapping[str, object]] | None = None,
        settings: Mapping[str, object] | None = None,
        clock_offset_seconds: float = 0.0,
        token_hours: float = TOKEN_HOURS,
    ) -> None:
        self.broker = Broker(seed=seed, clock_offset_seconds=clock_offset_seconds, token_hours=token_hours)
        self.broker.settings.change(settings or {})
        for name in accounts:
            client_id, token = accounts[name] if isinstance(accounts, Mapping) else (None, None)
            account = self.broker.accounts.open(name, client_id, token)
            account.settings = self.broker.settings.copy()
        for rule in faults or ():
            self.broker.faults.add(rule)
        self.speed = speed
        self.tape = Tape.read(tape) if tape is not None else None
        if self.tape is not None:
            self.tape.prepare(self.broker)
        self._gateway = Gateway(self.broker)
        self._control = Control(self.broker)
        self._runner: web.ServerRunner | None = None
        self._address = ""

    @property
    def accounts(self) -> dict[str, Account]:
        """The accounts by name; the first is the leader."""
        return self.broker.accounts.by_name

    @property
    def rest_url(self) -> str:
        return f"http://{self._address}{rest.VERSION}"

    @property
    def order_update_url(self) -> str:
        return f"ws://{self._address}"

    @property
    def instruments_url(self) -> str:
        return f"http://{self._address}/api-data/api-scrip-master-detailed.csv"

    @property
    def control_url(self) -> str:
        return f"http://{self._address}{PREFIX.rstrip('/')}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Open the doors; port 0 takes a free one."""
        server = Server(self._serve, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        bound_host, bound_port = runner.addresses[0][:2]
        self._address = f"[{bound_host}]:{bound_port}" if ":" in bound_host else f"{bound_host}:{bound_port}"

    async def stop(self) -> None:
        """Close the doors; open connections are torn."""
        self.broker.closing.set()
        self.broker.timers.call_off()
        self.broker.stream.end()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def play(self, *, when_heard: bool = False) -> None:
        """Play the tape to its end; without one there is nothing to do. It can wait for the leader's first listener."""
        if self.tape is None:
            return
        leader = next(iter(self.accounts.values()))
        if when_heard:
            await self.broker.stream.heard(leader)
        await play(self.broker, self.tape, leader, self.speed)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(f"{rest.VERSION}/") and not path.startswith(SEGMENT_MASTER):
            return await self._gateway.serve(request)
        if path.startswith(PREFIX):
            return await self._control.serve(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.broker.stream.serve(request)
        if path in MASTERS:
            return web.Response(text=MASTERS[path](self._listed()), content_type="text/csv")
        if path.startswith(SEGMENT_MASTER):
            return self._segment_master(unquote(path[len(SEGMENT_MASTER) :]))
        if path == login.PATH and request.method == "POST":
            return await self._gateway.log_in(request)
        return web.Response(status=404)

    def _segment_master(self, segment: str) -> web.Response:
        rows = [each for each in self._listed() if each.exchange_segment == segment]
        return web.Response(text=master.detailed_csv(rows), content_type="text/csv")

    def _listed(self) -> list[Instrument]:
        return [each.instrument for each in self.broker.exchange.markets.values() if each.instrument.in_master]
