"""Loading for a run: variables, files, aliases, extends, overrides; every value as the type that the model says."""

import json
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rules_sample import ENVIRONMENT, EVERY_KEY, small, write

from copyctl.model import choices
from copyctl.model.policy import Follower, Hours, Range, Rules
from copyctl.model.secret import SourceKind, TokenSource
from copyctl.model.terms import InstrumentKind, OrderType, Product, Segment, Validity
from copyctl.rules import RulesRefused, document, load, outline, policy_of, read, rules_of, show

TOKENS = {"LEADER_ACCESS_TOKEN": "lt", "ALICE_ACCESS_TOKEN": "at"}


def loaded(folder: Path, **changes: Any) -> Rules:
    return load(write(folder, small(**changes)), TOKENS)


def refused(path: Path, environment: dict[str, str], *, offline: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(RulesRefused) as caught:
        load(path, environment, offline=offline)
    return [(one.code, one.path) for one in caught.value.findings]


def follower(rules: Rules) -> Follower:
    (one,) = rules.followers
    return one


def test_the_file_with_every_key_gives_every_type() -> None:
    rules = load(EVERY_KEY, ENVIRONMENT, offline=True)
    policy = rules.policy
    assert rules.name == "index-options-half-size"
    assert rules.leader.client_id == "LEADER-CLIENT_ID"
    assert rules.broker.simulator.tape == str((EVERY_KEY.parent / "../examples/tapes/one-day.jsonl").resolve())
    assert rules.store.path == str(EVERY_KEY.parent / "var" / "index-options")
    penny, bank, index, rest = policy.filters.rules
    assert penny.match.price == Range(below=Decimal("2.0"))
    assert bank.sizing is not None
    assert (bank.sizing.strategy, bank.sizing.ratio) == (choices.Strategy.FIXED_RATIO, Decimal("0.1"))
    assert bank.sizing.capital is not None
    assert index.match.days_to_expiry == Range(from_=Decimal(0), to=Decimal(45))
    assert index.match.time == Hours(from_=time(9, 15), to=time(15, 20))
    assert index.match.intent == (choices.Intent.OPEN, choices.Intent.CLOSE)
    assert index.match.security_id is None
    assert rest.action is choices.Action.SKIP
    assert policy.mapping.freeze_quantity.get("NIFTY") == 1800
    assert policy.mapping.product["MTF"] is None
    assert policy.mapping.product["CO"] is Product.INTRADAY
    assert policy.late.max_age == 10_000_000_000
    assert policy.market_hours.sessions[1].class_ == "derivative_stocks"
    assert policy.market_hours.sessions[1].to == date(2026, 12, 6)
    assert policy.market_hours.sessions[1].closing_auction == Hours(from_=time(15, 15), to=time(15, 35))
    assert policy.market_hours.part_days[0].segments == (Segment.MCX_COMM,)
    assert policy.market_hours.special_sessions[0].open == time(18, 15)
    assert policy.limits.max_underlying_lots is not None
    assert dict(policy.limits.max_underlying_lots.pairs) == {"NIFTY": 60, "*": 20}
    assert policy.limits.max_order_value == Decimal(500000)
    assert rules.alerts.latency_budget == 250_000_000
    assert rules.resilience.settle.absent_for == 5_000_000_000
    alice, bob = rules.followers
    assert (alice.policy.sizing.strategy, alice.policy.sizing.ratio) == (choices.Strategy.FIXED_RATIO, Decimal("0.25"))
    assert bob.policy == policy


def test_a_policy_becomes_json(tmp_path: Path) -> None:
    encoded = msgspec.json.encode(load(EVERY_KEY, ENVIRONMENT, offline=True).policy)
    assert json.loads(encoded)["late"]["max_age"] == 10_000_000_000


def test_variables_and_files_give_text_and_numbers_where_numbers_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, "0042\n", "ids/alice")
    text = small(
        leader={"client_id": "${ID}", "access_token": "${LEADER_ACCESS_TOKEN}"},
        followers=[
            {"name": "alice", "client_id": "${file:ids/alice}", "access_token": "t-${X:-y}", "enabled": "${ON}"}
        ],
        policy={"sizing": {"strategy": "${STRATEGY}", "ratio": "${RATIO:-0.25}", "minimum_lots": "${LOTS}"}},
        description="${N}",
    )
    environment = {**TOKENS, "ID": "007", "ON": "false", "STRATEGY": "fixed_ratio", "LOTS": "2", "N": "5", "RATIO": ""}
    rules = load(write(tmp_path, text), environment)
    assert rules.leader.client_id == "007"
    assert follower(rules).client_id == "0042"
    assert follower(rules).access_token.reveal() == "t-y"
    assert follower(rules).enabled is False
    assert rules.description == "5"
    assert rules.policy.sizing.ratio == Decimal("0.25")
    assert rules.policy.sizing.minimum_lots == 2


