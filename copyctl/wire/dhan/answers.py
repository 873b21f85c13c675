"""What became of a request of ours (Dhan API v2, orders): acknowledged, rejected, unknown, or never left.

Rejected is only what Dhan itself says it refused, in JSON. Whatever leaves a doubt is unknown, and is settled by
looking: no answer, 5xx, a redirect, a page instead of JSON, a body that breaks off, DH-908, DH-909, DH-910. For a
placement an answer without an order id leaves a doubt too. A cancel may be answered by nothing at all.
"""

from typing import Final

from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Fate, Outcome, Passage, Request, RequestKind
from copyctl.model.terms import OrderStatus
from copyctl.wire.dhan import codes, texts
from copyctl.wire.dhan.bodies import Body, read_body, told
from copyctl.wire.dhan.values import NonsenseError, fields, identifier, text, word

_TIMED_OUT: Final = 408
_TOO_MANY: Final = 429
_PASSAGES: Final = {Passage.NOT_LEFT: Fate.NOT_LEFT, Passage.NO_ANSWER: Fate.UNKNOWN}
_DONE: Final = frozenset({"SUCCESS", "CANCELLED"})


def classify(request: Request, answer: Answer) -> Outcome:
    """The fate of this request. Never raises; ``text`` is what the broker said, or what is known without it.

    ``order_ids`` of a sliced placement are all its orders, one accepted slice making it acknowledged.
    """
    if answer.passage in _PASSAGES:
        return Outcome(fate=_PASSAGES[answer.passage], text=told(answer, Body()), left_at=answer.left_at)
    body = read_body(answer)
    if answer.status == _TOO_MANY and not (body.problem and body.problem.ambiguous):
        return _rejected(answer, body, Category.THROTTLED)
    if 200 <= answer.status < 300:
        return _taken(request, answer, body)
    if 400 <= answer.status < 500 and answer.status != _TIMED_OUT:
        return _refused(answer, body)
    return _unknown(answer, body)


def _taken(request: Request, answer: Answer, body: Body) -> Outcome:
    """A 2xx: orders by id, or an error all the same, or nothing that helps.

    A placement that is answered by an order id and an error at once may stand.
    """
    orders = _orders(body.value)
    if body.problem is not None:
        doubtful = request.kind is RequestKind.PLACE and orders and not _all_rejected(orders)
        return _unknown(answer, body) if doubtful else _refused(answer, body)
    if orders:
        return _acknowledged(answer, orders)
    if request.kind is RequestKind.CANCEL and (body.empty or _says_done(body.value)):
        return Outcome(fate=Fate.ACKNOWLEDGED, order_ids=(request.order_id,), left_at=answer.left_at)
    return _unknown(answer, body)


def _refused(answer: Answer, body: Body) -> Outcome:
    """A 4xx, or an error in a 2xx: rejected where Dhan says so in JSON, else unknown.

    In a 2xx an error that neither its code nor its text explains proves nothing.
    """
    said, orders = body.problem, _orders(body.value)
    if said is None:
        return _acknowledged(answer, orders) if orders and _all_rejected(orders) else _unknown(answer, body)
    meant = said.category
    explained = answer.status >= 400 or said.code in texts.KNOWN_CODES or meant is not Category.UNKNOWN
    return _rejected(answer, body, meant) if explained and not said.ambiguous else _unknown(answer, body)


_Named = tuple[str, OrderStatus | None, str, str]
"""Order id, status, error code and text of one order that an answer names."""


def _orders(value: object) -> list[_Named]:
    """The orders that an answer names: one object, or a list of them for slices."""
    named: list[_Named] = []
    for part in value if isinstance(value, list) else [value]:
        found = fields(part) if isinstance(part, dict) else {}
        try:
            order_id = identifier(found.get("order_id"))
        except NonsenseError:
            order_id = ""
        if order_id:
            status = codes.STATUSES.get(word(found.get("status")))
            named.append((order_id, status, text(found.get("error_code")), text(found.get("text"))))
    return named


def _all_rejected(orders: list[_Named]) -> bool:
    return all(status is OrderStatus.REJECTED for _, status, _, _ in orders)


def _acknowledged(answer: Answer, orders: list[_Named]) -> Outcome:
    """Acknowledged, unless every order that the answer names was rejected on the spot."""
    order_ids = tuple(order[0] for order in orders)
    if not _all_rejected(orders):
        return Outcome(fate=Fate.ACKNOWLEDGED, order_ids=order_ids, left_at=answer.left_at)
    _, _, code, said = orders[0]
    return Outcome(
        fate=Fate.REJECTED,
        order_ids=order_ids,
        category=texts.category(code, said),
        text=said or f"HTTP {answer.status}: rejected",
        left_at=answer.left_at,
    )


def _says_done(value: object) -> bool:
    found = fields(value) if isinstance(value, dict) else {}
    return word(found.get("status")) in _DONE


def _rejected(answer: Answer, body: Body, meant: Category) -> Outcome:
    return Outcome(fate=Fate.REJECTED, category=meant, text=told(answer, body), left_at=answer.left_at)


def _unknown(answer: Answer, body: Body) -> Outcome:
    return Outcome(fate=Fate.UNKNOWN, text=told(answer, body), left_at=answer.left_at)
