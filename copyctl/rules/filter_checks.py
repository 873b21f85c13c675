"""Filter rules that no order gets to: those that ask for what no order is, those whose orders an earlier rule takes.

What is told is so whatever order comes. Several earlier rules that only together take all are not told of, nor is
anything that hangs on a value which is not known yet.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from copyctl.rules.findings import Finding, Severity, finding
from copyctl.rules.nodes import Items, Keys, Spot
from copyctl.rules.schema import Schema, scalar_schema
from copyctl.rules.settings import Settings

DERIVATIVES: Final = frozenset({"NSE_FNO", "BSE_FNO", "MCX_COMM", "NSE_CURRENCY", "BSE_CURRENCY"})

TRADED_IN: Final[Mapping[str, frozenset[str]]] = {
    "EQUITY": frozenset({"NSE_EQ", "BSE_EQ"}),
    "FUTIDX": frozenset({"NSE_FNO", "BSE_FNO", "MCX_COMM"}),
    "OPTIDX": frozenset({"NSE_FNO", "BSE_FNO", "MCX_COMM"}),
    "FUTSTK": frozenset({"NSE_FNO", "BSE_FNO"}),
    "OPTSTK": frozenset({"NSE_FNO", "BSE_FNO"}),
    "FUTCOM": frozenset({"MCX_COMM"}),
    "OPTFUT": frozenset({"MCX_COMM"}),
    "FUTCUR": frozenset({"NSE_CURRENCY", "BSE_CURRENCY"}),
    "OPTCUR": frozenset({"NSE_CURRENCY", "BSE_CURRENCY"}),
}
"""Kind of instrument -> the segments that trade it (Dhan, annexure: instruments and exchange segments)."""

OPTION_KINDS: Final = frozenset({"OPTIDX", "OPTSTK", "OPTFUT", "OPTCUR"})

NEEDS: Final = {
    "option_type": (OPTION_KINDS, DERIVATIVES, "an option"),
    "days_to_expiry": (TRADED_IN.keys() - {"EQUITY"}, DERIVATIVES, "a derivative"),
}
"""Key -> the kinds and the segments that have such a thing, and what they are."""

INFINITY: Final = Decimal("Infinity")
End = tuple[Decimal, bool]


def odd_rules(policy: Settings) -> Iterator[Finding]:
    """Every rule of a policy that never decides."""
    schema: Schema = policy.part("filters").schema["properties"]["rules"]["items"]["properties"]["match"]
    passed: list[Spot] = []
    for rule in policy.at("filters", "rules").items():
        for key in RANGES:
            yield from _range(rule.at("match", key))
        why = _impossible(rule.at("match"), schema)
        if why is not None:
            spot, message = why
            hint = "mend the match, or delete the rule"
            yield finding("R227", spot.place, spot.path, message, hint, severity=Severity.WARNING)
        earlier = next((one for one in passed if _takes_all(one.at("match"), rule.at("match"), schema)), None)
        if earlier is not None:
            message = f"no order gets to this rule: the one in line {earlier.place.line} takes all of its orders"
            hint = "put the narrower rule first, or delete one of them"
            yield finding("R228", rule.place, rule.path, message, hint, severity=Severity.WARNING)
        passed.append(rule)


def _range(spot: Spot) -> Iterator[Finding]:
    """A range that holds no number would make its rule never match."""
    ends = _ends(spot)
    if ends is None:
        return
    (low, is_above), (high, is_included) = ends
    if low > high or (low == high and (is_above or not is_included)):
        message = "no number lies between the two ends"
        hint = "from and above are the lower end, to and below the upper"
        yield finding("R205", spot.place, spot.path, message, hint)


def _impossible(match: Spot, schema: Schema) -> tuple[Spot, str] | None:
    """What no order is, if the rule asks for it."""
    kinds, segments = (words_in(match.at(key), schema) for key in ("instrument", "segment"))
    if kinds and segments and not any(TRADED_IN[kind] & segments for kind in kinds):
        return match.at("segment"), f"no {_listed(kinds)} is traded in {_listed(segments)}"
    for key, (its_kinds, its_segments, what) in NEEDS.items():
        others = next(
            (asked for asked, its in ((kinds, its_kinds), (segments, its_segments)) if asked and not asked & its), None
        )
        if match.at(key).is_given and others:
            return match.at(key), f"only {what} has {key}, and this rule asks for {_listed(others)}"
    return None


def _takes_all(earlier: Spot, later: Spot, schema: Schema) -> bool:
    """Does every order that the later match holds for fulfil the earlier one? Only where that is certain."""
    return all(
        later.at(key).is_given and _INSIDE.get(key, _same)(earlier.at(key), later.at(key), schema)
        for key in _given(earlier)
    )


def _given(match: Spot) -> list[str]:
    return [key for key in match.node.entries if match.at(key).is_given] if isinstance(match.node, Keys) else []


def words_in(spot: Spot, schema: Schema) -> frozenset[str] | None:
    """The words that are asked for by name or with ``*`` and ``?``; None where none is, or not all are known."""
    texts = texts_of(spot)
    if not spot.is_given or texts is None:
        return None
    single = scalar_schema(schema["properties"][spot.steps[-1]])
    words = [word for word in single["else"]["enum"] if word not in single.get("x-aliases", {})]
    return frozenset(word for word in words for text in texts if fnmatchcase(word, text)) or None


def texts_of(spot: Spot) -> tuple[str, ...] | None:
    """The text, or the texts of the list; None where one is not known yet."""
    values = [one.value for one in (spot.items() if isinstance(spot.node, Items) else [spot])]
    return None if None in values else tuple(str(value) for value in values)


def _words_inside(wide: Spot, narrow: Spot, schema: Schema) -> bool:
    outer, inner = words_in(wide, schema), words_in(narrow, schema)
    return outer is not None and inner is not None and inner <= outer


def _texts_inside(wide: Spot, narrow: Spot, schema: Schema) -> bool:
    outer, inner = texts_of(wide), texts_of(narrow)
    return outer is not None and inner is not None and all(any(_covers(one, text) for one in outer) for text in inner)


def _covers(wide: str, narrow: str) -> bool:
    """Is all that the one pattern takes taken by the other one? A ``?`` is one sign, and cannot stand for a ``*``."""
    pattern, text = wide.casefold().replace("[", "[[]"), narrow.casefold()
    return wide == narrow or (fnmatchcase(text, pattern) and not ("*" in text and "?" in pattern))


def _range_inside(wide: Spot, narrow: Spot, schema: Schema) -> bool:
    outer, inner = _ends(wide), _ends(narrow)
    return outer is not None and inner is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def _ends(spot: Spot) -> tuple[End, End] | None:
    """The lower end of a range, and whether it lies above its number; the upper one, and whether it holds its number.
    None where one is not known yet."""
    given = {key: _number(spot.at(key)) for key in ("from", "above", "to", "below") if spot.at(key).is_given}
    known = {key: number for key, number in given.items() if number is not None}
    if len(known) < len(given):
        return None
    lows = [(known[key], key == "above") for key in ("from", "above") if key in known]
    highs = [(known[key], key == "to") for key in ("to", "below") if key in known]
    return max(lows, default=(-INFINITY, False)), min(highs, default=(INFINITY, True))


def lower_end(spot: Spot) -> Decimal | None:
    """What every number of a range is at least; None where it has no such end, or it is not known yet."""
    ends = _ends(spot)
    return None if ends is None or ends[0][0] == -INFINITY else ends[0][0]


def upper_end(spot: Spot) -> Decimal | None:
    """What every number of a range is at most; None where it has no such end, or it is not known yet."""
    ends = _ends(spot)
    return None if ends is None or ends[1][0] == INFINITY else ends[1][0]


def _number(spot: Spot) -> Decimal | None:
    value = spot.value
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _hours_inside(wide: Spot, narrow: Spot, schema: Schema) -> bool:
    """Times of day compare as text; one without seconds is the first of its minute."""
    outer, inner = ([f"{time}:00"[:8] for time in str(spot.value).split("-")] for spot in (wide, narrow))
    is_known = wide.value is not None and narrow.value is not None
    return is_known and outer[0] <= inner[0] and inner[-1] <= outer[-1]


def _same(wide: Spot, narrow: Spot, schema: Schema) -> bool:
    return wide.value is not None and wide.value == narrow.value


WORDS: Final = ("segment", "instrument", "option_type", "side", "product", "order_type", "validity", "intent")
TEXTS: Final = ("underlying", "symbol", "security_id", "platform", "tag")
RANGES: Final = ("quantity", "price", "value", "days_to_expiry")
_INSIDE: Final[Mapping[str, Callable[[Spot, Spot, Schema], bool]]] = {
    **dict.fromkeys(WORDS, _words_inside),
    **dict.fromkeys(TEXTS, _texts_inside),
    **dict.fromkeys(RANGES, _range_inside),
    "time": _hours_inside,
}
"""Key of a match -> is all that the second value asks for what the first one takes, too?"""


def _listed(words: frozenset[str]) -> str:
    *others, last = sorted(words)
    return f"{', '.join(others)} or {last}" if others else last
