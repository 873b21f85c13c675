"""Orders and outcomes as people write them in a line: ``BUY 130 CE LIMIT 101.5``, ``refused zero_quantity``.

The words stand in any order. What a number is, the word before it says: behind LIMIT or STOP_LOSS it is the price,
behind trigger, filled or disclosed just that, else the quantity (lots, where that word follows).
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from copyctl.model.cases import Words
from copyctl.model.policy import Limits
from copyctl.model.reasons import DEAD_CODES, Reason
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Side, Validity
from copyctl.rules.scalars import number_in

STATUSES: Final = (
    *(OrderStatus.TRANSIT, OrderStatus.PENDING, OrderStatus.PART_TRADED, OrderStatus.REJECTED),
    *(OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.TRADED),
)
PRODUCTS: Final = (Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF)
"""CO and BO are no products of a line: their exits do not stand in it."""
OTHER_NAMES: Final[Mapping[str, tuple[str, Any]]] = {
    "MIS": ("product", Product.INTRADAY),
    "NRML": ("product", Product.MARGIN),
    "SL": ("order_type", OrderType.STOP_LOSS),
    "SL-M": ("order_type", OrderType.STOP_LOSS_MARKET),
    "GTT": ("validity", Validity.FOREVER),
    "AFTER-MARKET": ("after_market", True),
    "AMO": ("after_market", True),
}
REASONS: Final = frozenset(
    {code.value for code in Reason}
    | DEAD_CODES
    | {f"limit_{one.name}" for one in fields(Limits) if one.name != "on_breach"}
)
NUMBERS: Final[Mapping[str, str]] = {
    "PRICE": "price",
    "AT": "price",
    "TRIGGER": "trigger_price",
    "FILLED": "filled",
    "DISCLOSED": "disclosed_quantity",
}
"""Words behind which a number stands, and which."""
MOST: Final = 1_000_000_000
"""No quantity and no price is larger."""
_CALLED: Final[Mapping[str, str]] = {
    "order_type": "order type",
    "trigger_price": "trigger",
    "disclosed_quantity": "disclosed quantity",
    "after_market": "after-market",
}
_LOTS: Final = frozenset({"LOT", "LOTS"})
_UNITS: Final = frozenset({"quantity", "lots", "filled", "disclosed_quantity"})


class Form(StrEnum):
    """What a line is about, and so which words it may hold."""

    ORDER = "an order"
    CHANGE = "a change of an order"
    OUTCOME = "an outcome"


_KINDS: Final[tuple[tuple[str, Iterable[StrEnum]], ...]] = (
    ("side", Side),
    ("order_type", OrderType),
    ("product", PRODUCTS),
    ("validity", Validity),
    ("status", STATUSES),
    ("decision", Decision),
)
_VOCABULARY: Final[Mapping[str, tuple[str, Any]]] = {
    **{word.value.upper(): (field, word) for field, words in _KINDS for word in words},
    **{code.upper(): ("reason", code) for code in REASONS},
    **OTHER_NAMES,
}
_NOT_IN: Final[Mapping[Form, frozenset[str]]] = {
    Form.ORDER: frozenset({"decision", "reason", "rule"}),
    Form.CHANGE: frozenset({"decision", "reason", "rule", "side", "instrument", "product", "after_market"}),
    Form.OUTCOME: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """What is wrong with a line. ``word``: the one that it is about, ``offset``: where that begins."""

    message: str
    hint: str | None = None
    word: str = ""
    offset: int = 0


def is_taken(name: str) -> bool:
    """Does a line understand this word already, so that no instrument can have it for its name?"""
    word = name.upper()
    return word in _VOCABULARY or word in NUMBERS or word in _LOTS or number_in(name) is not None


def read_line(text: str, form: Form, instruments: Iterable[str]) -> tuple[Words, list[Misread]]:
    """What a line says, and all that is wrong with its words. Whether an order is whole is not asked here."""
    line = _Line(form, tuple(instruments))
    for found in re.finditer(r"\S+", text):
        line.take(found.group(), found.start())
    line.end()
    return Words(**line.told), line.wrong


class _Line:
    """A line being read from left to right. ``awaits``: what the next number is, by the word before it."""

    def __init__(self, form: Form, instruments: tuple[str, ...]) -> None:
        self.told: dict[str, Any] = {}
        self.wrong: list[Misread] = []
        self._form = form
        self._instruments = instruments
        self._awaits = ""
        self._must = ("", 0)
        self._last = ""

    def take(self, word: str, offset: int) -> None:
        """The next word."""
        number = number_in(word)
        if number is not None:
            self._number(word, number, offset)
            return
        self.end()
        if word.upper() in _LOTS and self._last == "quantity":
            if "quantity" in self.told:  # else the number before it is none that can be traded, as was told
                self.told["lots"] = self.told.pop("quantity")
            self._last = ""
            return
        known = _VOCABULARY.get(word.upper())
        name = self._instrument(word)
        self._awaits, self._last = "", ""
        if name is not None:
            self._put("instrument", name, word, offset)
        elif word.upper() in NUMBERS:
            self._awaits = NUMBERS[word.upper()]
            self._must = (word, offset)
        elif known is not None:
            self._put(*known, word, offset)
            if isinstance(known[1], OrderType) and known[1].has_price:
                self._awaits = "price"
        else:
            self.wrong.append(self._unknown(word, offset))

    def end(self) -> None:
        """Something else than a number comes, or nothing any more."""
        word, offset = self._must
        if word:
            self.wrong.append(Misread(message=f"a number must stand behind {word}", word=word, offset=offset))
        self._must = ("", 0)

    def _number(self, word: str, number: int | Decimal, offset: int) -> None:
        field = self._awaits or ("quantity" if not self.told.keys() & {"quantity", "lots"} else "")
        self._awaits, self._must, self._last = "", ("", 0), field
        least = 0 if field in ("filled", "disclosed_quantity") else 1
        if number > MOST:
            self.wrong.append(Misread(message=f"{word} is more than {MOST}", word=word, offset=offset))
        elif not field:
            hint = "a price stands behind LIMIT or STOP_LOSS, a trigger behind the word trigger"
            self.wrong.append(Misread(message=f"nothing says what {word} is", hint=hint, word=word, offset=offset))
        elif field in _UNITS and (not isinstance(number, int) or number < least):
            message = f"{word} is no whole number" if number >= least else f"{word} must be {least} or more"
            self.wrong.append(Misread(message=message, word=word, offset=offset))
        elif number <= 0 and field not in _UNITS:
            self.wrong.append(Misread(message=f"{word} must be more than 0", word=word, offset=offset))
        else:
            self._put(field, number if field in _UNITS else Decimal(number), word, offset)

    def _put(self, field: str, value: object, word: str, offset: int) -> None:
        if field in _NOT_IN[self._form]:
            message = f"{word} says nothing in {self._form}"
            hint = "this word is for expect" if field in ("decision", "reason") else "the order has it already"
            self.wrong.append(Misread(message=message, hint=hint, word=word, offset=offset))
        elif self.told.get(field, value) != value:
            message = f"the {_CALLED.get(field, field)} is told twice"
            self.wrong.append(Misread(message=message, hint="keep one of them", word=word, offset=offset))
        else:
            self.told[field] = value

    def _instrument(self, word: str) -> str | None:
        if word in self._instruments:
            return word
        same = [name for name in self._instruments if name.upper() == word.upper()]
        return same[0] if len(same) == 1 else None

    def _unknown(self, word: str, offset: int) -> Misread:
        barred = _NOT_IN[self._form]
        words = [name for name, (field, _) in _VOCABULARY.items() if field not in barred]
        names = self._instruments if "instrument" not in barred else ()
        shown = {one.upper(): one for one in (*words, *NUMBERS, "LOTS", *names)}
        close = difflib.get_close_matches(word.upper(), shown, n=1, cutoff=0.6)
        message = f"{word} is no word of {self._form}, and no instrument given here"
        hint = f"did you mean {_as_written(shown[close[0]])}?" if close else None
        if hint is None and names:
            hint = f"the instruments are {', '.join(names[:8])}"
        return Misread(message=message, hint=hint, word=word, offset=offset)


def _as_written(word: str) -> str:
    """A word as it is usually written: codes, decisions and words for numbers are small."""
    field = _VOCABULARY.get(word, ("", None))[0]
    is_small = field in ("reason", "decision") or word in NUMBERS or word in _LOTS or word == "AFTER-MARKET"
    return word.lower() if is_small else word
