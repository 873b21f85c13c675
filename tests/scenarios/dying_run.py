"""``copyctl run``, ended by kill -9 at a named moment: ``dying_run.py BOUNDARY KIND run --rules FILE``.

The real command in a real process. It injects death and nothing else: at the first request of KIND (place, modify,
cancel) the process ends itself, at one of

    unrecorded   what asks for the request is known, nothing of it is written
    half         the transaction with the request is begun and not committed
    recorded     the request is durable, nothing has left
    answered     the broker's answer has come, nothing of it is written
    outcome      the answer is durable, nothing was made of it

or, so that its last words can be read, by a bug where the request is sent or written ("bug in send", "bug in write"),
also by one that shows the account's token ("bug with token").
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from copyctl.cli.main import run
from copyctl.edge.journal import Journal
from copyctl.edge.journal_chain import Ends
from copyctl.edge.transport import DhanGateway
from copyctl.model.events import Answered
from copyctl.model.journal import Entry
from copyctl.model.request import Answer, Call, Request, RequestState

BOUNDARIES = ("unrecorded", "half", "recorded", "answered", "outcome")
BUGS = ("bug in send", "bug in write", "bug with token")
VERBS = {"place": "place_order", "modify": "modify_order", "cancel": "cancel_order"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def asks(entries: Sequence[Entry], kind: str) -> bool:
    """Does a request of this kind leave once these entries are durable?"""
    changed = [change.record for entry in entries for change in entry.changes]
    return any(isinstance(one, Request) and one.state is RequestState.SENT and one.kind == kind for one in changed)


def tells(entries: Sequence[Entry], kind: str) -> bool:
    """Is among these entries how a request of this kind ended?"""
    return any(isinstance(one.event, Answered) and one.event.request_id.endswith(f"/{kind}") for one in entries)


def condemn(boundary: str, kind: str) -> None:
    write, notices, begin = Journal.write, Journal._notices, DhanGateway.begin
    writing: list[Entry] = []

    def dying_write(journal: Journal, entries: Sequence[Entry], taken: Sequence[int] = ()) -> None:
        if boundary == "unrecorded" and asks(entries, kind):
            die()
        if boundary == "bug in write" and asks(entries, kind):
            raise RuntimeError("a bug")
        writing[:] = entries
        write(journal, entries, taken)
        if (boundary == "recorded" and asks(entries, kind)) or (boundary == "outcome" and tells(entries, kind)):
            die()

    def dying_notices(journal: Journal, entries: Sequence[Entry], ends: Ends) -> None:
        notices(journal, entries, ends)
        if boundary == "half" and asks(writing, kind):
            die()

    async def dying(answer: asyncio.Future[Answer]) -> Answer:
        got = await answer
        if boundary == "answered":
            die()
        if boundary == "bug in send":
            raise RuntimeError("a bug")
        return got

    def dying_begin(gateway: DhanGateway, call: Call) -> asyncio.Future[Answer]:
        answer = begin(gateway, call)
        if boundary == "bug with token" and call.method == VERBS[kind]:
            raise RuntimeError(f"a bug with {gateway._prepared_for}")
        return asyncio.ensure_future(dying(answer)) if call.method == VERBS[kind] else answer

    Journal.write = dying_write  # type: ignore[method-assign]
    Journal._notices = dying_notices  # type: ignore[method-assign]
    DhanGateway.begin = dying_begin  # type: ignore[method-assign]


if __name__ == "__main__":
    boundary, kind = sys.argv[1:3]
    if boundary not in BOUNDARIES + BUGS or kind not in VERBS:
        sys.exit(f"dying_run.py BOUNDARY KIND ...: no {boundary} of a {kind}")
    condemn(boundary, kind)
    sys.argv[1:] = sys.argv[3:]
    run()
