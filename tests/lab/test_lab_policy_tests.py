"""Policy tests as they are run: what is given is what there is, and what comes out stands beside what was expected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from copyctl.lab.case_report import Result, difference, line, row
from copyctl.lab.policy_tests import Verdict, run_case
from copyctl.model.cases import Words
from copyctl.model.terms import Decision
from copyctl.rules import load
from copyctl.rules.policy_tests import read_cases

POLICY = {"sizing": {"strategy": "fixed_ratio", "ratio": 0.5}}
HEAD = """\
version: 1
rules: rules.yaml
given:
  time: 2026-08-03 10:15
  instruments:
    CE: {segment: NSE_FNO, instrument: OPTIDX, underlying: NIFTY, option_type: CE, strike: 24500, expiry: 2026-08-25,
         lot_size: 65, price: 100}
    SHARE: {segment: NSE_EQ, price: 1400}
cases:
"""
Run = Callable[..., list[Result]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs cases against a policy for alice and bob."""

    def ran(cases: str, policy: dict[str, Any] | None = None, **top: Any) -> list[Result]:
        followers = [
            {"name": name, "client_id": f"${{{name}}}", "access_token": f"${{{name}_TOKEN}}"}
            for name in ("alice", "bob")
        ]
        document = {
            "version": 1,
            "name": "desk",
            "broker": {"adapter": "dhan"},
            "leader": {"client_id": "${LEADER}", "access_token": "${LEADER_TOKEN}"},
            "followers": followers,
            "policy": {**POLICY, **(policy or {})},
            **top,
        }
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(document))
        path = tmp_path / "desk.cases.yaml"
        path.write_text(HEAD + cases)
        read = read_cases(path)
        rules = load(read.rules, {}, offline=True)
        return [Result(file=str(path), case=one, verdicts=tuple(run_case(rules, one))) for one in read.cases]

    return ran


def holds(results: list[Result]) -> None:
    told = [f"{one.case.name}\n{difference(one.failed, 2)}" for one in results if one.failed]
    assert not told, "\n".join(told)


def case(orders: str, expect: str, given: str = "{}", more: str = "") -> str:
    return f"  - {{name: one, given: {given}, orders: [{orders}], expect: {expect}{more}}}\n"


# ---- what is given --------------------------------------------------------------------------------------------------


def test_what_is_not_given_is_not_asked(run: Run) -> None:
    strict = {"checks": {"margin": True, "price_band": "circuit", "delivery": "refuse", "unavailable": "refuse"}}
    holds(run(case("BUY 130 CE LIMIT 1000, BUY 10 SHARE LIMIT 1400 CNC", "{alice: [copied, copied]}"), strict))


def test_a_size_that_needs_a_figure_that_is_not_given_is_refused(run: Run) -> None:
    by_capital = {"sizing": {"strategy": "capital_proportional", "capital": {"basis": "start_of_day"}}}
    holds(run(case("BUY 130 CE LIMIT 100", "{alice: refused check_unavailable}"), by_capital))
    given = "{leader: {funds: 100000}, followers: {alice: {funds: 50000}}}"
    holds(run(case("BUY 130 CE LIMIT 100", "{alice: copied 65}", given), by_capital))


def test_margin_is_what_a_lot_blocks_and_what_is_held_stays_blocked(run: Run) -> None:
    given = "{instruments: {CE: {margin: 1000}}, followers: {alice: {funds: 2500}}}"
    orders = "BUY 130 CE LIMIT 100, BUY 130 CE LIMIT 100, {at: 11:00, order: BUY 130 CE LIMIT 100}, SELL 260 CE MARKET,"
    orders += " {at: 11:30, order: BUY 130 CE LIMIT 100}"
    says = "[copied 65, copied 65, refused insufficient_margin, copied SELL, copied BUY]"
    holds(run(case(orders, f"{{alice: {says}}}", given)))


def test_circuit_limits_bound_entries(run: Run) -> None:
    given = "{instruments: {CE: {lower_circuit: 90, upper_circuit: 110}}}"
    orders = "BUY 130 CE LIMIT 109 PENDING, BUY 130 CE LIMIT 111 PENDING"
    holds(run(case(orders, "{alice: [copied, refused circuit_limit]}", given)))


