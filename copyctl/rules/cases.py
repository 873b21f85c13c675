"""Policy tests (``*.cases.yaml``): from their tree to cases that can be run, and all that is wrong with them.

Reading goes on where something is wrong, so that everything is found at once; what does not have the right shape is
passed over here and told by the schema.
"""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from copyctl.model.cases import Case, Expectation, Given, Words
from copyctl.rules.case_facts import Facts, entries, text
from copyctl.rules.case_lines import NO_VARIABLES, Pen
from copyctl.rules.case_orders import in_units
from copyctl.rules.case_steps import Steps
from copyctl.rules.findings import Finding, Place, finding
from copyctl.rules.nodes import Items, Keys, Node, Spot, dotted, merge, scalars
from copyctl.rules.order_words import REASONS, Form

SETTLES: Final = 5_000_000_000
"""So long after the last step (ns) the outcome is looked at, unless the case says when."""


def read_tree(
    root: Node, lines: Sequence[str], followers: Collection[str] | None
) -> tuple[tuple[Case, ...], list[Finding]]:
    """The cases of a file and what is wrong with them. ``lines``: of the file; ``followers``: names in the rules, None
    where they are not known."""
    pen = Pen(lines)
    reader = _Reader(pen, followers)
    spot = Spot(node=root)
    for steps, scalar in scalars(root):
        if scalar.is_open:
            pen.wrong.append(finding("R105", scalar.place, dotted(steps), *NO_VARIABLES))
    shared = spot.at("given").node
    return tuple(reader.case(one, shared) for one in spot.at("cases").items()), pen.wrong


class _Reader:
    """Reads one case after another. ``_names``: of cases, and their lines."""

    def __init__(self, pen: Pen, followers: Collection[str] | None) -> None:
        self._pen = pen
        self._followers = followers
        self._names: dict[str, int] = {}

    def case(self, spot: Spot, shared: Node | None) -> Case:
        """One case."""
        name = text(spot.at("name")) or ""
        if name in self._names:
            message = f"a case in line {self._names[name]} has this name"
            self._pen.tell("R201", spot.at("name"), message, "say what is different")
        if name:
            self._names[name] = spot.at("name").place.line
        facts = Facts(self._followers)
        facts.wrong = self._pen.wrong
        given = facts.given(_laid_over(spot.at("given"), shared), spot.place)
        acts = Steps(self._pen, facts, given)
        for one in spot.at("orders").items():
            acts.take(one)
        until = acts.now + SETTLES
        if spot.at("until").is_given:
            until = acts.moment(spot.at("until"))
        expected = [
            each
            for follower, place, one in entries(spot.at("expect"))
            for each in self._expected(facts, given, acts, follower, place, one)
        ]
        return Case(
            name=name,
            line=spot.place.line,
            given=given,
            acts=tuple(acts.done),
            until=until,
            expected=tuple(expected),
        )

    def _expected(
        self, facts: Facts, given: Given, acts: Steps, follower: str, place: Place, spot: Spot
    ) -> Iterable[Expectation]:
        facts.known_follower(follower, place, spot.steps)
        last = len(acts.orders)
        numbered = [(last, spot)]
        if isinstance(spot.node, Items):
            numbered = list(enumerate(spot.items(), start=1))
            if len(numbered) != last:
                message = f"{_many(len(numbered), 'outcome')} for {_many(last, 'order')}"
                self._pen.tell("R503", spot, message, "write one for each order, or a single line about the last one")
                return
        for count, one in numbered:
            before = len(self._pen.wrong)
            words = self._pen.words(one, Form.OUTCOME, given.listed)
            if words.reason is not None and words.reason not in REASONS:
                close = difflib.get_close_matches(words.reason, sorted(REASONS), n=1, cutoff=0.45)
                hint = f"did you mean {close[0]}?" if close else "copyctl explain --codes tells them all"
                self._pen.tell("R208", one.at("reason"), f"{words.reason} is no reason code", hint)
            if words == Words() and len(self._pen.wrong) == before and not _is_misshapen(one):
                self._pen.tell("R501", one, "nothing is expected here", "for example copied BUY 65 LIMIT 101.5")
            words = in_units(words, acts.lot(words if words.instrument else acts.orders.get(count, words)))
            yield Expectation(follower=follower, number=count, words=words)


def _laid_over(own: Spot, shared: Node | None) -> Spot:
    """What a case gives, over what the file gives."""
    if shared is None or own.node is None:
        return Spot(node=own.node if shared is None else shared, steps=("given",))
    return Spot(node=merge(shared, own.node), steps=("given",))


def _is_misshapen(one: Spot) -> bool:
    """Does something else stand here than a text or a map? The schema tells that."""
    return not isinstance(one.node, Keys) and text(one) is None


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
