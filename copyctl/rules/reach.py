"""Which orders get where in the filters: what the rules' order and matches say without knowing an order."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from copyctl.rules.nodes import Items, Keys, Spot
from copyctl.rules.settings import Settings

# Option kinds and the segments that trade them.
OPTIONS: Final = (
    ("OPTIDX", "NSE_FNO"),
    ("OPTIDX", "BSE_FNO"),
    ("OPTSTK", "NSE_FNO"),
    ("OPTSTK", "BSE_FNO"),
    ("OPTFUT", "MCX_COMM"),
    ("OPTCUR", "NSE_CURRENCY"),
    ("OPTCUR", "BSE_CURRENCY"),
)


def reached(policy: Settings) -> tuple[list[Spot], bool]:
    """The rules that some order can get to, and whether one can get to the default: none gets past a rule that
    matches everything."""
    rules = []
    for rule in policy.at("filters", "rules").items():
        rules.append(rule)
        match = rule.at("match")
        if isinstance(match.node, Keys) and not any(match.at(key).is_given for key in match.node.entries):
            return rules, False
    return rules, True


def copied_sizings(policy: Settings) -> list[Settings]:
    """The sizings that some copy can be sized with: the policy's own, if only by default, and those of rules."""
    rules, is_open = reached(policy)
    copying = [rule.at("sizing") for rule in rules if rule.at("action").value != "skip"]
    own = [sizing for sizing in copying if isinstance(sizing.node, Keys)]
    is_used = len(own) < len(copying) or (is_open and policy.value("filters", "default") != "skip")
    return [*([policy.part("sizing")] if is_used else ()), *(policy.part("sizing", over=one) for one in own)]


def may_sell_options(policy: Settings) -> bool:
    """Can an order that sells an option to open get through the filters?"""
    return any(_is_copied(policy, {"instrument": kind, "segment": segment}) for kind, segment in OPTIONS)


def _is_copied(policy: Settings, words: dict[str, str]) -> bool:
    sold = {**words, "side": "SELL", "intent": "open"}
    rules, is_open = reached(policy)
    for rule in rules:
        match = rule.at("match")
        given = [key for key in (match.node.entries if isinstance(match.node, Keys) else ()) if match.at(key).is_given]
        if not all(_fits(match.at(key), sold[key]) for key in given if key in sold):
            continue
        if rule.at("action").value != "skip":
            return True
        if sold.keys() >= set(given):
            return False
    return is_open and policy.value("filters", "default") != "skip"


def _fits(spot: Spot, word: str) -> bool:
    """Can the word be one of those given? What is not known yet can be any."""
    return any(text is None or fnmatchcase(word, text) for text in _texts(spot))


def _texts(spot: Spot) -> Iterator[str | None]:
    for one in spot.items() if isinstance(spot.node, Items) else [spot]:
        yield None if one.value is None else str(one.value)
