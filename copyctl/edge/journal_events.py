"""The events of a journal, as they were taken in.

A frame is kept as it came: what it says is for ``wire`` to read once more. Of rules their document is kept, without
secrets.
"""

from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

from copyctl.edge.journal_file import cannot_use
from copyctl.edge.journal_reader import JournalReader, RulesKept
from copyctl.model.events import Event, FrameRead, FrameUnreadable, PolicyLoaded

_KEPT_OTHERWISE: Final = frozenset({FrameRead, FrameUnreadable, PolicyLoaded})
_AS_JSON: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in get_args(Event) if kind not in _KEPT_OTHERWISE
}


def events_of(journal: JournalReader) -> Iterator[Event | RulesKept]:
    """Every event, oldest first; frames without what they say. Those that were set aside are left out.

    Raises:
        StoreUnusable: one of them is damaged.
    """
    return (event for _, event in numbered_events(journal))


def numbered_events(journal: JournalReader, after: int = 0) -> Iterator[tuple[int, Event | RulesKept]]:
    """The same ``after`` a number, each with its own."""
    rules = msgspec.json.Decoder(RulesKept)
    for seq, at, kind, account, body in journal.events(after):
        try:
            if kind == "FrameRead":
                yield seq, FrameRead(at=at, account=account, raw=body)
            elif kind == "FrameUnreadable":
                yield seq, FrameUnreadable(at=at, account=account, raw=body, why="it could not be read")
            elif kind == "PolicyLoaded":
                yield seq, rules.decode(body)
            else:
                yield seq, _AS_JSON[kind].decode(body)
        except (ValueError, KeyError) as fault:
            raise cannot_use(journal.folder, f"event {seq} is damaged ({fault})") from None
