"""The effective rules: a plain document with the file's own keys, after defaults and overrides."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from copyctl.model.secret import MASK, Secret
from copyctl.rules.nodes import Node, Scalar, plain
from copyctl.rules.schema import fill, language, lay_over, policy_schema

if TYPE_CHECKING:
    from copyctl.model.policy import Policy, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The effective rules without secrets, as one JSON text; ``digest`` is its SHA-256 in hexadecimal digits."""

    text: str
    digest: str

    @property
    def content(self) -> dict[str, Any]:
        """The document as plain JSON types."""
        content: dict[str, Any] = json.loads(self.text)
        return content


def effective(node: Node, folder: str, secret: Callable[[Scalar], object]) -> dict[str, Any]:
    """The document of a valid tree. ``folder``: where the default store lies; ``secret``: what stands for a secret."""
    written = plain(node, lambda scalar: secret(scalar) if scalar.secret else scalar.value)
    return completed({**written, "extends": None}, folder)


def masked(scalar: Scalar) -> str | None:
    """What stands for a secret in all that can be seen."""
    return None if scalar.value is None else MASK


def revealed(scalar: Scalar) -> Secret | None:
    """What stands for a secret on the way to the typed rules: one that was not read is empty."""
    if scalar.value is None:
        return None
    return Secret("" if scalar.is_open else str(scalar.value), scalar.source)


def completed(written: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """A document with all defaults in it, and in ``followers[].policy`` the whole policy of each."""
    content: dict[str, Any] = fill(written, language())
    for follower in content["followers"]:
        own = lay_over(written["policy"], follower["policy"])
        follower["policy"] = fill(own, policy_schema())
    store = dict(content["store"])
    if "path" not in written.get("store", {}):
        store["path"] = os.path.normpath(os.path.join(folder, store["path"].replace("<name>", str(content["name"]))))
    numbers: dict[str, Any] = _json_numbers({**content, "store": store})
    return numbers


def document_of(content: Mapping[str, Any]) -> Document:
    """The canonical text of a document, and its hash."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Document(text=text, digest=hashlib.sha256(text.encode()).hexdigest())


def typed(content: Mapping[str, Any]) -> "Rules":
    """The typed rules of a completed document."""
    from copyctl.model.policy import Rules  # noqa: PLC0415  (fifty types, which lint and show need not make)
    from copyctl.rules.shipped_hours import rules_with_shipped  # noqa: PLC0415
    from copyctl.rules.typed import build  # noqa: PLC0415

    followers = [{**one, "policy": _whole_rules(one["policy"])} for one in content["followers"]]
    rules = build(Rules, {**content, "policy": _whole_rules(content["policy"]), "followers": followers})
    return rules_with_shipped(rules)


def rules_of(document: Mapping[str, Any] | str) -> "Rules":
    """The typed rules of a document (its text or its content), every secret empty; keys that are younger than the
    document get their defaults. Raises ValueError, TypeError or KeyError when it is no such document.
    """
    content = json.loads(document) if isinstance(document, str) else document
    return typed(completed(content, ""))


def policy_of(partial: Mapping[str, Any]) -> "Policy":
    """A typed policy from some of its keys, as the file would hold them; the rest are defaults. Nothing is checked.

    Raises ValueError, TypeError or KeyError for what fits no key.
    """
    from copyctl.model.policy import Policy  # noqa: PLC0415  (fifty types, which lint and show need not make)
    from copyctl.rules.shipped_hours import policy_with_shipped  # noqa: PLC0415
    from copyctl.rules.typed import build  # noqa: PLC0415

    return policy_with_shipped(build(Policy, _whole_rules(_json_numbers(fill(partial, policy_schema())))))


def _whole_rules(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with each rule's own sizing and mapping laid over the policy's."""
    rules = []
    for rule in policy["filters"]["rules"]:
        whole = dict(rule)
        for part in ("sizing", "mapping"):
            if part in rule:
                whole[part] = fill(lay_over(policy[part], rule[part]), policy_schema()["properties"][part])
        rules.append(whole)
    return {**policy, "filters": {**policy["filters"], "rules": rules}}


def _json_numbers(value: Any) -> Any:
    """The value with every exact decimal as the JSON number that reads back as the same."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: _json_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_json_numbers(one) for one in value]
    return value
