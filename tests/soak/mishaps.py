"""What happens in the course of each day besides trading, and when."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time as day_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.days import Soak

AWAY_SECONDS = 1.0
KILL_DAY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """``share``: of the day's frames, after which it happens."""

    share: float
    words: str
    happens: Callable[["Soak"], None]


def _killed(soak: "Soak") -> None:
    """While it is down the leader leaves what he has and rests other orders."""
    things = soak.trader.enter()
    soak.world.desk.kill()
    soak.trader.sell(things)
    orders = soak.trader.rest()
    soak.start()
    soak.trader.cancel(*orders)


def _answers_lost(soak: "Soak") -> None:
    """Of what the first follower asks: it is carried out, and nobody hears of it."""
    lost = (("POST", "reset_after", 2), ("PUT", "reset_after", 2), ("DELETE", "empty", 1), ("POST", "reset_before", 1))
    _faults(soak, soak.world.names[0], lost)


def _too_many(soak: "Soak") -> None:
    _faults(soak, soak.world.names[-1], (("POST", "too_many", 2),))


def _faults(soak: "Soak", account: str, faults: tuple[tuple[str, str, int], ...]) -> None:
    for method, kind, times in faults:
        rule = {"account": account, "method": method, "path": "^/orders", "kind": kind, "times": times}
        soak.world.line.control("POST", "faults", rule)
    soak.trader.rests()
    soak.trader.round_trip()
    soak.world.line.control("DELETE", "faults")


def _torn(soak: "Soak") -> None:
    """All streams at once, and he goes on at once."""
    soak.world.line.control("POST", "stream", {"action": "reset"})
    soak.trader.rests()


def _away(soak: "Soak") -> None:
    """The leader's stream stays away for a while."""
    soak.world.line.control("POST", "stream", {"action": "down", "account": "leader"})
    things = soak.trader.enter()
    orders = soak.trader.rest()
    time.sleep(AWAY_SECONDS)
    soak.world.line.control("POST", "stream", {"action": "up", "account": "leader"})
    soak.trader.cancel(*orders)
    soak.trader.leave(things)


def _reload(soak: "Soak") -> None:
    """Rules that connect every account anew."""
    soak.world.reload(heartbeat=f"{10 + soak.number}s")


def _kill_switch(soak: "Soak") -> None:
    """On one day: what he does under it is his alone."""
    if soak.number != KILL_DAY:
        return
    soak.world.desk.command("kill", "--reason", "soak")
    orders = soak.trader.rest()
    time.sleep(AWAY_SECONDS)
    soak.trader.cancel(*orders)
    soak.world.desk.command("resume")


def _clock(hour: int) -> Callable[["Soak"], None]:
    return lambda soak: soak.world.at(day_time(hour))


MISHAPS = (
    Mishap(share=0.05, words="kill -9", happens=_killed),
    Mishap(share=0.15, words="answers are lost", happens=_answers_lost),
    Mishap(share=0.25, words="11:00", happens=_clock(11)),
    Mishap(share=0.30, words="streams are torn", happens=_torn),
    Mishap(share=0.40, words="too many requests", happens=_too_many),
    Mishap(share=0.50, words="13:00", happens=_clock(13)),
    Mishap(share=0.55, words="reload", happens=_reload),
    Mishap(share=0.60, words="the leader's stream is away", happens=_away),
    Mishap(share=0.70, words="kill switch", happens=_kill_switch),
    Mishap(share=0.75, words="15:00", happens=_clock(15)),
    Mishap(share=0.85, words="streams are torn", happens=_torn),
)
NOT_UNBROKEN = MISHAPS[:1]
"""What an unbroken run goes without."""
