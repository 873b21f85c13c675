"""The days of the soak: trade, mishaps at their times, the close, the night."""

import time
from collections.abc import Callable

from tests.soak.figures import Day, Held, Reader
from tests.soak.mishaps import MISHAPS, NOT_UNBROKEN
from tests.soak.trader import CARRIED, Trader
from tests.soak.world import CLOSED, OPENS, REST_SECONDS, Differ, World

LEFT_WITHIN_SECONDS = 20.0


class Soak:
    """``frames``: how many on all days together; ``kills``: is the run killed (kill -9) once a day? ``tell`` hears how
    far it is: frames so far, and what is done."""

    def __init__(self, world: World, *, days: int, frames: int, kills: bool, tell: Callable[[int, str], None]) -> None:
        self.world = world
        self.number = 0
        self.days: list[Day] = []
        self._dates = world.days[:days]
        self._frames = frames
        self._lives = 0
        self._mishaps = [one for one in MISHAPS if kills or one not in NOT_UNBROKEN]
        self._tell = tell
        # a day wants some dozens of turns of his ways, whatever its size
        self.trader = Trader(world, at_once=max(2, min(8, frames // days // 300)))
        self._reader = Reader(world.desk.store)

    def run(self) -> None:
        """All days; it ends early where leader and followers differ."""
        self.start()
        for number, today in enumerate(self._dates, start=1):
            self.number = number
            if number > 1:
                self._night()
            if self.days and self.days[-1].differs:
                return
            if not self._day(today.isoformat()):
                return

    def start(self) -> None:
        """A new process, looked at when it has come to rest."""
        self.world.start()
        self._lives += 1
        self.world.settle()
        time.sleep(REST_SECONDS)
        self._fresh = Held.at_rest(self.world.process)

    def _day(self, name: str) -> bool:
        world, began, frames = self.world, time.monotonic(), self.world.frames()
        self._lives = 1
        differs: list[str] = []
        try:
            world.at(OPENS)
            if self.number > 1:
                self.trader.leave([CARRIED], product="MARGIN")
            self._trade(name, frames)
            self._tell(world.frames(), f"{name}: close")
            self._close()
        except Differ as found:
            differs = [str(one) for one in found.args]
        told = self._reader.day(world.today)
        self.days.append(
            Day(
                day=name, fresh=self._fresh, held=Held.at_rest(world.process), lives=self._lives,
                frames=world.frames() - frames, differs=differs, seconds=time.monotonic() - began, **told,
            )
        )  # fmt: skip
        return not differs

    def _trade(self, name: str, before: int) -> None:
        """Until today's share of the frames is told, with a mishap where its time has come."""
        world = self.world
        wanted = self._frames // len(self._dates)
        to_come = list(self._mishaps)
        while (told := world.frames() - before) < wanted or to_come:
            while to_come and told >= to_come[0].share * wanted:
                mishap = to_come.pop(0)
                self._tell(world.frames(), f"{name}: {mishap.words}")
                mishap.happens(self)
                world.settle()
            self._tell(world.frames(), f"{name}: trading")
            self.trader.trade()

    def _close(self) -> None:
        """What he leaves open at the close; then nothing moves, and all must be alike."""
        if self.number < len(self._dates):
            self.trader.carry()
        self.world.at(CLOSED)
        time.sleep(REST_SECONDS)
        if found := [*self.world.agrees(), *self.world.resting_alike()]:
            raise Differ(*found)
        if self.number == len(self._dates):
            self._nothing_left()

    def _night(self) -> None:
        """What the morning finds that is not over belongs to the day before."""
        self.world.night(self._dates[self.number - 1])
        try:
            self.world.settle()
            self._nothing_left()
        except Differ as found:
            self.days[-1].differs = [f"over night: {one}" for one in found.args]

    def _nothing_left(self) -> None:
        """copyctl sees that all is over.

        Raises:
            Differ: it does not.
        """
        ends = time.monotonic() + LEFT_WITHIN_SECONDS
        while found := self._reader.left():
            if time.monotonic() > ends:
                raise Differ(*found)
            time.sleep(0.5)
