"""The way to the broker and back, for one life of the process: gateways and order streams that lose, delay, garble."""

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from copyctl.edge.capture import ClientEncoder
from copyctl.model.request import Answer, Call, Passage
from tests.simulation.dialect import THROTTLED, Desk, Said
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.life import Life

TIMEOUT: Final = 5 * SECOND
GATEWAY_PAGE: Final[Said] = (502, b"<html><body><h1>502 Bad Gateway</h1></body></html>")
UNSURE: Final[Said] = (500, b'{"errorType":"Internal_Server_Error","errorCode":"DH-908","errorMessage":"Internal"}')


@lru_cache(maxsize=64)
def encoder(account: str) -> ClientEncoder:
    """What the broker's own client would send for this account."""
    return ClientEncoder(account)


class Link:
    """One account's gateway: a request leaves, arrives, is answered, each with a chance to go wrong."""

    def __init__(self, life: "Life", desk: Desk) -> None:
        self._life = life
        self._desk = desk
        self._encode = encoder(desk.account).encode

    async def send(self, call: Call) -> Answer:
        return await self.begin(call)

    def begin(self, call: Call) -> asyncio.Future[Answer]:
        life, verb_path_body = self._life, self._encode(call)
        future: asyncio.Future[Answer] = life.loop.create_future()
        if not life.alive:
            return future
        verb, path, body = verb_path_body
        if self._desk.bucket(verb, path) == "orders":
            life.boundary()
            life.day.laws.leaves(life, self._desk.account, verb, path, body)
            life.day.tell(self._desk.account, "sends", verb, path, body)
            self._change(future, verb, path, body)
            life.boundary()
        else:
            self._read(future, verb, path, body)
        return future

    # --- requests that change something ---------------------------------------------------------------------------

    def _change(self, future: asyncio.Future[Answer], verb: str, path: str, body: bytes | None) -> None:
        adversary, chance = self._life.day.adversary, self._life.day.chance
        if adversary.strikes("request never left"):
            self._end(future, Passage.NOT_LEFT, 2 * MS, "connection refused")
            return
        left_at = self._life.clock.now()
        timeout = TIMEOUT if chance.random() < 0.5 else adversary.between("answer lost", 50, 4000) * MS
        if adversary.strikes("request lost"):
            self._end(future, Passage.NO_ANSWER, timeout, "timeout", left_at)
            return
        garbled = next((kind for kind in _GARBLED if adversary.strikes(kind)), "")
        lost = adversary.strikes("answer lost")
        late = adversary.between("answer late", 300, 6000) if adversary.strikes("answer late") else 0
        if lost or late * MS > TIMEOUT:
            self._end(future, Passage.NO_ANSWER, TIMEOUT if not lost else timeout, "timeout", left_at)

        def arrives() -> None:
            said = self._arrives(verb, path, body, garbled)
            self._life.day.tell(self._desk.account, "answers", verb, path, said)
            self._hear(future, said, chance.randint(2, 30) * MS + late * MS, left_at)

        self._life.day.timeline.later(chance.randint(2, 40) * MS, arrives)

    def _arrives(self, verb: str, path: str, body: bytes | None, garbled: str) -> Said:
        day, desk = self._life.day, self._desk
        longest = 1 if day.machine_ahead else 86_400  # by a clock that was moved, what left before is long ago
        broken = desk.buckets[desk.bucket(verb, path)].arrives(day.timeline.now, longest=longest)
        if broken:
            day.laws.rate_exceeded(desk.account, desk.bucket(verb, path), broken)
        if garbled == "5xx before":
            return GATEWAY_PAGE
        if broken or garbled == "throttled":
            return THROTTLED[day.timeline.now // MS % 2]
        said = desk.answer(verb, path, body)
        if garbled == "5xx after":
            return UNSURE
        return (said[0], said[1][: len(said[1]) // 2]) if garbled == "answer malformed" else said

    # --- reads ----------------------------------------------------------------------------------------------------

    def _read(self, future: asyncio.Future[Answer], verb: str, path: str, body: bytes | None) -> None:
        adversary, chance = self._life.day.adversary, self._life.day.chance
        left_at = self._life.clock.now()
        fails = adversary.strikes("read failed")
        late = adversary.between("read late", 200, 3000) * MS if adversary.strikes("read late") else 0
        if fails and chance.random() < 0.5:
            self._end(future, Passage.NO_ANSWER, TIMEOUT, "timeout", left_at)
            return

        def arrives() -> None:
            said = self._arrives(verb, path, body, "5xx before" if fails else "")
            self._hear(future, said, chance.randint(1, 15) * MS + late, left_at)

        self._life.day.timeline.later(chance.randint(1, 15) * MS, arrives)

    # --- answers --------------------------------------------------------------------------------------------------

    def _hear(self, future: asyncio.Future[Answer], said: Said, delay: int, left_at: int) -> None:
        life = self._life
        date = life.day.timeline.now // SECOND * SECOND

        def comes() -> None:
            if life.alive and not future.done():
                now = life.clock.now()
                future.set_result(
                    Answer(passage=Passage.ANSWERED, at=now, left_at=left_at, status=said[0], body=said[1], date=date)
                )

        life.day.timeline.later(delay, comes)

    def _end(self, future: asyncio.Future[Answer], passage: Passage, delay: int, fault: str, left_at: int = 0) -> None:
        life = self._life

        def comes() -> None:
            if life.alive and not future.done():
                future.set_result(Answer(passage=passage, at=life.clock.now(), left_at=left_at, fault=fault))

        life.day.timeline.later(delay, comes)


_GARBLED: Final = ("5xx before", "5xx after", "throttled", "answer malformed")


class Stream:
    """One account's order stream."""

    def __init__(self, life: "Life", account: str) -> None:
        self._life = life
        self._account = account
        self.up = False

    def connect(self) -> None:
        """Come up, now or once the token lives again."""
        life = self._life
        if not life.alive or self.up:
            return
        if life.day.desks[self._account].token_dead is not None:
            life.day.timeline.later(3 * SECOND, self.connect)
            return
        self.up = True
        life.replicator.stream_changed(self._account, True)

    def drop(self, seconds: float) -> None:
        """Go down, and come up again after so long."""
        life = self._life
        if not life.alive or not self.up:
            return
        self.up = False
        life.replicator.stream_changed(self._account, False, "the connection broke without a close")
        life.day.timeline.later(int(seconds * SECOND), self.connect)

    def carries(self, raw: bytes) -> bool:
        """A frame on its way to the process: lost, late, twice, or as it should (True)."""
        life, adversary = self._life, self._life.day.adversary
        if not self.up or adversary.strikes("frame lost"):
            return False
        well = True
        if adversary.strikes("frame malformed"):
            raw = raw[: len(raw) // 2] if len(raw) % 2 else b"\xff\xfe" + raw[:40]
            well = False
        for _ in range(2 if adversary.strikes("frame doubled") else 1):
            delay = usual = life.day.chance.randint(1, 4)
            if adversary.strikes("frame reordered"):
                delay += adversary.between("frame reordered", 5, 400)
            if adversary.strikes("frame late"):
                delay += adversary.between("frame late", 500, 8000)
            well = well and delay == usual
            life.day.timeline.later(delay * MS, lambda: self._comes(raw))
        return well

    def _comes(self, raw: bytes) -> None:
        if self._life.alive and self.up:
            self._life.replicator.deliver(self._account, raw)
