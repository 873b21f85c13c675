"""What goes wrong: every kind of fault with its probability, its own chance, and a count of how often it struck."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

FAULTS: Final[dict[str, float]] = {
    "frame doubled": 0.06,
    "frame reordered": 0.08,
    "frame lost": 0.05,
    "frame late": 0.05,
    "frame malformed": 0.03,
    "request never left": 0.02,
    "request lost": 0.02,
    "answer lost": 0.04,
    "answer late": 0.04,
    "answer malformed": 0.02,
    "5xx before": 0.02,
    "5xx after": 0.02,
    "throttled": 0.02,
    "rejected at once": 0.04,
    "rejected late": 0.03,
    "seen late in books": 0.15,
    "seen late by id": 0.20,
    "fill races change": 0.15,
    "cancel ignored": 0.04,
    "change refused": 0.04,
    "change refused late": 0.04,
    "read failed": 0.04,
    "read late": 0.05,
    "slow to the exchange": 0.20,
    "token dies": 0.15,
    "stream drops": 0.40,
    "journal full": 0.15,
    "killed": 0.50,
    "clock step": 0.15,
    "changed by hand": 0.10,
    "kill switch": 0.04,
}
"""How likely each is, at each occasion (a frame, a request, an order); of some there are two or three a day."""


@dataclass
class Adversary:
    """The faults of one day. ``off``: kinds that never strike; ``worse``: those that are as likely as this; ``calm``:
    nothing goes wrong any more.

    Each kind draws from a chance of its own, so that a day without one of them takes the same course in all else as
    far as it can.
    """

    seed: int
    off: frozenset[str] = frozenset()
    worse: Mapping[str, float] = field(default_factory=dict)
    calm: bool = False
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chances = {kind: Random(f"{self.seed}/{kind}") for kind in FAULTS}
        severity = Random(f"{self.seed}/severity").choice((0.0, 0.3, 1.0, 1.0, 2.0))
        self.likely = {kind: min(0.9, share * severity) for kind, share in FAULTS.items()} | dict(self.worse)

    def strikes(self, kind: str) -> bool:
        """Does this go wrong now?"""
        hit = self.chances[kind].random() < self.likely[kind] and kind not in self.off and not self.calm
        if hit:
            self.struck[kind] += 1
        return hit

    def between(self, kind: str, least: int, most: int) -> int:
        """A figure of a fault that struck: how late, how long."""
        return self.chances[kind].randint(least, most)
