"""What goes wrong with which request?

A rule names requests and what happens to them. "Before" kinds strike before the order exists, "after" kinds when it
already does: the client cannot tell them apart, which is the point.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from copyctl.simulator import refusals

HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

# kind -> whether the request was carried out all the same, unless the rule says otherwise
KINDS: Mapping[str, bool] = MappingProxyType(
    {
        "delay_before": True,  # late to arrive, then as usual
        "delay_after": True,  # carried out, the answer is late
        "reset_before": False,  # torn, nothing done
        "reset_after": True,  # carried out, torn before the answer
        "status": False,  # `status` and `body`
        "empty": True,  # HTTP 200 (or `status`) without a body
        "truncated": True,  # half of the answer's JSON, as a whole answer
        "cut": True,  # the connection is torn in the middle of the body
        "html502": False,
        "dh908": False,
        "too_many": False,
        "hang": False,  # no answer; after `seconds`, when given, torn
    }
)
FIXED: Mapping[str, tuple[int, object]] = MappingProxyType(
    {
        "html502": (502, HTML_502),
        "dh908": (500, refusals.refusal(500, "DH-908", refusals.INTERNAL).payload),
        "too_many": (429, refusals.refusal(429, "DH-904", refusals.TOO_MANY).payload),
    }
)
_FIELDS = {"account", "method", "path", "contains", "nth", "times", "probability", "kind", "seconds", "status", "body",
           "headers", "accepted"}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Rule:
    """One thing that goes wrong. The path is the one below the version: `^/orders$` is a placement or the book."""

    kind: str
    accepted: bool
    account: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    contains: str | None = None  # in the request's body
    nth: frozenset[int] = frozenset()  # only the n-th matching requests, from 1
    times: int | None = None  # at most so often
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 0
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    def matches(self, account: str | None, method: str, path: str, raw: str) -> bool:
        return (
            self.account in {None, account}
            and self.method in {None, method}
            and (self.path is None or self.path.search(path) is not None)
            and (self.contains is None or self.contains in raw)
        )


class Faults:
    """The rules in force; the first that strikes is the one that counts."""

    def __init__(self, chance: random.Random) -> None:
        self.rules: list[Rule] = []
        self._chance = chance

    def add(self, written: Mapping[str, object]) -> Rule:
        """Put a rule in force. Raises ValueError."""
        rule = read_rule(written)
        self.rules.append(rule)
        return rule

    def strike(self, account: str | None, method: str, path: str, raw: str) -> Rule | None:
        """What happens to this request, if anything."""
        for rule in self.rules:
            if not rule.matches(account, method, path, raw):
                continue
            rule.seen += 1
            if rule.nth and rule.seen not in rule.nth:
                continue
            if rule.times is not None and rule.struck >= rule.times:
                continue
            if rule.probability < 1 and self._chance.random() >= rule.probability:
                continue
            rule.struck += 1
            return rule
        return None


def read_rule(written: Mapping[str, object]) -> Rule:
    """A rule as JSON gives it: {account, method, path, contains, nth, times, probability, kind, seconds, status, body,
    headers, accepted}."""
    unknown = written.keys() - _FIELDS
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    kind = written.get("kind")
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of fault: {', '.join(KINDS)}")
    kind = cast("str", kind)
    nth = written.get("nth")
    path = cast("str | None", written.get("path"))
    method = cast("str | None", written.get("method"))
    return Rule(
        kind=kind,
        accepted=bool(written.get("accepted", KINDS[kind])),
        account=cast("str | None", written.get("account")),
        method=method.upper() if method else None,
        path=re.compile(path) if path else None,
        contains=cast("str | None", written.get("contains")),
        nth=frozenset(cast("list[int]", nth if isinstance(nth, list) else [nth] if nth else [])),
        times=int(cast("int", written["times"])) if written.get("times") is not None else None,
        probability=float(cast("float", written.get("probability", 1.0))),
        seconds=float(cast("float", written.get("seconds", 0.0))),
        status=int(cast("int", written.get("status", 0))),
        body=written.get("body"),
        headers=cast("dict[str, str]", written.get("headers") or {}),
    )
