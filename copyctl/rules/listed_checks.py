"""Names and numbers of a rules file beside an instrument list: underlyings and ids that it does not have, quantities
that are less than a lot of what they are for."""

import difflib
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Final

from copyctl.rules.at_hand import Contract, Listing
from copyctl.rules.filter_checks import texts_of, words_in
from copyctl.rules.findings import Finding, Place, Severity, finding
from copyctl.rules.nodes import Items, Keys, Spot
from copyctl.rules.settings import Settings
from copyctl.rules.sizing_checks import copying, lost_in, zero

OTHERS: Final = "*"
"""What a table by underlying calls all that it does not name."""

IN_UNITS: Final = ("max_order_quantity", "max_position_quantity")
"""Limits that not even one lot fits under where they are less than it."""


def names_something(policy: Settings) -> bool:
    """Does a policy name anything that a list would be asked for? Reading one takes a second."""
    matches = [rule.at("match") for rule in policy.at("filters", "rules").items()]
    return any(match.at(key).is_given for match in matches for key in ("underlying", "security_id")) or any(
        isinstance(table.node, Keys) for table in _tables(policy)
    )


def unlisted(policy: Settings, listing: Listing) -> Iterator[Finding]:
    """Everything in a policy that does not fit the list."""
    for rule in policy.at("filters", "rules").items():
        yield from _unknown_underlyings(rule.at("match", "underlying"), listing)
        yield from _unknown_ids(rule.at("match", "security_id"), listing)
    for table in _tables(policy):
        yield from _unknown_keys(table, listing)
    for rule in copying(policy):
        yield from _less_than_a_lot(policy, rule, listing)
    for table in _freezes(policy):
        yield from _frozen(table, listing)


def _tables(policy: Settings) -> list[Spot]:
    """The tables by underlying."""
    return [policy.at("limits", "max_underlying_lots"), *_freezes(policy)]


def _freezes(policy: Settings) -> list[Spot]:
    mappings = (policy.at("mapping"), *(rule.at("mapping") for rule in policy.at("filters", "rules").items()))
    return [mapping.at("freeze_quantity") for mapping in mappings]


def _each(spot: Spot) -> list[Spot]:
    """The text, or the texts of the list."""
    return spot.items() if isinstance(spot.node, Items) else [spot]


def _unknown_underlyings(spot: Spot, listing: Listing) -> Iterator[Finding]:
    """Only derivatives have an underlying: the name of a share without any matches nothing."""
    for one in _each(spot):
        if one.value is not None and not _named(str(one.value), listing.contracts):
            yield _unknown(one.place, one.path, str(one.value), listing.contracts, "no order matches it")


def _unknown_ids(spot: Spot, listing: Listing) -> Iterator[Finding]:
    for one in _each(spot):
        text = str(one.value)
        if one.value is None or set("*?") & set(text) or listing.has(text):
            continue
        message = f"the instrument list has no security id {one.shown}: no order matches it"
        hint = "a contract's id ends with it: look the new one up, or match by underlying"
        yield finding("R240", one.place, one.path, message, hint, severity=Severity.WARNING)


def _unknown_keys(table: Spot, listing: Listing) -> Iterator[Finding]:
    for name, entry in table.node.entries.items() if isinstance(table.node, Keys) else ():
        if name != OTHERS and name not in listing.contracts and name not in listing.shares:
            yield _unknown(entry.key, table.at(name).path, name, listing.contracts, "this number is for nothing")


def _unknown(place: Place, path: str, name: str, known: Collection[str], so: str) -> Finding:
    close = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else "the list's column of underlyings has the right name"
    message = f"the instrument list has no underlying {name}: {so}"
    return finding("R240", place, path, message, hint, severity=Severity.WARNING)


def _named(text: str, names: Collection[str]) -> list[str]:
    """The names that a pattern takes; capital and small letters are one, as the filters have it."""
    pattern = text.casefold().replace("[", "[[]")
    return [name for name in names if fnmatchcase(name.casefold(), pattern)]


def _less_than_a_lot(policy: Settings, rule: Spot, listing: Listing) -> Iterator[Finding]:
    """Sizes and limits that no lot of what a rule names fits into. Where it names several underlyings, each counts."""
    lots = _lots(policy, rule.at("match"), listing)
    lost = {name: most for name, lot in lots.items() if (most := lost_in(policy, rule, lot)) is not None}
    if lost:
        yield zero(next(iter(lost.values())), f"a lot is {_listed(lost, lots)}")
    for key in IN_UNITS:
        limit, spot = policy.number("limits", key), policy.at("limits", key)
        small = [name for name, lot in lots.items() if limit is not None and 0 < limit < lot]
        if small:
            message = f"{key} {spot.shown} is less than a lot ({_listed(small, lots)}): no entry fits"
            hint = f"raise {key}, or let the rule skip"
            yield finding("R220", spot.place, spot.path, message, hint, severity=Severity.WARNING)


def _lots(policy: Settings, match: Spot, listing: Listing) -> dict[str, int]:
    """Of each underlying that a rule names, the smallest lot of what it takes; those that the list has."""
    texts = texts_of(match.at("underlying")) if match.at("underlying").is_given else None
    schema = policy.part("filters").schema["properties"]["rules"]["items"]["properties"]["match"]
    segments, kinds = (words_in(match.at(key), schema) for key in ("segment", "instrument"))

    def is_taken(one: Contract) -> bool:
        return (segments is None or one.segment in segments) and (kinds is None or one.kind in kinds)

    found: dict[str, int] = {}
    for name in (name for text in texts or () for name in _named(text, listing.contracts)):
        taken = [one.lot for one in listing.contracts[name] if is_taken(one)]
        if taken:
            found[name] = min(taken)
    return found


def _listed(names: Collection[str], lots: dict[str, int]) -> str:
    return ", ".join(f"{lots[name]} in {name}" for name in sorted(names)[:3])


def _frozen(table: Spot, listing: Listing) -> Iterator[Finding]:
    """A freeze quantity below a lot counts as one lot: the entries leave lot by lot."""
    for name in table.node.entries if isinstance(table.node, Keys) else ():
        limit = table.at(name)
        lots = [one.lot for one in listing.contracts.get(name, ())]
        if not lots or not isinstance(limit.value, int) or not 0 < limit.value < min(lots):
            continue
        message = f"{limit.shown} is less than a lot of {name}, {min(lots)}: each lot becomes an order of its own"
        hint = "a freeze quantity is in units; leave it out for the exchange's own"
        yield finding("R241", limit.place, limit.path, message, hint, severity=Severity.WARNING)
