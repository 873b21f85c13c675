"""Logging in: what became of asking the broker for a new token."""

from dataclasses import dataclass
from enum import StrEnum

from copyctl.model.secret import Secret

NO_TOKEN = Secret()


class LoginEnd(StrEnum):
    """How asking for a token ended. UNKNOWN: one may have been made, and the old one be dead; nobody has it."""

    MADE = "made"
    REFUSED = "refused"
    TOO_SOON = "too_soon"
    UNKNOWN = "unknown"
    NOT_LEFT = "not_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The new ``token``, or ``why`` there is none. ``until``: when it dies (ns, UTC), None where nothing tells."""

    end: LoginEnd
    token: Secret = NO_TOKEN
    until: int | None = None
    why: str = ""