def test_shares_need_ddpi_where_it_is_given(run: Run) -> None:
    refuse = {"checks": {"delivery": "refuse"}}
    given = "{followers: {alice: {ddpi: false}, bob: {ddpi: true}}}"
    holds(run(case("BUY 10 SHARE LIMIT 1400 CNC", "{alice: refused delivery_not_allowed, bob: copied}", given), refuse))


def test_the_days_profit_trips_the_kill_switch_of_that_follower(run: Run) -> None:
    given = "{followers: {alice: {profit: -5000}, bob: {profit: -4999}}}"
    limits = {"limits": {"max_daily_loss": 5000}}
    holds(run(case("BUY 130 CE LIMIT 100", "{alice: refused kill_switch, bob: copied}", given), limits))


def test_positions_are_what_copies_built_and_by_hand_is_not(run: Run) -> None:
    given = "{leader: {positions: {CE: 130}}, followers: {alice: {positions: {CE: 65}}, bob: {by_hand: {CE: 65}}}}"
    holds(run(case("SELL 130 CE MARKET", "{alice: copied SELL 65, bob: refused exit_without_position}", given)))


def test_positions_of_two_products_are_two(run: Run) -> None:
    given = "{leader: {positions: {CE: 130 MARGIN}}, followers: {alice: {positions: {CE: 65 NRML}}}}"
    holds(run(case("SELL 130 CE MARKET MARGIN", "{alice: copied SELL 65 MARGIN}", given)))


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2026-08-08 11:00", "market_holiday"),  # a Saturday
        ("2026-12-25 11:00", "market_holiday"),  # Christmas
        ("2026-08-04 11:00", "market_holiday"),  # as given
        ("2026-08-03 17:00", "market_closed"),
    ],
)
def test_days_and_hours_are_those_of_the_exchange_and_those_given(run: Run, time: str, reason: str) -> None:
    given = f"{{time: {time}, holidays: [2026-08-04]}}"
    holds(run(case("BUY 130 SHARE LIMIT 1400 PENDING", f"{{alice: refused {reason}}}", given)))


# ---- what happens ---------------------------------------------------------------------------------------------------


def test_a_price_that_moves_is_the_last_one_from_then_on(run: Run) -> None:
    limited = {"mapping": {"order_type": {"MARKET": "LIMIT"}, "market_limit": {"offset_bps": 100}}}
    orders = "BUY 130 CE MARKET, {price: {CE: 50}}, BUY 130 CE MARKET"
    holds(run(case(orders, "{alice: [copied LIMIT 101, copied LIMIT 50.5]}"), limited))


def test_a_copy_fills_as_its_leader_order_does(run: Run) -> None:
    orders = (
        "BUY 260 CE LIMIT 99 PENDING, {change: 1, to: filled 130}, BUY 260 CE LIMIT 99 IOC filled 130 CANCELLED,"
        " {change: 1, to: TRADED}"
    )
    holds(run(case(orders, "{alice: [copied 130 TRADED filled 130, copied 130 CANCELLED filled 65]}")))


def test_an_order_that_is_changed_or_cancelled_is_followed(run: Run) -> None:
    orders = (
        "BUY 130 CE SL 106 trigger 105, {change: 1, to: 260 108 trigger 107}, BUY 130 CE LIMIT 99 PENDING, {cancel: 2}"
    )
    orders = orders.replace("260 108", "260 price 108")
    says = "[copied 130 STOP_LOSS 108 trigger 107 PENDING, copied 65 CANCELLED filled 0]"
    holds(run(case(orders, f"{{alice: {says}}}")))


def test_forever_and_after_market_orders_are_orders_of_their_own_kind(run: Run) -> None:
    orders = "BUY 10 SHARE LIMIT 1380 trigger 1381 CNC FOREVER, {change: 1, to: 20 LIMIT 1370}"
    holds(run(case(orders, "{alice: copied 10 LIMIT 1370 trigger 1381 FOREVER PENDING}")))
    amo = case("BUY 10 SHARE LIMIT 1380 CNC AMO", "{alice: copied 5 after-market}", "{time: 2026-08-03 17:00}")
    holds(run(amo))


def test_of_a_reversal_the_part_that_opens_is_told(run: Run) -> None:
    given = "{leader: {positions: {CE: 130}}, followers: {alice: {positions: {CE: 65}}}}"
    holds(run(case("SELL 390 CE MARKET", "{alice: copied SELL 130}", given)))