def test_what_a_variable_gives_is_checked_like_anything_else(tmp_path: Path) -> None:
    path = write(tmp_path, small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": "${RATIO}"}}))
    assert refused(path, {**TOKENS, "RATIO": "half"}) == [("R113", "policy.sizing.ratio")]
    assert refused(path, {**TOKENS, "RATIO": "0"}) == [("R116", "policy.sizing.ratio")]
    assert refused(path, {**TOKENS, "RATIO": "1", "ALICE_ACCESS_TOKEN": ""}) == [("R116", "followers[0].access_token")]


def test_what_a_variable_gives_is_not_read_again(tmp_path: Path) -> None:
    assert load(write(tmp_path, small(description="${D}")), {**TOKENS, "D": "${E}"}).description == "${E}"


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    text = small(
        leader={"client_id": "${ID}", "access_token": "${LEADER_ACCESS_TOKEN}"},
        followers=[{"name": "alice", "client_id": "1", "access_token": "${file:none}"}],
    )
    assert refused(write(tmp_path, text), {}) == [
        ("R301", "leader.client_id"),
        ("R301", "leader.access_token"),
        ("R302", "followers[0].access_token"),
    ]


def test_a_malformed_expression_is_never_taken_as_text(tmp_path: Path) -> None:
    path = write(tmp_path, small(description="${A-b}"))
    assert refused(path, TOKENS) == [("R105", "description")]
    assert refused(path, TOKENS, offline=True) == [("R105", "description")]


def test_an_overridden_variable_need_not_be_set(tmp_path: Path) -> None:
    write(tmp_path, small(description="${NOBODY_SETS_THIS}"), "base.yaml")
    assert load(write(tmp_path, "extends: base.yaml\ndescription: mine\n"), TOKENS).description == "mine"


def test_a_secret_tells_where_it_can_be_read_again(tmp_path: Path) -> None:
    token = write(tmp_path, " abc \n", "base/secrets/alice")
    base = small(
        leader={"client_id": "1", "access_token": "${LEADER_ACCESS_TOKEN}"},
        followers=[
            {"name": "alice", "client_id": "2", "access_token": "${file:secrets/alice}"},
            {"name": "bob", "client_id": "3", "access_token": "in plain sight"},
        ],
    )
    write(tmp_path, base, "base/base.yaml")
    rules = load(write(tmp_path, "extends: base/base.yaml\n"), TOKENS)
    alice, bob = rules.followers
    assert rules.leader.access_token.source == TokenSource(kind=SourceKind.VARIABLE, name="LEADER_ACCESS_TOKEN")
    assert alice.access_token.source == TokenSource(kind=SourceKind.FILE, name=str(token))
    assert alice.access_token.reveal() == "abc"
    assert bob.access_token.source == TokenSource(kind=SourceKind.LITERAL)
    assert not rules.leader.pin


def test_paths_start_at_the_folder_of_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, small(broker={"adapter": "dhan", "instruments": "master.csv"}), "base/base.yaml")
    rules = load(write(tmp_path, "extends: ../base/base.yaml\nstore: {path: here}\n", "top/top.yaml"), TOKENS)
    assert rules.broker.instruments == str(tmp_path / "base" / "master.csv")
    assert rules.store.path == str(tmp_path / "top" / "here")
    url = small(broker={"adapter": "dhan", "instruments": "https://example.com/master.csv"})
    assert load(write(tmp_path, url), TOKENS).broker.instruments == "https://example.com/master.csv"


def test_the_default_store_has_the_name_of_the_deployment(tmp_path: Path) -> None:
    write(tmp_path, small(), "base/base.yaml")
    rules = load(write(tmp_path, "extends: ../base/base.yaml\nname: mine\n", "top/top.yaml"), TOKENS)
    assert rules.store.path == str(tmp_path / "top" / "var" / "mine")


