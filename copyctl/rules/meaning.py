"""What the schema cannot say of several values: names that are used twice, keys that need others, ranges.

Each check takes the tree (after ``extends``) and yields findings. What is misshapen or not known yet is passed over,
and told by others.
"""

from collections.abc import Iterator
from typing import Any, Final

from copyctl.model.duration import duration, duration_text
from copyctl.rules.filter_checks import odd_rules
from copyctl.rules.findings import Finding, finding
from copyctl.rules.limits_checks import odd_limits, unlimited
from copyctl.rules.nodes import Keys, Node, Scalar, Spot, merge
from copyctl.rules.objective_checks import odd_objectives
from copyctl.rules.outside_checks import bare_addresses, odd_listening, shared_addresses
from copyctl.rules.rates_checks import odd_rates
from copyctl.rules.safety_checks import odd_actions, odd_runaway, odd_safety
from copyctl.rules.schema import language
from copyctl.rules.settings import Settings, policies, whole_policies
from copyctl.rules.sizing_checks import lost_without_a_list
from copyctl.rules.token_checks import odd_tokens

OWN_KEYS: Final = {
    "fixed_ratio": "ratio",
    "fixed_lots": "lots",
    "fixed_quantity": "quantity",
    "fixed_value": "value",
    "capital_proportional": "capital",
    "risk_based": "risk",
}
RISING: Final = (
    ("resilience", "retries", "initial", "maximum"),
    ("resilience", "reconnect", "initial", "maximum"),
    ("resilience", "settle", "absent_for", "give_up"),
)


def senseless(root: Node) -> list[Finding]:
    """Everything in the tree that fits the schema and still makes no sense."""
    top = Spot(node=root)
    found = [
        *_names(top),
        *_accounts(top),
        *odd_tokens(top),
        *_rising(top),
        *odd_actions(top.at("kill_switch", "actions")),
        *odd_runaway(top.at("kill_switch", "on_orders_per_leader_order")),
        *odd_listening(top.at("metrics", "listen")),
        *shared_addresses(top),
        *bare_addresses(top),
        *odd_objectives(top.at("objectives")),
        *unlimited(top),
    ]
    rates = Settings(spot=top.at("rate_limits"), schema=language()["properties"]["rate_limits"])
    found += odd_rates(rates)
    for settings in policies(top):
        policy = settings.spot
        found += [*_sizings(policy), *_offsets(policy), *_hours(policy), *lost_without_a_list(settings)]
        found += [*odd_rules(settings), *odd_limits(settings, rates), *odd_safety(settings)]
    return found


def _names(top: Spot) -> Iterator[Finding]:
    """Followers and rules are told apart by their names; "leader" is the leader's."""
    names = [follower.at("name") for follower in top.at("followers").items()]
    yield from _unique(names, "follower")
    for name in names:
        if str(name.value).casefold() == "leader":
            yield finding("R202", name.place, name.path, f"{name.shown} is what the leader's account is called")
    for policy in whole_policies(top):
        yield from _unique([rule.at("name") for rule in policy.at("filters", "rules").items()], "rule")


def _unique(names: list[Spot], what: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for name in names:
        text = name.value
        if not isinstance(text, str):
            continue
        if text in first:
            message = f"the {what} in line {first[text]} is called {name.shown} too"
            yield finding("R201", name.place, name.path, message, "give each a name of its own")
        first.setdefault(text, name.place.line)


def _accounts(top: Spot) -> Iterator[Finding]:
    """No account copies itself, and none is copied into twice."""
    owner: dict[str, str] = {}
    for account in (top.at("leader"), *top.at("followers").items()):
        client = account.at("client_id")
        if not isinstance(client.node, Scalar) or client.node.value is None:
            continue
        name = account.at("name").shown if account.at("name").is_given else account.path
        same = owner.setdefault(str(client.node.value), name)
        if same != name:
            message = f"{same} and {name} are one account"
            yield finding("R203", client.place, client.path, message, "every account has its own client id")


def _sizings(policy: Spot) -> Iterator[Finding]:
    """The sizing of a policy, and of each rule that has one of its own."""
    sizing = policy.at("sizing")
    yield from _sizing(sizing)
    for rule in policy.at("filters", "rules").items():
        own = rule.at("sizing")
        if isinstance(own.node, Keys):
            whole = own.node if sizing.node is None else merge(sizing.node, own.node)
            yield from _sizing(Spot(node=whole, steps=own.steps))


def _sizing(sizing: Spot) -> Iterator[Finding]:
    strategy = sizing.at("strategy")
    own = OWN_KEYS.get(str(strategy.value))
    if own is not None:
        yield from _needs(strategy, (sizing.at(own),))
    capital = sizing.at("capital")
    if own == "capital" and capital.at("basis").value == "fixed":
        yield from _needs(capital.at("basis"), (capital.at("leader"), capital.at("follower")))
    least, most = sizing.at("minimum_lots"), sizing.at("maximum_lots")
    if isinstance(least.value, int) and isinstance(most.value, int) and least.value > most.value:
        message = f"minimum_lots {least.shown} is more than maximum_lots {most.shown}"
        yield finding("R205", least.place, least.path, message)


def _needs(cause: Spot, needed: tuple[Spot, ...]) -> Iterator[Finding]:
    """What ``cause`` says asks for each of ``needed``."""
    for spot in needed:
        if not spot.is_given:
            key = spot.steps[-1]
            yield finding("R204", cause.place, spot.path, f"{cause.value} needs {key}, which is missing")


def _offsets(policy: Spot) -> Iterator[Finding]:
    """An offset needs its ticks."""
    mapping = policy.at("mapping")
    mappings = [mapping]
    for rule in policy.at("filters", "rules").items():
        own = rule.at("mapping")
        if isinstance(own.node, Keys):
            whole = own.node if mapping.node is None else merge(mapping.node, own.node)
            mappings.append(Spot(node=whole, steps=own.steps))
    for one in mappings:
        for moved in (one.at("price"), one.at("trigger")):
            if moved.at("mode").value == "offset":
                yield from _needs(moved.at("mode"), (moved.at("ticks"),))


def _hours(policy: Spot) -> Iterator[Finding]:
    """What is odd about market hours, where any are given."""
    if policy.at("market_hours").is_given:
        from copyctl.rules.hours_checks import odd_hours  # noqa: PLC0415  (types that a file without hours need not make)

        yield from odd_hours(policy)


def _rising(top: Spot) -> Iterator[Finding]:
    """The first wait is no longer than the longest one; where one is left out, its default counts."""
    for *section, low, high in RISING:
        first, last = (_or_default(top.at(*section, key)) for key in (low, high))
        given = next((spot for key in (low, high) if (spot := top.at(*section, key)).value is not None), None)
        if given is not None and first is not None and last is not None and first > last:
            message = f"{low} is longer than {high}"
            hint = f"{low} {duration_text(first)}, {high} {duration_text(last)}"
            yield finding("R205", given.place, given.path, message, hint)


def _or_default(spot: Spot) -> int | None:
    """A length of time in nanoseconds: the one given, else its default; None where it is not known."""
    schema: Any = language()
    for step in spot.steps:
        schema = schema["properties"][step]
    try:
        return duration(str(spot.value if spot.is_given else schema["default"]))
    except ValueError:
        return None
