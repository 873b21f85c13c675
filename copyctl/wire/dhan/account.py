"""What an account may do (Dhan API v2: user profile, static IP, trader's control's kill switch). Never raises.

Little of it is sure to be told: a figure that is missing or nonsense is None. An answer in which nothing stands that
we know is none at all.
"""

import re
from typing import Final

from msgspec.structs import replace

from copyctl.model.facts import Addresses, BrokerKill, FactReading, Lack, Profile, address
from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan import codes, fact_keys
from copyctl.wire.dhan.figures import declined, lacking, named, read, single
from copyctl.wire.dhan.values import Fields, NonsenseError, identifier, moment, text, word

_LONGEST: Final = 500
_LONGEST_ADDRESS: Final = 64
_BETWEEN_SEGMENTS: Final = re.compile(r"[,;|]")
_WITHOUT_A_NAME: Final = frozenset({Lack.NOT_KNOWN, Lack.UNAVAILABLE})


def read_profile(answer: Answer, account: str, as_of: int) -> FactReading:
    """The account's profile, asked for at ``as_of`` (ns, UTC)."""
    found = _told(answer, fact_keys.PROFILE, account, "profile")
    if isinstance(found, FactReading):
        return found
    return FactReading(
        fact=Profile(
            account=account,
            as_of=as_of,
            ddpi=_switch(found.get("ddpi")),
            mtf=_switch(found.get("mtf")),
            data_plan=_switch(found.get("data_plan")),
            segments=_segments(found.get("segments")),
            token_until=moment(found.get("token_until")) or None,
        )
    )


def read_addresses(answer: Answer, account: str, as_of: int) -> FactReading:
    """The addresses from which the account's orders may come, asked for at ``as_of`` (ns, UTC).

    One object with both, or a row for each. That there is none may be told by an error, even with HTTP 200.
    """
    body = read(answer)
    if isinstance(body, FactReading):
        if answer.passage is Passage.ANSWERED and fact_keys.NONE_REGISTERED.search(body.why):
            return FactReading(fact=Addresses(account=account, as_of=as_of, registered=()))
        return body
    value = single(body)
    try:
        rows = [named(row, fact_keys.ADDRESSES) for row in (value if isinstance(value, list) else [value])]
        if any(identifier(row.get("account")) not in ("", account) for row in rows):
            return lacking("the addresses are another account's")
    except NonsenseError as fault:
        return lacking(f"the addresses cannot be read: {fault}")
    registered, detected, allowed = _registered(rows), _detected(rows), _allowed(rows)
    if registered is None and allowed is None:
        return lacking(f"HTTP {answer.status}: it tells no address that can be read")
    return FactReading(
        fact=Addresses(account=account, as_of=as_of, registered=registered, detected=detected, allowed=allowed)
    )


def read_kill(answer: Answer, account: str, as_of: int) -> FactReading:
    """What became of turning the kill switch on, asked for at ``as_of`` (ns, UTC).

    That Dhan refuses it, by an error or by a sentence, is ``Lack.NOT_NOW``: an order is open or a position held. The
    texts of these refusals were never captured, so any refusal counts that is not about token, address or rate.
    """
    reading = read_kill_state(answer, account, as_of)
    fact = reading.fact
    if isinstance(fact, BrokerKill):
        return lacking(fact.text, Lack.NOT_NOW) if fact.active is False else reading
    if reading.lack not in _WITHOUT_A_NAME or not declined(answer):
        return reading
    if fact_keys.ALREADY.search(reading.why) and _state(reading.why):
        return FactReading(fact=BrokerKill(account=account, as_of=as_of, active=True, text=reading.why))
    return replace(reading, lack=Lack.NOT_NOW)


def read_kill_state(answer: Answer, account: str, as_of: int) -> FactReading:
    """Whether the kill switch is on, asked for at ``as_of`` (ns, UTC): a word (``ACTIVATE``), or a sentence."""
    found = _told(answer, fact_keys.KILL_SWITCH, account, "kill switch")
    if isinstance(found, FactReading):
        return found
    said = (text(found.get("status")) or text(found.get("message")))[:_LONGEST]
    if not said:
        return lacking(f"HTTP {answer.status}: it does not tell of the kill switch")
    return FactReading(fact=BrokerKill(account=account, as_of=as_of, active=_state(said), text=said))


def _told(answer: Answer, table: dict[str, str], account: str, what: str) -> Fields | FactReading:
    """The values of the one object that an answer is, where it is this account's and has any that we know."""
    body = read(answer)
    if isinstance(body, FactReading):
        return body
    try:
        found = named(single(body), table)
        if identifier(found.get("account")) not in ("", account):
            return lacking(f"the {what} is another account's")
    except NonsenseError as fault:
        return lacking(f"the {what} cannot be read: {fault}")
    return found or lacking(f"HTTP {answer.status}: it is no {what}")


def _switch(value: object) -> bool | None:
    """Is it on? None for nothing, and for a word that we do not know."""
    return fact_keys.SWITCH.get(word(value))


def _segments(value: object) -> tuple[str, ...] | None:
    """Names written one after another, or a list of them."""
    written = ",".join(map(text, value)) if isinstance(value, list) else text(value)
    names = (text(part).lower() for part in _BETWEEN_SEGMENTS.split(written[:_LONGEST]))
    return tuple(dict.fromkeys(name for name in names if name)) or None


def _registered(rows: list[dict[str, object]]) -> tuple[str, ...] | None:
    """All of them, () for none; None where the first is not told, or where one of them is no address.

    ``ip`` is one of the two again, and stands alone in answers that do not name them.
    """
    if not any("primary" in row or "address" in row for row in rows):
        return None
    try:
        named_so = [_address(row[name]) for name in ("primary", "secondary") for row in rows if name in row]
        others = [_address(row["address"]) for row in rows if "address" in row]
    except NonsenseError:
        return None
    return tuple(dict.fromkeys([one for one in named_so if one] or [one for one in others if one]))


def _detected(rows: list[dict[str, object]]) -> str | None:
    for row in rows:
        try:
            found = _address(row.get("detected"))
        except NonsenseError:
            continue
        if found:
            return found
    return None


def _allowed(rows: list[dict[str, object]]) -> bool | None:
    """Dhan's own word: ``ordersAllowed`` before ``ipMatchStatus``. Of several rows, one that allows is enough."""
    for name, words in (("allowed", fact_keys.SWITCH), ("match", fact_keys.MATCH)):
        said = {words.get(word(row.get(name))) for row in rows} - {None}
        if said:
            return True in said
    return None


def _address(value: object) -> str:
    """An address in its shortest form, "" for nothing and for one of zeros alone."""
    written = text(value)
    if isinstance(value, dict | list) or len(written) > _LONGEST_ADDRESS:
        raise NonsenseError("an address is something else")
    if not written:
        return ""
    try:
        found = address(written)
    except ValueError as fault:
        raise NonsenseError(str(fault)) from fault
    return "" if found.is_unspecified else str(found)


def _state(said: str) -> bool | None:
    """Is the switch on, by what was said? None where that is not clear."""
    known = fact_keys.SWITCH.get(codes.fold(said))
    if known is not None:
        return known
    off, undone = fact_keys.TURNED_OFF.search(said) is not None, fact_keys.NOT_DONE.search(said) is not None
    if off or undone:
        return None if off and undone else False
    return True if fact_keys.TURNED_ON.search(said) else None
