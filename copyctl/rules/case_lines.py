"""Orders and outcomes of a policy test, as a line or key by key, and where in the file something is wrong with them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from copyctl.model.cases import Words
from copyctl.model.terms import Decision, OrderType, Product, Side, Validity
from copyctl.rules.case_facts import near, number, switch, text, whole, word
from copyctl.rules.findings import Finding, finding
from copyctl.rules.nodes import Keys, Scalar, Spot
from copyctl.rules.order_words import STATUSES, Form, Misread, read_line

_ENUMERATIONS: Final[dict[str, type[StrEnum]]] = {
    "side": Side,
    "order_type": OrderType,
    "product": Product,
    "validity": Validity,
    "decision": Decision,
}
_READ: Final[dict[str, Any]] = {
    **dict.fromkeys(("quantity", "lots", "filled", "disclosed_quantity"), whole),
    **dict.fromkeys(("price", "trigger_price"), number),
    **dict.fromkeys(("instrument", "reason", "rule", "platform", "tag"), text),
    "after_market": switch,
}


NO_VARIABLES: Final = ("a policy test takes no ${...}: it needs no variable and no secret", "write the value")
"""What is said of a ``${...}``, and what to do about it."""


class Pen:
    """Reads what somebody wrote. ``wrong``: what is wrong with it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.wrong: list[Finding] = []
        self._lines = lines

    def words(self, spot: Spot, form: Form, instruments: Collection[str]) -> Words:
        """What is written of an order or an outcome, as a line or key by key."""
        node = spot.node
        if isinstance(node, Scalar) and node.is_open:
            self.tell("R105", spot, *NO_VARIABLES)
        elif isinstance(node, Scalar) and isinstance(node.value, str):
            words, wrong = read_line(node.value, form, instruments)
            for one in wrong:
                self.misread(spot, one)
            return words
        if not isinstance(node, Keys):
            return Words()
        told = {key: read(spot.at(key)) for key, read in _READ.items()}
        told |= {key: word(kind, spot.at(key)) for key, kind in _ENUMERATIONS.items()}
        told["status"] = next((one for one in STATUSES if one.value == spot.at("status").value), None)
        if told["instrument"] is not None and told["instrument"] not in instruments:
            hint = near(told["instrument"], instruments, "instruments")
            self.tell("R208", spot.at("instrument"), f"no instrument {told['instrument']} is given", hint)
            told["instrument"] = None
        return Words(**told)

    def misread(self, spot: Spot, one: Misread) -> None:
        """Tell what is wrong with a line, at the word that it is about."""
        place = spot.place
        line = self._lines[place.line - 1] if place.line <= len(self._lines) else ""
        for column in (place.column + one.offset, place.column + one.offset + 1):  # a quote may stand before it
            if one.word and line[column - 1 :].startswith(one.word):
                place = replace(place, column=column)
                break
        self.wrong.append(finding("R501", place, spot.path, one.message, one.hint))

    def tell(self, code: str, spot: Spot, message: str, hint: str | None = None) -> None:
        """Tell what is wrong here."""
        self.wrong.append(finding(code, spot.place, spot.path, message, hint))
