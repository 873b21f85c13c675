"""Frames of the live order update (Dhan API v2): ``{"Type": "order_alert", "Data": {...}}``, 1 to 2 KB.

Documented in PascalCase, sent in camelCase; binary noise, other messages and frames of other accounts are to be
expected. There is no sequence number and no replay: what a frame does not say, the books must.
"""

from typing import Final

from copyctl.model.reading import FrameReading
from copyctl.model.terms import Source
from copyctl.wire.dhan import codes
from copyctl.wire.dhan.reports import read_report
from copyctl.wire.dhan.values import decode, fields, identifier, word

LARGEST_FRAME: Final = 1 << 20
"""Bytes; a real one has a thousandth of it."""

_NOISE = FrameReading()
_ORDER_ALERT = codes.fold("order_alert")


def read_frame(raw: bytes, account: str, as_of: int) -> FrameReading:
    """What a frame of this account's stream says, ``as_of`` (ns, UTC) being when it came. Never raises.

    A message of another type and an order of another account are readable and tell nothing.
    """
    if len(raw) > LARGEST_FRAME:
        return FrameReading(why=f"{len(raw)} bytes are no frame")
    try:
        return _read(raw, account, as_of)
    except ValueError as fault:
        return FrameReading(why=str(fault))


def _read(raw: bytes, account: str, as_of: int) -> FrameReading:
    envelope = decode(raw)
    if not isinstance(envelope, dict):
        return FrameReading(why="it is no JSON object")
    kind, data = _part(envelope, "Type"), _part(envelope, "Data")
    if word(kind) != _ORDER_ALERT:
        return FrameReading(why="an order without a type") if not word(kind) and data is not None else _NOISE
    if not isinstance(data, dict):
        return FrameReading(why="an order alert without data")
    found = fields(data)
    if identifier(found.get("account")) not in ("", account):
        return _NOISE
    return FrameReading(reports=(read_report(found, account, Source.STREAM, as_of),))


def _part(envelope: dict[str, object], name: str) -> object:
    """The last value of this key, whatever its case."""
    if name in envelope:
        return envelope[name]
    found = [value for key, value in envelope.items() if key.lower() == name.lower()]
    return found[-1] if found else None
