"""``copyctl run`` on a clock that can be moved: ``shifted_run.py CLOCK LEAK run --rules FILE``.

The real command in a real process, with two parts replaced: its clock, which is ahead of the machine's by the number in
the file CLOCK, and the time for which an idle connection is kept, so that a quiet run comes to rest within seconds
instead of a minute. LEAK is ``none``, or what every request to the broker leaves behind: ``handles``, ``threads``,
``memory``. A soak that does not see those is worth nothing.
"""

import asyncio
import mmap
import os
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from copyctl.cli import assemble
from copyctl.cli.main import run
from copyctl.edge.clock import SystemClock
from copyctl.edge.transport import DhanGateway
from copyctl.model.request import Answer, Call

AHEAD = struct.Struct("<q")
"""How the file CLOCK holds its one number, in ns."""

KEPT_ALIVE_SECONDS = 4.0
LEAKED_BYTES = 20_000


class ShiftedClock(SystemClock):
    """The system's clock, moved on by what a file says at this moment. Such a move is no correction of the machine's
    time: it does not show in ``drift``."""

    path: Path

    def __init__(self) -> None:
        super().__init__()
        with self.path.open("rb") as file:
            self._ahead = mmap.mmap(file.fileno(), AHEAD.size, access=mmap.ACCESS_READ)

    def now(self) -> int:
        return super().now() + self._shift()

    def drift(self) -> int:
        return super().drift() + self._shift()

    def _shift(self) -> int:
        return int(AHEAD.unpack_from(self._ahead)[0])


def _thread() -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()


_left_behind: list[bytes] = []

LEAKS: dict[str, Callable[[], object]] = {
    "handles": lambda: os.open(os.devnull, os.O_RDONLY),
    "threads": _thread,
    "memory": lambda: _left_behind.append(os.urandom(LEAKED_BYTES)),
}


def leak(what: str) -> None:
    begin = DhanGateway.begin

    def leaking(gateway: DhanGateway, call: Call) -> asyncio.Future[Answer]:
        if call.method == "place_order":
            LEAKS[what]()
        return begin(gateway, call)

    DhanGateway.begin = leaking  # type: ignore[method-assign]


if __name__ == "__main__":
    ShiftedClock.path = Path(sys.argv[1])
    assemble.SystemClock = ShiftedClock  # type: ignore[misc]
    (DhanGateway.__init__.__kwdefaults__ or {})["kept_alive_seconds"] = KEPT_ALIVE_SECONDS
    if sys.argv[2] in LEAKS:
        leak(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    run()
