"""Which alerts go out, when, and together with which: levels, groups and cooldowns.

What comes within moments is one message for each level, so that a kill switch for twenty followers is one. The same
alert of the same follower goes once in a cooldown; what was held back meanwhile goes, counted, when that is over:
nothing is kept from people, it only comes later. Nothing here waits or sends: whoever asks says what time it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from copyctl.edge.logs import mask
from copyctl.model.alerts import ALERTS, Alert
from copyctl.model.deployment import Alerts
from copyctl.model.effects import Notice
from copyctl.model.terms import Level

SECOND: Final = 1_000_000_000
GATHER_SECONDS: Final = {Level.INFO: 2.0, Level.WARNING: 2.0, Level.CRITICAL: 0.2}
"""How long a group waits for more. What is critical waits for what came in the same turn, no longer."""
MOST_LINES: Final = 40
"""So many alerts are told one by one in a message, or while they are held back; of the others their number."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LEVELS: Final = tuple(Level)
_Kind = tuple[str, str, Level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What people get: plain text."""

    level: Level
    title: str
    body: str


@dataclass(slots=True, kw_only=True)
class _Group:
    closes_at: float
    notices: list[Notice] = field(default_factory=list)
    held_back: int = 0


@dataclass(slots=True, kw_only=True)
class _Cooling:
    until: float
    held: list[Notice] = field(default_factory=list)
    left_out: int = 0


class AlertGroups:
    """Alerts in, messages out. ``names``: the accounts' names. Times are seconds of one steady clock."""

    def __init__(self, deployment: str, names: Mapping[str, str], settings: Alerts) -> None:
        self._groups: dict[Level, _Group] = {}
        self._cooling: dict[_Kind, _Cooling] = {}
        self.use(deployment, names, settings)

    def use(self, deployment: str, names: Mapping[str, str], settings: Alerts) -> None:
        """Go on by other rules; cooldowns that have begun last as long as they were to."""
        self._deployment = deployment
        self._names = dict(names)
        self._least = _LEVELS.index(settings.level)
        self._cooldown = settings.cooldown / SECOND
        accounts = "|".join(re.escape(one) for one in sorted(self._names, key=len, reverse=True) if one)
        self._account = re.compile(rf"\b(?:{accounts})\b") if accounts else None

    def take(self, notice: Notice, now: float) -> None:
        """An alert has been given."""
        if _LEVELS.index(notice.level) < self._least:
            return
        cooling = self._cooling.get(_kind(notice))
        if cooling is None or now >= cooling.until:
            self._group(notice.level, now).notices.append(notice)
        elif len(cooling.held) < MOST_LINES:
            cooling.held.append(notice)
        else:
            cooling.left_out += 1

    def due(self, now: float, *, all_of_it: bool = False) -> list[Message]:
        """What is to be sent by now; ``all_of_it``: also what waits for more or is held back, for this is the end."""
        for kind, cooling in list(self._cooling.items()):
            if now >= cooling.until or all_of_it:
                del self._cooling[kind]
                if cooling.held:
                    group = self._group(kind[2], now)
                    group.notices.extend(cooling.held)
                    group.held_back += len(cooling.held) + cooling.left_out
        closed = [level for level, group in self._groups.items() if now >= group.closes_at or all_of_it]
        return [self._close(level, now) for level in sorted(closed, key=_LEVELS.index, reverse=True)]

    def next_at(self) -> float | None:
        """When ``due`` has to be asked next, None: not before another alert."""
        moments = [group.closes_at for group in self._groups.values()]
        moments += [cooling.until for cooling in self._cooling.values() if cooling.held]
        return min(moments, default=None)

    def _group(self, level: Level, now: float) -> _Group:
        return self._groups.setdefault(level, _Group(closes_at=now + GATHER_SECONDS[level]))

    def _close(self, level: Level, now: float) -> Message:
        group = self._groups.pop(level)
        if self._cooldown:
            for notice in group.notices:
                self._cooling[_kind(notice)] = _Cooling(until=now + self._cooldown)
        codes: dict[str, list[Notice]] = {}
        for notice in group.notices:
            codes.setdefault(_code(notice), []).append(notice)
        body = [line for code, notices in codes.items() for line in self._told(code, notices)]
        if group.held_back:
            body.append(f"{group.held_back} of these were held back by alerts.cooldown until now.")
        title = f"copyctl {self._deployment}: {level.upper()} {', '.join(codes)}"
        return Message(level=level, title=mask(title), body=mask("\n".join(body)))

    def _told(self, code: str, notices: list[Notice]) -> Iterator[str]:
        """One code: what it means, who and what, and what to do."""
        meaning = ALERTS.get(Alert(code)) if code in set(Alert) else None
        yield f"{code}: {meaning.says}" if meaning else code
        for notice in notices[:MOST_LINES]:
            who = self._names.get(notice.follower, notice.follower)
            order = f" [{notice.leader_order_id}]" if notice.leader_order_id else ""
            yield f"- {f'{who}: ' if who else ''}{self._named(notice.text)}{order}"
        if len(notices) > MOST_LINES:
            yield f"- and {len(notices) - MOST_LINES} more: copyctl events"
        if meaning:
            yield f"What to do: {meaning.do}"

    def _named(self, text: str) -> str:
        """A text as it may leave the house: one line, with names for account numbers."""
        plain = _CONTROL.sub(" ", text)
        return self._account.sub(lambda found: self._names[found[0]], plain) if self._account else plain


def _code(notice: Notice) -> str:
    return str(notice.facts.get("alert") or "alert")


def _kind(notice: Notice) -> _Kind:
    return _code(notice), notice.follower, notice.level
