"""What every call that changes an account is made of: ids that fit into a path, and terms that fit their book."""

import re

from copyctl.model.request import Desired, Request
from copyctl.model.terms import Book, Validity

_PATH_PART = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def path_part(identifier: str) -> str:
    """An id that becomes part of a path.

    Raises:
        ValueError: it is none.
    """
    if not _PATH_PART.fullmatch(identifier):
        raise ValueError(f"{identifier[:80]!r} is no id")
    return identifier


def order_part(request: Request) -> str:
    """The broker's id of the order that a request changes.

    Raises:
        ValueError: it is none.
    """
    return path_part(request.number or request.order_id)


def desired_in_book(request: Request) -> Desired:
    """What a placement or a modification asks for.

    Raises:
        ValueError: it asks for nothing, or for what the book of its order does not have: only a forever order outlives
            the day and has a second leg, a super order lasts the day (Dhan API v2: orders, super orders, forever
            orders).
    """
    desired, book = request.desired, request.book
    if desired is None:
        raise ValueError(f"{request.request_id} does not say what it asks for")
    validity, forever = desired.terms.validity, book is Book.FOREVER
    if (validity is Validity.FOREVER) != forever or (book is Book.SUPER and validity is not Validity.DAY):
        raise ValueError(f"{request.request_id} asks for validity {validity} in the book {book.value!r}")
    if desired.terms.second is not None and not forever:
        raise ValueError(f"{request.request_id} asks for a second leg in the book {book.value!r}")
    return desired
