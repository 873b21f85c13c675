"""Rules and accounts as a journal recorded them, for files that say less with their variables unset."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from copyctl.model.policy import Rules


def with_accounts(rules: Rules, leader: str, followers: Mapping[str, str]) -> Rules:
    """The rules with these client ids, the followers' by name, where their own hang on variables that are not set."""
    own = rules.leader if "${" not in rules.leader.client_id or not leader else replace(rules.leader, client_id=leader)
    known = tuple(
        replace(one, client_id=followers[one.name]) if "${" in one.client_id and followers.get(one.name) else one
        for one in rules.followers
    )
    return replace(rules, leader=own, followers=known)


def accounts_in(document: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The client ids that a recorded document of rules tells: the leader's, and the followers' by name."""
    leader = (document.get("leader") or {}).get("client_id") or ""
    return leader, {one["name"]: one["client_id"] for one in document.get("followers", ())}


def decides_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Do two documents of rules decide the same, whatever they say of tokens, stores and alerts?"""
    return _essence(one) == _essence(other)


_DECIDES: Final = ("policy", "kill_switch", "rate_limits", "resilience")
_OF_FOLLOWER: Final = ("name", "enabled", "person", "policy")


def _essence(document: Mapping[str, Any]) -> Mapping[str, Any]:
    followers = [{key: one.get(key) for key in _OF_FOLLOWER} for one in document.get("followers", ())]
    person = (document.get("leader") or {}).get("person")
    return {key: document.get(key) for key in _DECIDES} | {"followers": followers, "person": person}
