"""Figures that are known without asking anybody: the last prices and funds that were told."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from copyctl.model.facts import Fact, Funds, FundsWanted, Lack, Question, Quote, QuoteWanted
from copyctl.model.terms import Segment


@dataclass(slots=True)
class Figures:
    """The newest of each; what was told last holds until something newer is."""

    quotes: dict[tuple[Segment, str], Quote] = field(default_factory=dict)
    funds: dict[str, Funds] = field(default_factory=dict)

    def learn(self, facts: Iterable[object]) -> None:
        """Take in those of these that are figures."""
        for one in facts:
            if isinstance(one, Quote):
                self.quotes[one.segment, one.security_id] = one
            elif isinstance(one, Funds):
                self.funds[one.account] = one

    def answer(self, question: Question, now: int) -> Fact | Lack:
        """What is known, as of now; a lack for all else."""
        known: Quote | Funds | None = None
        if isinstance(question, QuoteWanted):
            known = self.quotes.get((question.segment, question.security_id))
        elif isinstance(question, FundsWanted):
            known = self.funds.get(question.account)
        return Lack.UNAVAILABLE if known is None else replace(known, as_of=now)