def test_aliases_are_read_as_what_they_name(tmp_path: Path) -> None:
    rules = loaded(
        tmp_path,
        policy={
            "sizing": {"strategy": "fixed_ratio", "ratio": 1},
            "mapping": {"product": {"MIS": "NRML", "BO": "skip"}, "validity": {"DAY": "IOC"}},
            "filters": {
                "rules": [
                    {"name": "a", "match": {"product": "MIS", "order_type": ["SL", "SL-M"], "validity": "GTT"}}
                    | {"action": "skip"}
                ]
            },
        },
    )
    mapping, match = rules.policy.mapping, rules.policy.filters.rules[0].match
    assert mapping.product["INTRADAY"] is Product.MARGIN
    assert mapping.product["MARGIN"] is Product.MARGIN
    assert mapping.product["BO"] is None
    assert mapping.validity["DAY"] is Validity.IOC
    assert match.product == (Product.INTRADAY,)
    assert match.order_type == (OrderType.STOP_LOSS, OrderType.STOP_LOSS_MARKET)
    assert match.validity == (Validity.FOREVER,)


def test_wildcards_of_words_become_the_words(tmp_path: Path) -> None:
    rule = {"name": "a", "match": {"segment": ["BSE_EQ", "*_FNO"], "instrument": "OPT*", "symbol": "NIFTY?"}}
    rules = loaded(
        tmp_path,
        policy={
            "sizing": {"strategy": "fixed_lots", "lots": 1},
            "filters": {"rules": [rule | {"action": "copy"}]},
        },
    )
    match = rules.policy.filters.rules[0].match
    assert match.segment == (Segment.BSE_EQ, Segment.NSE_FNO, Segment.BSE_FNO)
    assert match.instrument is not None
    assert InstrumentKind.OPTFUT in match.instrument
    assert match.symbol == ("NIFTY?",)


def test_an_override_merges_over_the_policy_and_a_rule_over_that(tmp_path: Path) -> None:
    rules = loaded(
        tmp_path,
        followers=[
            {
                "name": "alice",
                "client_id": "2",
                "access_token": "t",
                "policy": {"sizing": {"rounding": "up"}, "mapping": {"product": {"MTF": "CNC"}}},
            }
        ],
        policy={
            "sizing": {"strategy": "fixed_ratio", "ratio": 0.5, "maximum_lots": 9},
            "mapping": {"product": {"CO": "skip"}},
            "filters": {
                "rules": [
                    {"name": "a", "match": {}, "action": "copy", "sizing": {"strategy": "fixed_lots", "lots": 3}},
                    {"name": "b", "match": {}, "action": "copy", "mapping": {"order_type": {"MARKET": "LIMIT"}}},
                ]
            },
        },
    )
    mine = follower(rules).policy
    first, second = mine.filters.rules
    assert (mine.sizing.ratio, mine.sizing.rounding, mine.sizing.maximum_lots) == (Decimal("0.5"), "up", 9)
    assert (mine.mapping.product["MTF"], mine.mapping.product["CO"]) == (Product.CNC, None)
    assert first.mapping is None
    assert first.sizing is not None
    assert (first.sizing.strategy, first.sizing.lots, first.sizing.rounding) == ("fixed_lots", 3, "up")
    assert second.sizing is None
    assert second.mapping is not None
    assert second.mapping.order_type["MARKET"] is OrderType.LIMIT
    assert second.mapping.product["MTF"] is Product.CNC
    assert rules.policy.sizing.rounding == "down"


def test_off_takes_back_what_the_file_below_says(tmp_path: Path) -> None:
    base = small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": 1}, "price_guard": {"entry_bps": 50}})
    write(tmp_path, base, "base.yaml")
    rules = load(write(tmp_path, "extends: base.yaml\npolicy: {price_guard: off}\n"), TOKENS)
    assert rules.policy.price_guard.entry_bps is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [("15:15", [time(15, 15)] * 7), ({"NSE_FNO": "15:15:30"}, [time(15, 15, 30)]), (None, [])],
)
def test_square_off_is_one_time_or_one_for_each_segment(written: Any, expected: list[time]) -> None:
    policy = policy_of({"sizing": {"strategy": "fixed_lots", "lots": 1}, "market_hours": {"square_off": written}})
    assert [moment for _, moment in policy.market_hours.square_off.pairs] == expected


