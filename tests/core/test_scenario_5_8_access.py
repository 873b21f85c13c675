"""Scenario 5.8: a token or an address is refused, and works again."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.account import Account
from copyctl.model.effects import Look, ReadBooks
from copyctl.model.events import Answered, BooksUnreadable, CredentialsChanged, TimeReached
from copyctl.model.facts import AddressWanted, FactArrived, FundsWanted, Lack, ProfileWanted, Question, QuoteWanted
from copyctl.model.reasons import Category
from copyctl.model.request import Fate, Outcome, Request, RequestKind, RequestState
from copyctl.model.terms import Decision, Level, Segment, Side
from tests.core.building import ALICE, BOB, LEADER, SECOND, Desk
from tests.core.exits_desk import CANCEL, PLACE, by_hand, entered, said_of, sells
from tests.properties import tried

WAITS = (Decision.QUEUED, "follower_unauthenticated")
TOKEN, ADDRESS = Category.AUTHENTICATION, Category.ADDRESS


def account(desk: Desk, name: str = ALICE) -> Account:
    found = desk.state.tables["account"][name]
    assert isinstance(found, Account)
    return found


def shut(desk: Desk, orders: Sequence[str] = ("L1",), category: Category = TOKEN, text: str = "Invalid Token") -> Desk:
    """Orders of the leader whose copies were refused for token or address."""
    for order_id in orders:
        desk.leader(order_id)
    if category is TOKEN:
        desk.shut_out.add(ALICE)
    for request in desk.taken():
        if request.account == ALICE:
            desk.reject(category, text, request=request)
    return desk


def probes(desk: Desk, kind: type[Question]) -> int:
    """How often this was asked of alice since the last time."""
    found = [one for one in desk.probed if isinstance(one, kind) and one.account == ALICE]
    desk.probed = []
    return len(found)


def mended(desk: Desk) -> None:
    """It works again, and is noticed within 15 s."""
    desk.shut_out.clear()
    desk.wait(16)
    desk.books(ALICE)


# --- a refused token ------------------------------------------------------------------------------------------------


def test_scenario_5_8_one_alert_and_no_request_however_many_wait() -> None:
    desk = shut(Desk(followers=2).start(), ("L1", "L2", "L3"))
    told = [one for one in desk.notices if one.facts.get("alert") == "access_refused"]
    assert [(one.level, one.follower) for one in told] == [(Level.CRITICAL, ALICE)]
    assert [desk.decided(one) for one in ("L1", "L2", "L3")] == [WAITS] * 3
    desk.wait(300)
    desk.leader("L4")
    assert [one.account for one in desk.taken()] == [BOB]
    assert desk.decided("L4") == WAITS


def test_scenario_5_8_the_profile_is_asked_for_once_in_15_seconds() -> None:
    desk = shut(Desk().start())
    probes(desk, ProfileWanted)
    desk.wait(150)
    assert probes(desk, ProfileWanted) == 10


def test_scenario_5_8_no_book_is_read_while_the_token_is_refused() -> None:
    desk = shut(Desk().start())
    desk.effects.clear()
    desk.wait(120)
    desk.frame(ALICE, "H1", "PART_TRADED", filled=10)
    assert [one for one in desk.effects if isinstance(one, ReadBooks | Look) and one.account == ALICE] == []


def test_scenario_5_8_once_it_works_the_books_are_read_then_one_order_is_tried_then_all_go() -> None:
    desk = shut(Desk().start(), ("L1", "L2", "L3"))
    desk.shut_out.clear()
    desk.effects.clear()
    desk.wait(16)
    assert (desk.taken(), desk.effects) == ([], [ReadBooks(account=ALICE)])
    desk.books(ALICE)
    (tried,) = desk.taken()
    assert account(desk).refused_token
    desk.ack("A1", request=tried)
    assert len(desk.taken()) == 2
    assert not account(desk).refused_token
    assert desk.alerts()[-1] == "token and address are taken again"


def test_scenario_5_8_refused_again_the_others_wait_on() -> None:
    desk = shut(Desk().start(), ("L1", "L2", "L3"))
    mended(desk)
    (tried,) = desk.taken()
    desk.alerts()
    desk.reject(TOKEN, request=tried)
    desk.wait(14)
    assert (desk.taken(), desk.alerts()) == ([], [])
    desk.wait(2)
    desk.books(ALICE)
    assert len(desk.taken()) == 1


@pytest.mark.parametrize("category", [Category.MARGIN, Category.UNKNOWN, Category.PRICE_BAND])
def test_scenario_5_8_refused_for_another_reason_it_works(category: Category) -> None:
    desk = shut(Desk().start(), ("L1", "L2"))
    mended(desk)
    desk.reject(category, request=desk.taken()[0])
    assert len(desk.taken()) == 1
    assert not account(desk).refused_token


@pytest.mark.parametrize("fate", [Fate.UNKNOWN, Fate.NOT_LEFT])
def test_scenario_5_8_without_an_answer_it_is_asked_about_again(fate: Fate) -> None:
    desk = shut(Desk().start(), ("L1", "L2"))
    mended(desk)
    desk.answer(fate, request=desk.taken()[0])
    desk.wait(14)
    assert desk.taken() == []
    desk.wait(2)
    desk.books(ALICE)
    assert len(desk.taken()) == 1


def test_scenario_5_8_entries_that_waited_too_long_follow_late_and_cancelled_ones_never_leave() -> None:
    desk = shut(Desk().start(), ("L1", "L2", "L3"))
    desk.leader("L4")
    desk.leader("L1", "TRADED", filled=100)
    desk.leader("L2", "CANCELLED")
    desk.leader("L4", "CANCELLED")
    mended(desk)
    assert [one.leader_order_id for one in desk.taken()] == ["L3"]
    desk.ack("A3")
    assert desk.taken() == []
    reasons = [desk.decided(one) for one in ("L1", "L2", "L4")]
    assert reasons == [(Decision.SKIPPED, one) for one in ("late", "leader_over", "leader_over")]


def test_scenario_5_8_exits_are_caught_up_on_the_net() -> None:
    desk = entered()
    desk.shut_out.add(ALICE)
    sells(desk, "L2", "TRADED", quantity=40, filled=40)
    desk.reject(TOKEN)
    sells(desk, "L3", "TRADED", quantity=60, filled=60)
    by_hand(desk, 10)
    assert desk.decided("L3") == WAITS
    desk.taken()
    mended(desk)
    tried = desk.taken()
    desk.ack("X1")
    rest = desk.taken()
    assert (len(tried), sum(said_of(one)[3] for one in tried + rest)) == (1, 40)
    assert {said_of(one)[1] for one in tried + rest} == {Side.SELL}


def test_scenario_5_8_the_most_urgent_request_is_the_one_that_is_tried() -> None:
    desk = Desk().start()
    desk.leader()
    desk.ack("A1")
    desk.copied()
    desk.taken()
    shut(desk, ("L2",))
    desk.leader(status="CANCELLED")
    mended(desk)
    assert desk.asked() == [(CANCEL,)]


def test_scenario_5_8_refused_books_are_enough_and_what_is_new_is_not_decided_before_it_works() -> None:
    desk = Desk({"checks": {"margin": True}}).start()
    desk.shut_out.add(ALICE)
    desk.feed(BooksUnreadable(at=desk.now, account=ALICE, why="DH-901", refused=True))
    desk.leader()
    assert desk.decided() == WAITS
    mended(desk)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_5_8_what_was_not_decided_is_decided_then_and_one_order_is_tried_first() -> None:
    desk = Desk({"checks": {"margin": True}}).start()
    desk.shut_out.add(ALICE)
    for order_id in ("L1", "L2", "L3"):
        desk.leader(order_id)
    assert desk.taken() == []
    mended(desk)
    desk.ack("A1", request=desk.taken()[0])
    assert len(desk.taken()) == 2


def test_scenario_5_8_a_fact_that_is_refused_is_enough() -> None:
    desk = Desk().start()
    desk.shut_out.add(ALICE)
    question = FundsWanted(account=ALICE)
    desk.feed(FactArrived(at=desk.now, account=ALICE, question=question, why="DH-901", lack=Lack.REFUSED))
    desk.leader()
    assert (desk.taken(), desk.decided()) == ([], WAITS)


def test_scenario_5_8_a_quote_that_is_refused_while_the_profile_is_not_holds_nothing_up() -> None:
    desk = Desk().start()
    probes(desk, ProfileWanted)
    question = QuoteWanted(account=ALICE, segment=Segment.NSE_FNO, security_id="43210")
    desk.feed(FactArrived(at=desk.now, account=ALICE, question=question, why="DH-901", lack=Lack.REFUSED))
    assert probes(desk, ProfileWanted) == 1
    desk.leader()
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_5_8_nothing_waits_so_that_it_is_well_once_its_books_are_read() -> None:
    desk = Desk().start()
    desk.shut_out.add(ALICE)
    desk.feed(BooksUnreadable(at=desk.now, account=ALICE, why="DH-901", refused=True))
    mended(desk)
    assert not account(desk).refused_token
    desk.leader()
    desk.leader("L2")
    assert len(desk.taken()) == 2


@pytest.mark.parametrize("how", ["unpause", "credentials"])
def test_scenario_5_8_it_is_tried_at_once_where_somebody_says_so(how: str) -> None:
    desk = shut(Desk().start())
    desk.wait(16)
    desk.shut_out.clear()
    desk.effects.clear()
    desk.now += SECOND
    if how == "unpause":
        desk.kill("unpause", ALICE)
    else:
        desk.feed(CredentialsChanged(at=desk.now, account=ALICE))
    assert ReadBooks(account=ALICE) in desk.effects
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_5_8_it_is_tried_at_once_after_a_restart() -> None:
    desk = shut(Desk().start())
    probes(desk, ProfileWanted)
    desk.restart()
    desk.wait(1)
    assert probes(desk, ProfileWanted) >= 1
    desk.shut_out.clear()
    desk.books(LEADER)
    desk.wait(16)
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 100)]


def test_scenario_5_8_a_paused_follower_is_asked_about_and_nothing_of_it_leaves() -> None:
    desk = shut(Desk().start())
    desk.kill("pause", ALICE)
    mended(desk)
    assert desk.taken() == []
    assert desk.decided() == (Decision.QUEUED, "follower_paused")
    desk.kill("unpause", ALICE)
    desk.books(ALICE)
    assert desk.asked() == [(PLACE, 50, 100)]


# --- a refused address ----------------------------------------------------------------------------------------------


def test_scenario_5_8_of_a_refused_address_the_broker_is_asked_which_are_registered() -> None:
    desk = Desk().start()
    desk.takes_orders = False
    shut(desk, ("L1", "L2"), ADDRESS, "Invalid IP")
    probes(desk, AddressWanted)
    desk.wait(150)
    assert desk.taken() == []
    assert probes(desk, AddressWanted) == 10
    desk.takes_orders = True
    desk.wait(16)
    desk.books(ALICE)
    desk.ack("A1", request=desk.taken()[0])
    assert len(desk.taken()) == 1


def test_scenario_5_8_books_that_can_be_read_say_nothing_of_the_address() -> None:
    desk = Desk().start()
    desk.takes_orders = False
    shut(desk, ("L1",), ADDRESS, "Invalid IP")
    for _ in range(5):
        desk.books(ALICE)
    assert desk.taken() == []
    assert account(desk).refused_token == "Invalid IP"


@pytest.mark.parametrize("silent", [True, False])
def test_scenario_5_8_where_that_does_not_tell_the_most_urgent_order_does_once_in_15_seconds(silent: bool) -> None:
    desk = Desk().start()
    desk.takes_orders = None
    shut(desk, ("L1", "L2", "L3"), ADDRESS, "Invalid IP")
    if silent:
        desk.shut_out.add(ALICE)
        desk.shut_out.clear()
    sent = 0
    for _ in range(4):
        desk.wait(16)
        desk.books(ALICE)
        for request in desk.taken():
            sent += 1
            desk.reject(ADDRESS, "Invalid IP", request=request)
    assert sent == 4
    desk.wait(16)
    desk.books(ALICE)
    desk.ack("A1", request=desk.taken()[0])
    assert len(desk.taken()) == 2


def test_scenario_5_8_an_order_that_comes_later_is_the_probe_where_none_waits() -> None:
    desk = Desk().start()
    desk.takes_orders = None
    shut(desk, ("L1",), ADDRESS, "Invalid IP")
    desk.leader(status="CANCELLED")
    desk.wait(60)
    desk.books(ALICE)
    assert account(desk).refused_token == "Invalid IP"
    desk.leader("L2")
    assert desk.asked() == [(PLACE, 50, 100)]


# --- the leader's -----------------------------------------------------------------------------------------------------


def test_scenario_5_8_the_leaders_token_is_tried_likewise_and_entries_wait_for_his_books() -> None:
    desk = Desk().start()
    desk.shut_out.add(LEADER)
    desk.feed(BooksUnreadable(at=desk.now, account=LEADER, why="DH-901", refused=True))
    desk.feed(BooksUnreadable(at=desk.now, account=LEADER, why="DH-901", refused=True))
    told = [one for one in desk.notices if one.facts.get("alert") == "access_refused"]
    assert [one.text for one in told] == ["the leader's token or address is refused: DH-901"]
    desk.effects.clear()
    desk.wait(60)
    assert desk.effects == []
    desk.shut_out.clear()
    desk.wait(16)
    assert desk.effects == [ReadBooks(account=LEADER)]
    desk.books(LEADER)
    assert not account(desk, LEADER).refused_token
    desk.leader()
    assert desk.asked() == [(PLACE, 50, 100)]


# --- whatever happens -------------------------------------------------------------------------------------------------


MOMENTS = st.lists(
    st.tuples(st.sampled_from(("order", "cancel", "dies", "lives", "wait")), st.integers(1, 40)), max_size=30
)


@tried(60)
@given(MOMENTS, st.sampled_from((TOKEN, ADDRESS)), st.sampled_from((True, None)))
def test_scenario_5_8_one_probe_at_most_in_15_seconds_and_nothing_is_lost(
    moments: list[tuple[str, int]], category: Category, told: bool | None
) -> None:
    desk = Desk().start()
    world = _World(desk, category, told)
    for number, (what, seconds) in enumerate(moments):
        world.does(what, number)
        world.passes(seconds)
    world.does("lives", 0)
    world.passes(120)
    left = [one for one in desk.state.tables["request"].values() if isinstance(one, Request)]
    assert [one for one in left if one.state is RequestState.QUEUED] == []
    for order_id in world.live:
        assert desk.decided(order_id)[0] is Decision.COPIED


class _World:
    """A broker that refuses for a while, and answers everything within a second."""

    def __init__(self, desk: Desk, category: Category, told: bool | None) -> None:
        self.desk, self.category, self.told = desk, category, told
        self.dead = False
        self.live: list[str] = []
        self.refused_at: list[int] = []
        self.known_since = 0

    def does(self, what: str, number: int) -> None:
        desk = self.desk
        if what == "order":
            desk.leader(f"L{number}")
            self.live.append(f"L{number}")
        elif what == "cancel" and self.live:
            desk.leader(self.live.pop(0), "CANCELLED")
        elif what in ("dies", "lives"):
            self.dead = what == "dies"
            desk.shut_out = {ALICE} if self.dead and self.category is TOKEN else set()
            desk.takes_orders = (self.told and not self.dead) if self.category is ADDRESS else True
            if self.told is None and self.category is ADDRESS:
                desk.takes_orders = None
        self._answers()

    def passes(self, seconds: int) -> None:
        desk = self.desk
        for _ in range(seconds):
            desk.wait(1)
            self._answers()
            desk.feed(TimeReached(at=desk.now))

    def _answers(self) -> None:
        desk = self.desk
        for _ in range(20):
            sent = desk.taken()
            reads = [one for one in desk.effects if isinstance(one, ReadBooks)]
            desk.effects = []
            if not (sent or reads):
                return
            for request in sent:
                self._answer(request)
            for read in reads:
                if read.account == ALICE and self.dead and self.category is TOKEN:
                    desk.feed(BooksUnreadable(at=desk.now, account=ALICE, why="DH-901", refused=True))
                else:
                    desk.books(read.account, after=1)

    def _answer(self, request: Request) -> None:
        desk = self.desk
        if self.dead:
            refused_before = bool(account(desk).refused_token)
            if refused_before and account(desk).trying == request.request_id:
                assert all(desk.now - at >= 14 * SECOND for at in self.refused_at[-1:]), "a storm"
                self.refused_at.append(desk.now)
            outcome: dict[str, Any] = {"fate": Fate.REJECTED, "category": self.category, "text": "no"}
        else:
            place = request.kind is RequestKind.PLACE
            order_ids = (f"A-{request.correlation_id}",) if place else (request.order_id,)
            outcome = {"fate": Fate.ACKNOWLEDGED, "order_ids": order_ids, "left_at": desk.now}
        desk.now += 1
        desk.feed(Answered(at=desk.now, request_id=request.request_id, outcome=Outcome(**outcome)))
