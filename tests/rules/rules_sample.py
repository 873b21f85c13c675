"""A rules file to vary in tests, and where this room's files lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHIPPED = [path for path in sorted((ROOT / "rules").glob("*.yaml")) if not path.name.endswith(".cases.yaml")]
"""The rules files that ship; their policy tests lie beside them."""
EVERY_KEY = HERE / "accepted" / "every-key.yaml"
ENVIRONMENT = {
    f"{name}_{what}": f"{name}-{what}"
    for name in ("LEADER", "ALICE", "BOB")
    for what in ("CLIENT_ID", "ACCESS_TOKEN", "PIN", "TOTP_SECRET")
}


def small(**changes: Any) -> dict[str, Any]:
    """The least that a rules file can say and lint finds nothing in, with some of its top keys replaced; a policy
    without limits gets one."""
    content = {
        "version": 1,
        "name": "small",
        "broker": {"adapter": "dhan"},
        "leader": {"client_id": "1001", "access_token": "${LEADER_ACCESS_TOKEN}"},
        "followers": [{"name": "alice", "client_id": "1002", "access_token": "${ALICE_ACCESS_TOKEN}"}],
        "policy": {"sizing": {"strategy": "fixed_ratio", "ratio": 0.5}},
        **changes,
    }
    policy = content["policy"]
    return {**content, "policy": {**policy, "limits": policy.get("limits", {"max_open_orders": 50})}}


def write(folder: Path, content: Mapping[str, Any] | str, name: str = "rules.yaml") -> Path:
    """A rules file in ``folder``."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(dict(content), sort_keys=False))
    return path
