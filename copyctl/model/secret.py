"""A text that must never be seen: tokens, pins, addresses that carry a key."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

MASK = "***"


class SourceKind(StrEnum):
    """Where the rules file takes a secret from."""

    FILE = "file"
    VARIABLE = "variable"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Where a secret comes from, without the secret.

    ``name`` is the absolute path of a FILE (read it again to get a newer token: its text without surrounding blanks)
    or the name of a VARIABLE (read at the start only); None for text that stands in the rules file itself.
    """

    kind: SourceKind
    name: str | None = None


class Secret:
    """A secret text. It prints as ``***``, cannot be pickled, and no JSON encoder knows it; an empty one is false.

    ``source`` says where it was read; None for one that was not kept (rules built again from the journal).
    """

    __slots__ = ("_source", "_text")

    def __init__(self, text: str = "", source: TokenSource | None = None) -> None:
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "_source", source)

    @property
    def source(self) -> TokenSource | None:
        """Where it was read."""
        found: TokenSource | None = object.__getattribute__(self, "_source")
        return found

    def reveal(self) -> str:
        """The text itself, for the one place that must send it."""
        text: str = object.__getattribute__(self, "_text")
        return text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return self.reveal() != ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.reveal(), self.source) == (other.reveal(), other.source)

    def __hash__(self) -> int:
        return hash((Secret, self.reveal()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memory: dict[int, Any]) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is never written")
