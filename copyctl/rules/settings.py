"""What a part of a rules file says of its keys: the value given, else the language's default; and where to point."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from copyctl.model.duration import duration
from copyctl.rules.nodes import Keys, Node, Scalar, Spot, Value, merge, scalars
from copyctl.rules.schema import Schema, policy_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A part of the tree and the schema of it. ``inherited``: tells which of its values stand in the file's policy too
    and not in the overrides of the follower whose policy this is."""

    spot: Spot
    schema: Schema
    inherited: Callable[[Node], bool] = lambda node: False

    def at(self, *keys: str) -> Spot:
        """The point of one key."""
        return self.spot.at(*keys)

    def value(self, *keys: str) -> Value:
        """What is given, else the default; None where there is none, or it is not known yet."""
        spot = self.at(*keys)
        return spot.value if spot.is_given else self._default(keys)

    def number(self, *keys: str) -> Decimal | None:
        """The value, where it is a number."""
        value = self.value(*keys)
        return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None

    def length(self, *keys: str) -> int | None:
        """The value in nanoseconds, where it is a length of time."""
        try:
            return duration(str(self.value(*keys)))
        except ValueError:
            return None

    def shown(self, *keys: str) -> str:
        """The value as people may see it."""
        spot = self.at(*keys)
        return spot.shown if spot.is_given else str(self._default(keys))

    def nearest(self, *spots: Spot) -> Spot:
        """Which of several points that make no sense together to tell of: the first that is the follower's own, else
        the first. One of them at least must be there."""
        there = [spot for spot in spots if spot.node is not None]
        return next((spot for spot in there if spot.node is not None and not self.inherited(spot.node)), there[0])

    def part(self, *keys: str, over: Spot | None = None) -> "Settings":
        """A section, with what lies ``over`` it, at whose place it then stands."""
        schema = self.schema
        for key in keys:
            schema = schema["properties"][key]
        spot = self.at(*keys)
        if over is not None and isinstance(over.node, Keys):
            spot = Spot(node=over.node if spot.node is None else merge(spot.node, over.node), steps=over.steps)
        return Settings(spot=spot, schema=schema, inherited=self.inherited)

    def _default(self, keys: tuple[str, ...]) -> Value:
        schema = self.schema
        for key in keys:
            schema = schema["properties"][key]
        default: Value = schema.get("default")
        return default


def standing_in(node: Node | None) -> Callable[[Node], bool]:
    """Is a value one of this tree's?"""
    there: frozenset[int] = frozenset(id(scalar) for _, scalar in scalars(node)) if node is not None else frozenset()

    def stands(one: Node) -> bool:
        return isinstance(one, Scalar) and id(one) in there

    return stands


def whole_policies(top: Spot) -> Iterator[Spot]:
    """The file's policy, and the whole policy of every follower that overrides something."""
    policy = top.at("policy")
    yield policy
    for follower in top.at("followers").items():
        own = follower.at("policy")
        if isinstance(own.node, Keys):
            whole = own.node if policy.node is None else merge(policy.node, own.node)
            yield Spot(node=whole, steps=own.steps)


def policies(top: Spot) -> list[Settings]:
    """The same with their defaults."""
    inherited = standing_in(top.at("policy").node)
    return [Settings(spot=one, schema=policy_schema(), inherited=inherited) for one in whole_policies(top)]
