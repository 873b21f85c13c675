"""The tree of a rules file: values that know where they stand."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

from copyctl.model.secret import TokenSource
from copyctl.rules.findings import Place

Value: TypeAlias = str | int | bool | Decimal | None
Steps: TypeAlias = tuple[str | int, ...]

LONGEST_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value. ``text`` is what the file says; ``resolved`` when ``value`` is what a ``${...}`` in it gave.

    What the schema says of its place: ``secret`` (never shown), ``loose`` (any text will do: a command that talks to
    no broker can do without it). ``source`` is where a resolved secret was read.
    """

    value: Value
    text: str
    place: Place
    secret: bool = False
    loose: bool = False
    resolved: bool = False
    source: TokenSource | None = None

    @property
    def is_open(self) -> bool:
        """Does a ``${...}`` still stand for the value?"""
        return not self.resolved and isinstance(self.value, str) and "${" in self.text

    @property
    def shown(self) -> str:
        """The value as people may see it: never a secret, never what a variable gave."""
        if self.secret:
            return "this"
        if self.resolved:
            return f"what {self.text} gives"
        text = self.text or "nothing"
        return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a map: where the key stands, and its value."""

    key: Place
    node: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A map, in the order of the file."""

    entries: Mapping[str, Entry]
    place: Place

    def child(self, key: str) -> "Node | None":
        """The value of one key."""
        entry = self.entries.get(key)
        return None if entry is None else entry.node


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    place: Place


Node: TypeAlias = Scalar | Keys | Items


def merge(base: Node, over: Node) -> Node:
    """``over`` laid over ``base``: maps merge key by key, lists and scalars replace. Every value keeps its place."""
    if not (isinstance(base, Keys) and isinstance(over, Keys)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        entries[key] = entry if below is None else replace(entry, node=merge(below.node, entry.node))
    return Keys(entries=entries, place=over.place)


def plain(node: Node, scalar: Callable[[Scalar], Any]) -> Any:
    """The tree as dicts, lists and what ``scalar`` makes of each single value."""
    if isinstance(node, Scalar):
        return scalar(node)
    if isinstance(node, Items):
        return [plain(one, scalar) for one in node.nodes]
    return {key: plain(entry.node, scalar) for key, entry in node.entries.items()}


def scalars(node: Node, steps: Steps = ()) -> Iterator[tuple[Steps, Scalar]]:
    """Every single value below ``node`` with the steps that lead to it."""
    if isinstance(node, Scalar):
        yield steps, node
    elif isinstance(node, Items):
        for place, one in enumerate(node.nodes):
            yield from scalars(one, (*steps, place))
    else:
        for key, entry in node.entries.items():
            yield from scalars(entry.node, (*steps, key))


def at(node: Node | None, *steps: str | int) -> Node | None:
    """What stands at the end of ``steps``; None where the tree has no such place."""
    for step in steps:
        if isinstance(node, Keys) and isinstance(step, str):
            node = node.child(step)
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.nodes):
            node = node.nodes[step]
        else:
            return None
    return node


def key_place(root: Node, steps: Steps) -> Place:
    """Where the key at the end of ``steps`` is written; for an item of a list where it begins."""
    if not steps:
        return root.place
    holder = at(root, *steps[:-1])
    if isinstance(holder, Keys) and steps[-1] in holder.entries:
        return holder.entries[str(steps[-1])].key
    found = at(root, *steps)
    return root.place if found is None else found.place


def dotted(steps: Steps) -> str:
    """Steps as people write them: ``followers[0].policy.sizing``."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A point of a tree that need not be there: what stands there, and the steps from the top of the file to it."""

    node: Node | None
    steps: Steps = ()

    def at(self, *steps: str | int) -> "Spot":
        """The point further down."""
        return Spot(node=at(self.node, *steps), steps=(*self.steps, *steps))

    def items(self) -> "list[Spot]":
        """The items of a list; none where no list stands."""
        return [self.at(place) for place in range(len(self.node.nodes))] if isinstance(self.node, Items) else []

    @property
    def value(self) -> Value:
        """The single value; None where there is none or it is not known yet."""
        return self.node.value if isinstance(self.node, Scalar) and not self.node.is_open else None

    @property
    def shown(self) -> str:
        """The single value as people may see it."""
        return self.node.shown if isinstance(self.node, Scalar) else "nothing"

    @property
    def is_given(self) -> bool:
        """Does anything but null stand here?"""
        return self.node is not None and not (isinstance(self.node, Scalar) and self.node.value is None)

    @property
    def path(self) -> str:
        """The steps as people write them."""
        return dotted(self.steps)

    @property
    def place(self) -> Place:
        """Where the value stands. Raises LookupError when nothing stands there."""
        if self.node is None:
            raise LookupError(self.path)
        return self.node.place
