"""What is not built yet: a run refuses it with the line and what may stand there, lint warns, defaults pass."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from rules_sample import ENVIRONMENT, EVERY_KEY, small, write

from copyctl.rules import RulesRefused, Severity, lint, load, show
from copyctl.rules.schema import each_key, language
from copyctl.rules.unbuilt import UNBUILT

TOKENS = {"LEADER_ACCESS_TOKEN": "lt", "ALICE_ACCESS_TOKEN": "at"}

ASKS = [
    ("broker.environment", "sandbox"),
]
PASSES = [
    ("policy.sizing.rounding", "up"),
    ("policy.mapping.validity.DAY", "IOC"),
    ("policy.mapping.validity.IOC", "skip"),
    ("policy.mapping.validity.FOREVER", "skip"),
    ("policy.mapping.validity.DAY", "FOREVER"),
    ("policy.mapping.slicing", "never"),
    ("policy.mapping.freeze_quantity", {"NIFTY": 1800, "*": None}),
    ("policy.mapping.super_order", "entry_only"),
    ("policy.mapping.after_market_time", "OPEN_30"),
    ("policy.price_guard", "off"),
    ("policy.exits.lag_action", "none"),
    ("policy.late.max_age", "1m"),
    ("policy.fills.on_leader_cancel", "keep"),
    ("policy.fills.lag_alert", "5000ms"),
    ("policy.market_hours.enforce", False),
    ("policy.market_hours.enforce", True),
    ("policy.checks", {"margin": False, "price_band": "none", "self_trade": "off", "address": False}),
    ("policy.checks", {"margin": True, "delivery": "off", "instrument": False}),
    ("policy.multi_leg.window", "0ms"),
    ("kill_switch.on_orders_per_leader_order", None),
    ("rate_limits", {"orders": {"per_second": 5, "per_day": 100}, "reserve_pct": 30, "modifications_per_order": 10}),
    ("resilience.sweep", "30s"),
    ("alerts", {"urls": ["tgram://x/y"], "level": "critical", "cooldown": "1m", "heartbeat_url": "https://x/y"}),
    ("alerts.latency_budget", "250ms"),
    ("metrics.listen", "127.0.0.1:9464"),
    ("logging", {"level": "debug", "format": "json"}),
    ("objectives", "none"),
    ("objectives.copied_pct", 99),
    ("objectives", {"slippage_p95_bps": 25, "tracking_error_pct": 2}),
    ("leader.pin", "${LEADER_PIN:-}"),
    ("leader.renew", "renew"),
    ("leader.pin", "1234"),
]


def asking(key: str, value: Any) -> dict[str, Any]:
    """The small file with one more key."""
    content = small()
    *sections, last = key.split(".")
    holder = content
    for section in sections:
        holder = holder.setdefault(section, {})
    holder[last] = value
    return content


@pytest.mark.parametrize(("key", "value"), ASKS, ids=[key for key, _ in ASKS])
def test_a_run_refuses_it_and_lint_warns(key: str, value: Any, tmp_path: Path) -> None:
    write(tmp_path, "x", "telegram")
    path = write(tmp_path, asking(key, value))
    with pytest.raises(RulesRefused) as caught:
        load(path, TOKENS)
    (found,) = caught.value.findings
    assert (found.code, found.severity, found.path) == ("R401", Severity.ERROR, key)
    assert "may stand here" in found.message
    (warned,) = lint([path])
    assert (warned.code, warned.severity, warned.line) == ("R401", Severity.WARNING, found.line)
    load(path, TOKENS, offline=True)


@pytest.mark.parametrize(("key", "value"), PASSES, ids=[f"{key}: {value}" for key, value in PASSES])
def test_what_is_built_or_off_passes(key: str, value: Any, tmp_path: Path) -> None:
    path = write(tmp_path, asking(key, value))
    load(path, TOKENS)
    assert [one for one in lint([path]) if one.code == "R401"] == []


def test_a_file_of_all_defaults_passes(tmp_path: Path) -> None:
    content = show(write(tmp_path, small()))
    content["leader"]["access_token"] = content["followers"][0]["access_token"] = "${LEADER_ACCESS_TOKEN}"
    load(write(tmp_path, yaml.safe_dump(content)), TOKENS)


def test_the_file_with_every_key_can_run() -> None:
    load(EVERY_KEY, ENVIRONMENT)


def test_every_entry_of_the_table_names_a_key() -> None:
    known = {".".join(map(str, steps)) for steps, _ in each_key(language())}
    assert set(UNBUILT) <= known
