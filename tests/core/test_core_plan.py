"""The plan: applied to a follower's orders, with answers in any order and fills racing, it ends at what is wanted."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from copyctl.core.plan import Alter, Begin, End, Plan, Working, of, plan, plan_traded
from copyctl.model.order import Terms
from tests.core.building import terms
from tests.properties import tried

MOST = 3


@dataclass
class Placed:
    """One placement at a model broker. ``real``: the terms that the broker has; ``coming``: those on their way."""

    asked: Terms
    real: Terms | None = None
    where: str = "waiting"  # then placing, working, ended
    coming: Terms | None = None
    cancelling: bool = False
    retired: bool = False
    absent: bool = False
    filled: int = 0
    modifications: int = 0

    @property
    def open(self) -> bool:
        return self.where == "working"

    @property
    def exposure(self) -> int:
        """The most that this placement may come to have traded."""
        if self.where == "ended":
            return self.filled
        known = [one.quantity for one in (self.real or self.asked, self.coming) if one is not None]
        return max(self.filled, *known)

    def seen(self, revision: int) -> Working:
        done = self.filled >= self.asked.quantity or (self.where == "ended" and self._traded)
        return Working(
            revision=revision,
            asked=self.asked,
            live=self.where != "ended",
            filled=self.filled,
            waiting=self.where == "waiting",
            placing=self.where == "placing",
            changing=self.coming is not None,
            ending=self.cancelling and self.where != "ended",
            done=done,
            owed=self.absent or (self.where == "ended" and self.cancelling and not done),
            modifications=self.modifications,
        )

    @property
    def _traded(self) -> bool:
        return self.real is not None and self.filled >= self.real.quantity


@dataclass
class Model:
    """A follower at a broker, and the wish that is pursued. ``most``: the largest quantity that was ever wanted."""

    wanted: Terms
    traded: bool = False
    closing: bool = False
    pursued: Terms | None = None
    placed: list[Placed] = field(default_factory=list)
    most: int = 0

    def pursue(self) -> Plan:
        self.most = max(self.most, self.wanted.quantity)
        seen = [one.seen(number) for number, one in enumerate(self.placed)]
        changed = self.wanted != self.pursued
        if self.traded and not self.closing:
            made = plan_traded(self.wanted, seen, changed=changed, most_modifications=MOST)
        else:
            made = plan(self.wanted, seen, changed=changed, closing=self.closing, most_modifications=MOST)
        for action in made.actions:
            match action:
                case Begin():
                    assert action.terms.quantity > 0
                    self.placed.append(Placed(asked=action.terms))
                case Alter():
                    self._alter(self.placed[action.revision], action.terms)
                case End():
                    self._end(self.placed[action.revision], anew=action.anew)
        if not made.waits:
            self.pursued = self.wanted
        assert sum(one.exposure for one in self.placed) <= self.most
        return made

    def _alter(self, one: Placed, wanted: Terms) -> None:
        assert wanted.quantity > one.filled
        one.asked = wanted
        if one.where == "working":
            assert one.modifications < MOST
            one.coming, one.modifications = wanted, one.modifications + 1

    def _end(self, one: Placed, *, anew: bool) -> None:
        if one.where == "waiting":
            one.where = "ended"
        else:
            one.cancelling, one.retired = True, anew

    def happens(self, data: st.DataObject) -> None:
        """One thing that a broker, a network or a market does."""
        live = [one for one in self.placed if one.where != "ended"]
        if not live:
            return
        one = data.draw(st.sampled_from(live))
        what = data.draw(st.sampled_from(("answer", "answer", "fill", "absent")))
        if what == "fill" and one.open and one.real is not None:
            one.filled += data.draw(st.integers(1, one.real.quantity - one.filled))
            if one.filled == one.real.quantity:
                one.where, one.coming = "ended", None
        elif what == "absent" and one.where == "placing":
            one.where, one.absent = "ended", True
        else:
            self.answer(one)

    def answer(self, one: Placed) -> None:
        if one.where == "waiting":
            one.where = "placing"
        elif one.where == "placing":
            one.where, one.real = "working", one.asked
        elif one.coming is not None:
            if one.coming.quantity > one.filled:
                one.real = one.coming
            else:
                one.where = "ended"
            one.coming = None
        elif one.cancelling:
            one.where = "ended"

    def settle(self) -> None:
        """Every answer comes, nothing trades."""
        for _ in range(100):
            self.pursue()
            busy = [one for one in self.placed if one.where in ("waiting", "placing")]
            busy += [one for one in self.placed if one.open and (one.coming is not None or one.cancelling)]
            if not busy:
                return
            for one in busy:
                self.answer(one)
        raise AssertionError("it never comes to rest")


WISHES = st.builds(terms, st.sampled_from((0, 5, 10, 50, 100, 105)), st.sampled_from(("100", "101", "102")))


@tried(500)
@given(st.data())
def test_the_plan_ends_at_what_is_wanted_and_then_has_nothing_to_do(data: st.DataObject) -> None:
    model = Model(data.draw(WISHES))
    for _ in range(data.draw(st.integers(1, 25))):
        model.pursue()
        if data.draw(st.booleans()):
            model.wanted = data.draw(WISHES)
        model.happens(data)
    model.closing = data.draw(st.booleans())
    model.settle()
    assert model.pursue() == Plan()
    resting = [one for one in model.placed if one.open]
    filled = sum(one.filled for one in model.placed)
    if model.closing or filled >= model.wanted.quantity:
        assert resting == []
    elif resting:
        (one,) = resting
        assert one.real == one.asked == of(model.wanted, model.wanted.quantity - filled + one.filled)
    else:
        assert any(one.seen(0).done for one in model.placed), "it is short without having filled"


@tried(300)
@given(st.data())
def test_where_only_what_trades_is_copied_all_of_it_is_placed_and_never_more(data: st.DataObject) -> None:
    model = Model(terms(0), traded=True)
    for _ in range(data.draw(st.integers(1, 20))):
        model.pursue()
        growth = data.draw(st.sampled_from((0, 0, 5, 10)))
        price = data.draw(st.sampled_from((str(model.wanted.price), "101", "102")))
        model.wanted = terms(model.wanted.quantity + growth, price)
        model.happens(data)
    model.settle()
    assert model.pursue() == Plan()
    resting = [one for one in model.placed if one.open]
    assert all(one.real == of(model.wanted, one.asked.quantity) for one in resting)
    assert sum(one.exposure for one in model.placed) == model.wanted.quantity


def test_a_part_of_an_order_discloses_less_than_all_of_it() -> None:
    whole = terms(100, disclosed=40)
    assert [of(whole, quantity).disclosed_quantity for quantity in (100, 50, 40, 5)] == [40, 40, 0, 0]
