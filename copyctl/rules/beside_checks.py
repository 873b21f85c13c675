"""A rules file beside what is at hand: the day, the instrument list, the trading days that are kept in the store."""

import os
from collections.abc import Iterator

from copyctl.rules.at_hand import AtHand
from copyctl.rules.date_checks import ended, over
from copyctl.rules.findings import Finding
from copyctl.rules.listed_checks import names_something, unlisted
from copyctl.rules.nodes import Node, Spot
from copyctl.rules.schema import language
from copyctl.rules.settings import policies


def odd_beside(root: Node, folder: str, at_hand: AtHand) -> Iterator[Finding]:
    """Everything that does not fit what is at hand. ``folder``: that of the file, where its store lies by default."""
    top = Spot(node=root)
    store = _store(top, folder)
    every = policies(top)
    if at_hand.today is not None:
        for policy in every:
            yield from over(policy, at_hand.today)
            if store is not None:
                yield from ended(policy, at_hand.today, lambda name: at_hand.calendar_end(store, name))
    naming = [policy for policy in every if names_something(policy)]
    source = top.at("broker", "instruments")
    listing = at_hand.listing(_text(source), store) if naming and _text(source) == source.value else None
    if listing is not None:
        for policy in naming:
            yield from unlisted(policy, listing)


def _store(top: Spot, folder: str) -> str | None:
    """The store's folder; None where it hangs on a variable."""
    path, name = top.at("store", "path"), _text(top.at("name"))
    if path.is_given:
        return _text(path)
    default = str(language()["properties"]["store"]["properties"]["path"]["default"])
    return None if name is None else os.path.normpath(os.path.join(folder, default.replace("<name>", name)))


def _text(spot: Spot) -> str | None:
    return spot.value if isinstance(spot.value, str) else None
