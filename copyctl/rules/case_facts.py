"""What is given in a policy test: time, instruments, and what each account has."""

import difflib
from collections.abc import Collection, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from copyctl.model.cases import Given, Listed, Purse, Stake
from copyctl.model.instrument import Instrument
from copyctl.model.terms import InstrumentKind, OptionType, Product, Segment
from copyctl.rules.findings import Finding, Place, finding
from copyctl.rules.nodes import Keys, Spot, dotted
from copyctl.rules.order_words import OTHER_NAMES, PRODUCTS, is_taken

Word = TypeVar("Word", bound=StrEnum)

_SECOND: Final = 1_000_000_000
_AHEAD: Final = 19_800
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (both sides of the difference are times of the Indian clock)
_SHARES: Final = frozenset({Segment.NSE_EQ, Segment.BSE_EQ})
_NEEDED: Final = ("segment", "price")


def near(name: str, known: Collection[str], what: str) -> str | None:
    """A hint for a name that nothing has."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return f"the {what} are {', '.join(list(known)[:8])}" if known else f"there are no {what}"


def text(spot: Spot) -> str | None:
    """The text that stands here."""
    return spot.value if isinstance(spot.value, str) else None


def whole(spot: Spot) -> int | None:
    """The whole number that stands here."""
    return spot.value if isinstance(spot.value, int) and not isinstance(spot.value, bool) else None


def number(spot: Spot) -> Decimal | None:
    """The number that stands here."""
    value = spot.value
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def switch(spot: Spot) -> bool | None:
    """The true or false that stands here."""
    return spot.value if isinstance(spot.value, bool) else None


def word(kind: type[Word], spot: Spot) -> Word | None:
    """The word of an enumeration that stands here."""
    return next((one for one in kind if one.value == spot.value), None)


def entries(spot: Spot) -> Iterator[tuple[str, Place, Spot]]:
    """The keys of a map: the name, where it stands, its value."""
    if isinstance(spot.node, Keys):
        for name, entry in spot.node.entries.items():
            yield name, entry.key, spot.at(name)


def moment(told: str, day: date | None) -> int | None:
    """A time of the Indian clock (ns), of this day unless it names one; None: no calendar or clock has it."""
    try:
        if len(told) > len("00:00:00"):
            at = datetime.fromisoformat(told)
        elif day is not None:
            at = datetime.combine(day, time.fromisoformat(told))
        else:
            return None
    except ValueError:
        return None
    since = at.replace(tzinfo=None) - _EPOCH
    return (since.days * 86_400 + since.seconds - _AHEAD) * _SECOND


def day_of(at: int) -> date:
    """The Indian day of a moment (ns)."""
    return date.fromordinal(_EPOCH.toordinal() + (at // _SECOND + _AHEAD) // 86_400)


class Facts:
    """Reads what is given. ``wrong``: what is wrong with it."""

    def __init__(self, followers: Collection[str] | None) -> None:
        self.wrong: list[Finding] = []
        self._followers = followers

    def given(self, spot: Spot, at_least: Place) -> Given:
        """All of it. ``at_least``: where it is told that something is missing, if nothing at all is given."""
        listed = self._listed(spot.at("instruments"))
        followers = {}
        for name, place, purse in entries(spot.at("followers")):
            self.known_follower(name, place, (*spot.steps, "followers", name))
            followers[name] = self._purse(purse, listed)
        return Given(
            at=self._begins(spot, at_least),
            holidays=tuple(_days(spot.at("holidays"))),
            listed=listed,
            leader=self._purse(spot.at("leader"), listed),
            followers=followers,
        )

    def known_follower(self, name: str, place: Place, steps: tuple[str | int, ...]) -> None:
        """Say so where the rules have no such follower."""
        if self._followers is not None and name not in self._followers:
            message = f"the rules have no follower {name}"
            self.wrong.append(finding("R208", place, dotted(steps), message, near(name, self._followers, "followers")))

    def _begins(self, spot: Spot, at_least: Place) -> int:
        told = text(spot.at("time"))
        if told is None:
            place = spot.place if spot.node is not None else at_least
            if not spot.at("time").is_given:
                message = "a case needs the time at which it begins"
                hint = "write time: 2026-08-03 10:15 under given"
                self.wrong.append(finding("R112", place, dotted((*spot.steps, "time")), message, hint))
            return 0
        at = moment(told, None)
        if at is None:
            message = f"{told} is on no clock or in no calendar"
            self.wrong.append(finding("R208", spot.at("time").place, spot.at("time").path, message))
        return at or 0

    def _listed(self, spot: Spot) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        ids: dict[tuple[Segment, str], str] = {}
        for name, place, one in entries(spot):
            self._check_name(name, listed, place, one)
            found = self._instrument(name, one, place)
            if found is None:
                continue
            key = (found.instrument.segment, found.instrument.security_id)
            if key in ids:
                message = f"{ids[key]} has the security id {key[1]} as well"
                self.wrong.append(finding("R201", place, one.path, message, "give each its own, or leave it out"))
            ids[key] = name
            listed[name] = found
        return listed

    def _check_name(self, name: str, listed: Collection[str], place: Place, one: Spot) -> None:
        if is_taken(name) or len(name.split()) != 1:
            message = f"{name or 'nothing'} cannot be the name of an instrument: a line would read it as something else"
            self.wrong.append(finding("R202", place, one.path, message, "take one word that no order has"))
        twin = next((other for other in listed if other.upper() == name.upper() and other != name), None)
        if twin is not None:
            message = f"{name} and {twin} are one name: lines take capitals and small letters as one"
            self.wrong.append(finding("R201", place, one.path, message, "give one of them another name"))

    def _instrument(self, name: str, one: Spot, place: Place) -> Listed | None:
        lacks = [key for key in _NEEDED if not one.at(key).is_given]
        for key in lacks if isinstance(one.node, Keys) else ():
            message = f"{key} is required here and missing"
            self.wrong.append(finding("R112", place, dotted((*one.steps, key)), message))
        segment, price = word(Segment, one.at("segment")), number(one.at("price"))
        if segment is None or price is None:
            return None
        lower, upper = number(one.at("lower_circuit")), number(one.at("upper_circuit"))
        if lower is not None and upper is not None and lower >= upper:
            spot = one.at("lower_circuit")
            self.wrong.append(
                finding("R205", spot.place, spot.path, f"{lower} is not below {upper}, the upper circuit")
            )
        symbol = text(one.at("symbol")) or name
        is_share = segment in _SHARES
        instrument = Instrument(
            segment=segment,
            security_id=text(one.at("security_id")) or name.replace("/", "-"),
            symbol=symbol,
            kind=word(InstrumentKind, one.at("instrument")) or (InstrumentKind.EQUITY if is_share else None),
            underlying=text(one.at("underlying")) or (symbol if is_share else ""),
            option_type=word(OptionType, one.at("option_type")),
            strike=number(one.at("strike")),
            expiry=next(_days(one.at("expiry")), None),
            lot_size=whole(one.at("lot_size")) or 1,
            tick_size=number(one.at("tick_size")) or Decimal("0.05"),
            multiplier=whole(one.at("multiplier")) or 1,
        )
        margin = number(one.at("margin"))
        return Listed(instrument=instrument, price=price, lower_circuit=lower, upper_circuit=upper, margin=margin)

    def _purse(self, spot: Spot, listed: Collection[str]) -> Purse:
        funds, start = number(spot.at("funds")), number(spot.at("start_of_day"))
        return Purse(
            funds=start if funds is None else funds,
            start_of_day=funds if start is None else start,
            positions=tuple(self._stakes(spot.at("positions"), listed)),
            by_hand=tuple(self._stakes(spot.at("by_hand"), listed)),
            profit=number(spot.at("profit")),
            ddpi=switch(spot.at("ddpi")),
        )

    def _stakes(self, spot: Spot, listed: Collection[str]) -> Iterator[Stake]:
        for name, place, one in entries(spot):
            if name not in listed:
                message = f"no instrument {name} is given"
                self.wrong.append(finding("R208", place, one.path, message, near(name, listed, "instruments")))
                continue
            units, _, called = (text(one) or "0").partition(" ")
            product = _product(called)
            if product is None:
                message = f"{called} is no product"
                hint = near(called.upper(), [product.value for product in PRODUCTS], "products")
                self.wrong.append(finding("R114", one.place, one.path, message, hint))
            elif units.lstrip("+-").isdigit():
                yield Stake(instrument=name, product=product, quantity=int(units))


def _product(called: str) -> Product | None:
    other = OTHER_NAMES.get(called.upper(), ("", None))[1]
    if not called or isinstance(other, Product):
        return other if isinstance(other, Product) else Product.INTRADAY
    return next((one for one in PRODUCTS if one.value == called.upper()), None)


def _days(spot: Spot) -> Iterator[date]:
    for one in spot.items() or [spot]:
        try:
            yield date.fromisoformat(text(one) or "")
        except ValueError:  # the schema, or a look at the value, tells it
            continue
