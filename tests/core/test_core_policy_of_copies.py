"""Every copy names the rules that decided it, and every request carries that name."""

from dataclasses import replace

from copyctl.model.events import PolicyLoaded
from copyctl.model.terms import Decision
from tests.core.building import ALICE, LEADER, Desk, rules

FIRST, SECOND_RULES = "a" * 64, "b" * 64


def started(**policy: object) -> Desk:
    desk = Desk()
    desk.rules = replace(rules(policy), digest=FIRST)
    return desk.start()


def reloaded(desk: Desk, **policy: object) -> None:
    desk.rules = replace(rules(policy), digest=SECOND_RULES)
    desk.feed(PolicyLoaded(at=desk.now, digest=SECOND_RULES, document="{}", rules=desk.rules))


def test_a_copy_keeps_the_rules_of_its_first_decision() -> None:
    desk = started()
    desk.leader("L1")
    assert desk.copy("L1").policy == "a" * 12
    desk.ack("A1")
    reloaded(desk)
    step = desk.leader("L1", quantity=200)
    assert desk.copy("L1").policy == "a" * 12
    assert [one.facts["policy"] for one in step.notices if one.event == "request"] == ["a" * 12]
    desk.leader("L2")
    assert desk.copy("L2").policy == "b" * 12


def test_a_copy_that_is_decided_again_names_the_rules_of_the_new_decision() -> None:
    desk = started()
    desk.leader("L1", quantity=1)
    assert (desk.copy("L1").decision, desk.copy("L1").policy) == (Decision.REFUSED, "a" * 12)
    reloaded(desk)
    assert desk.copy("L1").policy == "a" * 12
    desk.leader("L1", quantity=200)
    assert (desk.copy("L1").decision, desk.copy("L1").policy) == (Decision.COPIED, "b" * 12)


def test_a_copy_that_waits_undecided_names_the_rules_that_decide_it_in_the_end() -> None:
    desk = Desk()
    desk.rules = replace(rules(), digest=FIRST)
    desk.start(books=False)
    desk.books(LEADER)
    desk.leader("L1")
    assert (desk.copy("L1").decision, desk.copy("L1").policy) == (Decision.QUEUED, "a" * 12)
    reloaded(desk)
    desk.books(ALICE)
    assert (desk.copy("L1").decision, desk.copy("L1").policy) == (Decision.COPIED, "b" * 12)


def test_an_exit_names_the_rules_that_it_was_made_by() -> None:
    desk = started()
    desk.leader("L1")
    desk.ack("A1")
    desk.leader("L1", "TRADED", filled=100)
    desk.copied("TRADED", filled=50)
    reloaded(desk)
    desk.leader("L2", side="SELL")
    assert (desk.copy("L2").exit, desk.copy("L2").policy) == (True, "b" * 12)
