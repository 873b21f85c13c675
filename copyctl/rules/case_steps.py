"""The steps of a case: what the leader does, what becomes of his orders, and what a person says, as time goes on."""

from collections.abc import Callable
from typing import Final

from copyctl.model.cases import EVERYBODY, Act, Commanded, Given, Priced, Shown, Words
from copyctl.model.terms import OrderStatus
from copyctl.rules.case_facts import Facts, day_of, entries, moment, near, number, text, whole
from copyctl.rules.case_lines import Pen
from copyctl.rules.case_orders import changed, placed
from copyctl.rules.findings import finding
from copyctl.rules.nodes import Keys, Scalar, Spot
from copyctl.rules.order_words import Form, Misread

COMMANDS: Final = ("kill", "resume", "pause", "unpause")
KINDS: Final = ("order", "change", "cancel", "price", *COMMANDS)
"""What one step of a case can be."""
SECOND: Final = 1_000_000_000


class Steps:
    """The steps of a case, one after the other. ``orders``: the leader's, as they show by then; ``now``: ns."""

    def __init__(self, pen: Pen, facts: Facts, given: Given) -> None:
        self.done: list[Act] = []
        self.orders: dict[int, Words] = {}
        self.now = given.at - SECOND
        self._pen = pen
        self._facts = facts
        self._given = given

    def take(self, spot: Spot) -> None:
        """The next step."""
        if isinstance(spot.node, Scalar):
            self.now += SECOND
            self.place(spot, spot)
            return
        self.now = self.moment(spot.at("at")) if spot.at("at").is_given else self.now + SECOND
        kinds = [kind for kind in KINDS if spot.at(kind).is_given]
        if len(kinds) != 1:
            if isinstance(spot.node, Keys) and spot.node.entries.keys() <= {*KINDS, "at", "to"}:
                message = f"{' and '.join(kinds)} are two steps" if kinds else "this step does nothing"
                self._pen.tell("R503", spot, message, f"write one of {', '.join(KINDS)} in each")
            return
        if spot.at("to").is_given != (kinds == ["change"]):
            self._pen.tell("R204", spot, "change and to belong together", "for example {change: 1, to: LIMIT 102}")
        _DONE_BY[kinds[0]](self, spot.at(kinds[0]), spot)

    def moment(self, spot: Spot) -> int:
        """The moment that stands here; never one before the last."""
        told = text(spot)
        at = moment(told, day_of(self.now)) if told is not None else None
        if at is None:
            if told is not None:
                self._pen.tell("R208", spot, f"{told} is on no clock or in no calendar")
            return self.now
        if at < max(self.now, self._given.at):
            self._pen.tell("R503", spot, f"{told} is before what came last", "steps stand in the order of time")
            return self.now
        return at

    def place(self, spot: Spot, _step: Spot) -> None:
        """The leader places an order."""
        before = len(self._pen.wrong)
        words = self._pen.words(spot, Form.ORDER, self._given.listed)
        number_of_it = len(self.orders) + 1
        whole_order, wrong = placed(words, self.lot(words))
        self.orders[number_of_it] = whole_order
        if len(self._pen.wrong) == before:  # else what is missing may be what was not understood
            self._show(spot, number_of_it, wrong)

    def change(self, spot: Spot, step: Spot) -> None:
        """One of his orders changes."""
        order = self._order(spot)
        if order is not None and step.at("to").is_given:
            before = len(self._pen.wrong)
            words = self._pen.words(step.at("to"), Form.CHANGE, self._given.listed)
            if len(self._pen.wrong) == before:
                self._alter(step.at("to"), whole(spot) or 0, order, words)

    def cancel(self, spot: Spot, _step: Spot) -> None:
        """He cancels one of his orders."""
        order = self._order(spot)
        if order is not None:
            self._alter(spot, whole(spot) or 0, order, Words(status=OrderStatus.CANCELLED))

    def lot(self, words: Words) -> int:
        """The lot size of what is written about."""
        listed = self._given.listed.get(words.instrument or "")
        return listed.instrument.lot_size if listed is not None else 1

    def _alter(self, spot: Spot, number_of_it: int, order: Words, words: Words) -> None:
        self.orders[number_of_it], wrong = changed(order, words, self.lot(order))
        self._show(spot, number_of_it, wrong)

    def _show(self, spot: Spot, number_of_it: int, wrong: list[Misread]) -> None:
        for one in wrong:
            self._pen.misread(spot, one)
        if not wrong:
            self.done.append(Shown(at=self.now, number=number_of_it, words=self.orders[number_of_it]))

    def _order(self, spot: Spot) -> Words | None:
        """The order that this number names, if it can still change."""
        count = whole(spot)
        order = self.orders.get(count or 0)
        if count is not None and order is None:
            message = f"there is no order {count} before this"
            self._pen.tell("R503", spot, message, "orders are counted from 1 in the order in which they stand")
        elif order is not None and order.status is not None and order.status.is_final:
            message = f"order {count} is {order.status} by then, and changes no more"
            self._pen.tell("R503", spot, message, "write PENDING behind it to let it rest")
            return None
        return order

    def price(self, spot: Spot, _step: Spot) -> None:
        """Prices are others from now on."""
        prices = {}
        for name, place, one in entries(spot):
            price = number(one)
            if name not in self._given.listed:
                hint = near(name, self._given.listed, "instruments")
                message = f"no instrument {name} is given"
                self._pen.wrong.append(finding("R208", place, one.path, message, hint))
            elif price is not None:
                prices[name] = price
        self.done.append(Priced(at=self.now, prices=prices))

    def command(self, spot: Spot, _step: Spot) -> None:
        """Somebody says something."""
        name = text(spot) or ""
        command = str(spot.steps[-1])
        if name != EVERYBODY or command in ("pause", "unpause"):
            self._facts.known_follower(name, spot.place, spot.steps)
        self.done.append(Commanded(at=self.now, command=command, follower=name))


_DONE_BY: Final[dict[str, Callable[[Steps, Spot, Spot], None]]] = {
    "order": Steps.place,
    "change": Steps.change,
    "cancel": Steps.cancel,
    "price": Steps.price,
    **dict.fromkeys(COMMANDS, Steps.command),
}
