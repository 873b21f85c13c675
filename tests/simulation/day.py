"""One day of one seed: the process and its deaths, the broker, the leader and the adversary, on one timeline."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from copyctl.edge.journal_commands import put_command
from copyctl.model.records import Record
from tests.simulation import story
from tests.simulation.adversary import Adversary
from tests.simulation.dialect import DEAD_TOKEN, Desk, frame
from tests.simulation.exchange import SECURITIES, TICK, Exchange, Placed, every
from tests.simulation.laws import Laws
from tests.simulation.leader import Leader
from tests.simulation.life import Broken, Life, on_virtual_time
from tests.simulation.oracle import Difference, judge
from tests.simulation.policies import LEADER, draw
from tests.simulation.timeline import SECOND, Timeline

NOON: Final = 1_789_454_531 * SECOND
"""2026-09-15 12:12:11 IST, a Tuesday."""
TURNS: Final = 16
TROUBLE: Final = 150 * SECOND
"""How long the leader trades and things go wrong."""
CALM: Final = 180 * SECOND
"""How long nothing goes wrong any more, before what holds in the end must hold."""
SHM: Final = Path("/dev/shm")  # noqa: S108  memory, where there is such a folder


@dataclass(frozen=True, slots=True)
class Broke:
    """A law that was broken. ``account``, ``security``: of the order that it is about, "" for none."""

    law: str
    text: str
    at: int
    account: str = ""
    security: str = ""


@dataclass
class Result:
    """What became of a day."""

    seed: int
    broke: Broke | None
    struck: Counter[str]
    differences: Sequence[Difference]
    orders: int
    lives: int
    told: list[story.Line] = field(repr=False)
    checked: int = 0
    began: int = 0


class Day:
    """``off``: faults that never strike; ``without``: turns that the leader leaves out; ``uncounted``: laws that do not
    count; ``worse``: faults that are as likely as this."""

    def __init__(
        self,
        seed: int,
        *,
        off: frozenset[str] = frozenset(),
        without: frozenset[int] = frozenset(),
        uncounted: frozenset[str] = frozenset(),
        worse: Mapping[str, float] | None = None,
    ) -> None:
        self.seed = seed
        self.chance = Random(f"{seed}/day")
        self.timeline = Timeline(NOON)
        self.adversary = Adversary(seed, off, worse or {})
        self.drawn = draw(seed)
        self.exchange = Exchange(self.timeline, self.adversary, LEADER, self)
        self.laws = Laws(self, self.drawn.followers)
        self.leader = Leader(seed, self.exchange, self.timeline)
        accounts = (LEADER, *(one.account for one in self.drawn.followers))
        self.desks = {one: Desk(one, self.exchange, self.timeline, self.drawn.orders) for one in accounts}
        self.without = without
        self.uncounted = uncounted
        self.machine_ahead = 0
        self.disk_full = False
        self.life: Life | None = None
        self.life_began = 0
        self.lives = 0
        self.deaths_at: set[int] = set()
        self.boundaries = 0
        self.folder = Path()
        self.final: dict[str, list[Record]] = {}
        self.lines: list[story.Line] = []
        self.broke: Broke | None = None
        self.differences: Sequence[Difference] = ()

    # --- what others tell ------------------------------------------------------------------------------------------

    def announced(self, order: Placed, word: str) -> None:
        self.laws.announced(order, word)

    def taken(self, order: Placed) -> None:
        self.laws.taken(order)

    def traded(self, order: Placed, units: int) -> None:
        self.laws.traded(order, units)

    def announce(self, order: Placed, word: str) -> None:
        """Send a frame down the account's stream."""
        well = False
        if self.life is not None and self.life.alive:
            raw = frame(order, word, self.exchange.last[order.security.id])
            well = self.life.streams[order.account].carries(raw)
        if (not well or self.disk_full) and order.account == LEADER:  # what waits for the store for long says nothing
            self.laws.unseen[order.security.id] = self.timeline.now

    def tell(self, who: str, what: str, *facts: Any) -> None:
        """A line of the story; an order is told as it is now."""
        self.lines.append(story.line(self.timeline.now, who, what, facts))

    def broken(
        self, law: str, text: str, order: Placed | None = None, *, account: str = "", security: str = ""
    ) -> None:
        """A law is broken: the day ends here."""
        if law in self.uncounted or self.broke is not None:
            return
        if order is not None:
            account, security = order.account, order.security.id
        self.broke = Broke(law, text, self.timeline.now, account, security)
        self.tell("laws", "broken", law, text)
        raise Broken

    def dies_here(self) -> bool:
        """Does the process die at this boundary between two effects?"""
        self.boundaries += 1
        if self.boundaries in self.deaths_at and not self.adversary.calm:
            self.adversary.struck["killed"] += 1
            self.tell("copyctl", "killed", f"at boundary {self.boundaries}")
            return True
        return False

    # --- the day ---------------------------------------------------------------------------------------------------

    def run(self) -> Result:
        """Live the day."""
        self.folder = Path(tempfile.mkdtemp(prefix="copyctl-day-", dir=SHM if SHM.is_dir() else None))
        try:
            with on_virtual_time(self.timeline):
                self._live()
        except Broken:
            pass
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return Result(
            seed=self.seed,
            broke=self.broke,
            struck=self.adversary.struck,
            differences=self.differences,
            orders=len(self.laws.led),
            lives=self.lives,
            told=self.lines,
            checked=self.laws.checked,
            began=self.timeline.began,
        )

    def _live(self) -> None:
        self._plan()
        while True:
            self.lives += 1
            self.life_began = self.timeline.now
            self.life = Life(self)
            if self.life.run():
                break
            self.life = None
            self.timeline.run_until(
                self.timeline.now + self.chance.choice((SECOND // 2, SECOND, 4 * SECOND, 20 * SECOND))
            )
        self.differences = judge(self)

    def _plan(self) -> None:
        """What will happen, and when."""
        timeline, chance, began = self.timeline, Random(f"{self.seed}/plan"), self.timeline.now
        for number in range(TURNS):
            moment = began + 2 * SECOND + chance.randrange(TROUBLE - 5 * SECOND)
            if number not in self.without:
                timeline.at(moment, lambda number=number: self.leader.turn(number))  # type: ignore[misc]
        every(timeline, Random(f"{self.seed}/ticks"), self.exchange.walk, until=began + TROUBLE)
        self._plan_faults(began)
        timeline.at(began + TROUBLE, lambda: self._calm(flat=chance.random() < 0.6))
        timeline.at(began + TROUBLE + 60 * SECOND, lambda: self._sweep_prices(1))
        timeline.at(began + TROUBLE + 100 * SECOND, lambda: self._sweep_prices(-1))
        timeline.at(began + TROUBLE + CALM, self._stop)

    def _plan_faults(self, began: int) -> None:
        """Faults that strike a few times a day, at a moment of their own."""
        acts = {
            "stream drops": self._drop,
            "token dies": self._kill_token,
            "journal full": self._fill_disk,
            "clock step": self._step_clock,
            "changed by hand": self._change_by_hand,
            "kill switch": self._kill_switch,
        }
        for kind, act in acts.items():
            for _ in range(2):
                moment = began + self.adversary.between(kind, 3, TROUBLE // SECOND) * SECOND
                self.timeline.at(moment, lambda kind=kind, act=act: self._strike(kind, act))  # type: ignore[misc]
        for _ in range(3):
            boundary = self.adversary.between("killed", 5, 600)
            dies = self.adversary.chances["killed"].random() < self.adversary.likely["killed"]
            if dies and "killed" not in self.adversary.off:
                self.deaths_at.add(boundary)

    def _strike(self, kind: str, act: Any) -> None:
        if self.adversary.strikes(kind):
            self.tell("adversary", kind)
            act()

    def _calm(self, *, flat: bool) -> None:
        """Nothing goes wrong any more: tokens live, the disk has room, whatever rests can trade in full."""
        self.adversary.calm = True
        self.exchange.plenty = True
        self.disk_full = False
        for desk in self.desks.values():
            desk.token_dead = None
        self.tell("adversary", "calm")
        self.leader.finish(flat=flat)

    def _sweep_prices(self, sign: int) -> None:
        """The market goes far to one side and comes back, so that what rests trades."""
        for security in SECURITIES:
            last = self.exchange.last[security.id]
            for percent in (101, 103, 101, 100):
                far = last * (percent if sign > 0 else 200 - percent) // 100 // TICK * TICK
                self.exchange.price(security, max(TICK, far))

    def _stop(self) -> None:
        if self.life is not None:
            self.life.stop.set()

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _drop(self) -> None:
        account = self.adversary.chances["stream drops"].choice(list(self.desks))
        if self.life is not None:
            self.life.streams[account].drop(self.adversary.between("stream drops", 1, 20))

    def _kill_token(self) -> None:
        chance = self.adversary.chances["token dies"]
        desk = self.desks[chance.choice(list(self.desks))]
        desk.token_dead = chance.choice(DEAD_TOKEN)
        if self.life is not None:
            self.life.streams[desk.account].drop(1)

        def revive() -> None:
            desk.token_dead = None

        self.timeline.later(chance.randint(2, 40) * SECOND, revive)

    def _fill_disk(self) -> None:
        self.disk_full = True

        def room() -> None:
            self.disk_full = False

        self.timeline.later(self.adversary.between("journal full", 1, 10) * SECOND, room)

    def _step_clock(self) -> None:
        self.machine_ahead += self.adversary.chances["clock step"].choice((-600, -5, 5, 600)) * SECOND

    def _change_by_hand(self) -> None:
        theirs = [one for one in self.exchange.orders.values() if one.account != LEADER and one.status == "PENDING"]
        if theirs:
            self.exchange.end_by_hand(self.adversary.chances["changed by hand"].choice(theirs))

    def _kill_switch(self) -> None:
        chance = self.adversary.chances["kill switch"]
        account = chance.choice([one.account for one in self.drawn.followers])
        put_command(self.folder, "kill", account=account, reason="simulated", at=self.timeline.now)