def test_offline_needs_no_secret_and_no_client_id(tmp_path: Path) -> None:
    text = small(
        leader={"client_id": "${ID}", "access_token": "${file:none}"}, broker={"adapter": "dhan", "rest_url": "${URL}"}
    )
    path = write(tmp_path, text)
    rules = load(path, {"ALICE_ACCESS_TOKEN": "token"}, offline=True)
    assert rules.leader.client_id == "${ID}"
    assert not rules.leader.access_token
    assert not follower(rules).access_token
    assert load(path, {"ID": "7"}, offline=True).leader.client_id == "7"


def test_offline_still_needs_numbers_words_and_the_store(tmp_path: Path) -> None:
    sizing = {"strategy": "${S}", "ratio": "${R}"}
    path = write(tmp_path, small(name="${N}", store={"path": "${P}"}, policy={"sizing": sizing}))
    missing = [("R301", one) for one in ("name", "store.path", "policy.sizing.strategy", "policy.sizing.ratio")]
    assert sorted(refused(path, {}, offline=True)) == sorted(missing)


def test_the_outline_needs_only_what_it_tells(tmp_path: Path) -> None:
    path = write(tmp_path, small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": "${R}"}}))
    told = outline(path, {})
    assert (told.name, told.store, told.followers) == ("small", str(tmp_path / "var" / "small"), ("alice",))
    with pytest.raises(RulesRefused, match="STORE"):
        outline(write(tmp_path, small(store={"path": "${STORE}"})), {})


def test_show_needs_no_variable_and_leaves_expressions_as_they_are(tmp_path: Path) -> None:
    text = small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": "${RATIO}"}}, description="${D:-plain}")
    shown = show(write(tmp_path, text))
    assert shown["policy"]["sizing"]["ratio"] == "${RATIO}"
    assert shown["description"] == "plain"
    assert shown["leader"]["access_token"] == "***"
    assert shown["policy"]["late"]["max_age"] == "10s"
    assert shown["extends"] is None


def test_show_of_one_follower_has_its_own_policy(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        small(
            followers=[
                {"name": "alice", "client_id": "2", "access_token": "t"},
                {"name": "bob", "client_id": "3", "access_token": "t", "policy": {"sizing": {"ratio": 2}}},
            ]
        ),
    )
    shown = show(path, "bob")
    assert [one["name"] for one in shown["followers"]] == ["bob"]
    assert shown["policy"]["sizing"]["ratio"] == 2
    with pytest.raises(LookupError, match="alice, bob"):
        show(path, "carol")


def test_a_document_gives_the_same_rules_again_without_secrets(tmp_path: Path) -> None:
    once = read(write(tmp_path, small()), TOKENS)
    again = rules_of(once.document.text)
    assert again.policy == once.rules.policy
    assert [one.policy for one in again.followers] == [one.policy for one in once.rules.followers]
    assert again.resilience == once.rules.resilience
    assert not again.leader.access_token
    assert rules_of(once.document.content) == again


def test_an_older_document_gets_the_defaults_of_keys_it_does_not_know(tmp_path: Path) -> None:
    content = read(write(tmp_path, small()), TOKENS).document.content
    del content["policy"]["late"]["filled"]
    del content["logging"]
    assert rules_of(content).policy.late.filled is choices.LateFilled.SKIP


@pytest.mark.parametrize("content", [{}, {"name": 5}, {"version": 1, "policy": {}, "followers": []}])
def test_what_is_no_document_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        rules_of(content)


def test_the_hash_is_of_what_is_in_force(tmp_path: Path) -> None:
    path = write(tmp_path, small())
    first = document(path)
    assert len(first.digest) == 64
    assert read(path, {**TOKENS, "ALICE_ACCESS_TOKEN": "another"}).document.digest == first.digest
    write(tmp_path, "# a comment\n" + path.read_text().replace("0.5", "0.50"))
    assert document(path).digest == first.digest
    write(tmp_path, small(policy={"sizing": {"strategy": "fixed_ratio", "ratio": 0.6}}))
    assert document(path).digest != first.digest


def test_warnings_come_with_the_rules(tmp_path: Path) -> None:
    text = small(followers=[{"name": "alice", "client_id": "2", "access_token": "literal"}])
    assert [one.code for one in read(write(tmp_path, text), TOKENS).findings] == ["R206"]