def test_commands_hold_one_follower_or_all(run: Run) -> None:
    orders = "{kill: alice}, BUY 130 CE LIMIT 100, {resume: alice}, {kill: all}, BUY 130 CE LIMIT 100, {resume: all},"
    orders += " {pause: bob}, BUY 130 CE LIMIT 100"
    alice = "[refused kill_switch, refused kill_switch, copied]"
    bob = "[copied, refused kill_switch, queued follower_paused]"
    holds(run(case(orders, f"{{alice: {alice}, bob: {bob}}}")))


def test_time_passes_until_the_outcome_is_looked_at(run: Run) -> None:
    squared = {"market_hours": {"square_off": "15:05"}}
    early = case("BUY 130 CE LIMIT 99 PENDING", "{alice: copied PENDING}", "{}", ", until: 15:04")
    late = early.replace("15:04", "15:06").replace("PENDING}", "CANCELLED}").replace("one", "two")
    holds(run(early + late, squared))


def test_each_case_begins_anew(run: Run) -> None:
    once = case("BUY 130 CE LIMIT 100", "{alice: copied 65}")
    limits = {"limits": {"max_orders_per_day": 1}}
    holds(run(once + once.replace("one", "two"), limits))


def test_the_same_file_gives_the_same_answers(run: Run) -> None:
    cases = case("BUY 130 CE LIMIT 100, SELL 65 CE MARKET", "{alice: [copied 1, queued]}")
    once, twice = ([row(one) for one in run(cases)] for _ in range(2))
    assert once == twice


# ---- what is told ---------------------------------------------------------------------------------------------------


def failed(run: Run) -> Result:
    (result,) = run(
        case(
            "BUY 390 CE LIMIT 101.5, SELL 130 CE MARKET",
            "{alice: [copied BUY 130 PENDING, copied SELL], bob: [{decision: copied, rule: mine}, copied]}",
        ),
        {"filters": {"rules": [{"name": "all", "match": {}, "action": "copy"}]}},
    )
    return result


def test_what_differs_is_told_beside_what_was_wanted(run: Run) -> None:
    sized = (
        "0.5 x 390 = 195, in lots of 65 rounded down: 3 = 195 units; marketable: a limit beyond the last price 100.00"
    )
    assert difference(failed(run).failed, 2).splitlines()[:8] == [
        "  alice, order 1: quantity, status",
        "    wanted  copied BUY 130 PENDING",
        "    got     copied BUY 195 TRADED",
        f"            {sized}",
        "  bob, order 1: rule",
        "    wanted  copied by the rule 'mine'",
        "    got     copied by the rule 'all'",
        f"            {sized}",
    ]


def test_a_row_has_wanted_and_got_item_by_item(run: Run) -> None:
    told = row(failed(run))
    assert (told["ok"], told["name"], told["line"]) == (False, "one", 10)
    assert told["wanted"][0] == {
        "follower": "alice",
        "order": 1,
        "decision": "copied",
        "side": "BUY",
        "quantity": 130,
        "status": "PENDING",
    }
    got = told["got"][0]
    assert (got["quantity"], got["price"], got["differs"]) == (195, 101.5, ["quantity", "status"])
    assert "in lots of 65" in got["detail"]


def test_of_one_order_its_number_is_not_told() -> None:
    one = Verdict(
        follower="alice",
        number=1,
        wanted=Words(decision=Decision.COPIED, filled=0),
        got=Words(decision=Decision.SKIPPED, reason="late", filled=0),
        detail="",
        differs=("decision",),
    )
    assert difference([one], 1).splitlines() == [
        "  alice: decision",
        "    wanted  copied filled 0",
        "    got     skipped late filled 0",
    ]


def test_a_line_of_an_outcome_can_be_expected_as_it_is_told(run: Run) -> None:
    (result,) = run(case("BUY 130 CE SL 106 trigger 105", "{alice: copied}"))
    told = line(result.verdicts[0].got)
    assert told == "copied BUY 65 CE STOP_LOSS price 106 trigger 105 INTRADAY DAY PENDING"
    holds(run(case("BUY 130 CE SL 106 trigger 105", f"{{alice: {told}}}")))
