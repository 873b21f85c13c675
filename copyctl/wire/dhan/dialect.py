"""The dialect as one object, for whoever plugs a broker in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from copyctl.model.facts import AccountQuestion, FactReading, QuoteWanted
from copyctl.model.login import Login
from copyctl.model.reading import BookReading, FrameReading, PastReading, Verbatim
from copyctl.model.reasons import Category
from copyctl.model.request import Answer, Approved, Call, Outcome, Request
from copyctl.wire.dhan import answers, calls, facts, frames, login, past, quotes, rows, special_rows, texts, verbatim


@dataclass(frozen=True, slots=True)
class Dhan:
    """Dhan API v2. It has no state; every method is a pure function."""

    def read_frame(self, raw: bytes, account: str, as_of: int) -> FrameReading:
        """A frame of the account's stream that came at ``as_of`` (ns, UTC). Never raises."""
        return frames.read_frame(raw, account, as_of)

    def read_orders(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``orders_call`` or ``lookup_call``, asked at ``as_of`` (ns, UTC). Never raises."""
        return rows.read_orders(answer, account, as_of)

    def read_super(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``super_call``, asked at ``as_of`` (ns, UTC). Never raises."""
        return special_rows.read_super(answer, account, as_of)

    def read_forever(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``forever_call``, asked at ``as_of`` (ns, UTC). Never raises."""
        return special_rows.read_forever(answer, account, as_of)

    def read_trades(self, answer: Answer, account: str, as_of: int) -> BookReading:
        """The answer to ``trades_call``, asked at ``as_of`` (ns, UTC). Never raises."""
        return rows.read_trades(answer, account, as_of)

    def verbatim(self, kind: str, answer: Answer, account: str) -> Verbatim:
        """What this account's ``book``, ``trades``, ``positions``, ``holdings`` or ``funds`` say, in Dhan's own words.
        Never raises."""
        return verbatim.verbatim(kind, answer, account)

    def encode(self, approved: Approved) -> Call:
        """The call that an approved request is; ``ValueError`` for one that Dhan has no words for."""
        return calls.encode(approved)

    def classify(self, request: Request, answer: Answer) -> Outcome:
        """What the answer to a request of ours means. Never raises."""
        return answers.classify(request, answer)

    def category(self, code: str, text: str) -> Category:
        """What a rejection with this code and text means."""
        return texts.category(code, text)

    def orders_call(self) -> Call:
        """Read the order book."""
        return calls.ORDERS

    def super_call(self) -> Call:
        """Read the super orders."""
        return calls.SUPER_ORDERS

    def forever_call(self) -> Call:
        """Read the forever orders."""
        return calls.FOREVER_ORDERS

    def trades_call(self) -> Call:
        """Read the trade book."""
        return calls.TRADES

    def history_call(self, first: date, last: date, page: int) -> Call:
        """Read a page, from 0, of the trade history of these Indian days; the one after the last is empty."""
        return past.history_call(first, last, page)

    def read_past(self, answer: Answer, account: str) -> PastReading:
        """The answer to ``history_call``, or to ``trades_call`` with all that is told of each trade. Never raises."""
        return past.read_past(answer, account)

    def lookup_call(self, correlation_id: str) -> Call:
        """Read the order with this correlation id."""
        return calls.lookup_call(correlation_id)

    def calls_for(self, question: AccountQuestion) -> tuple[Call, ...]:
        """The calls that answer a question; ``ValueError`` for one that Dhan has no words for."""
        return calls.calls_for(question)

    def read_fact(self, question: AccountQuestion, said: Sequence[Answer], as_of: int) -> FactReading:
        """What the answers to ``calls_for`` say, the first of them asked for at ``as_of`` (ns, UTC). Never raises."""
        return facts.read_fact(question, said, as_of)

    def quotes_call(self, questions: Sequence[QuoteWanted]) -> Call:
        """One call for the quotes of many instruments; ``ValueError`` for too many, or for an id that is no number."""
        return calls.quotes_call(questions)

    def read_quotes(self, questions: Sequence[QuoteWanted], answer: Answer, as_of: int) -> tuple[FactReading, ...]:
        """What the answer to ``quotes_call`` says to each question, in their order. Never raises."""
        return quotes.read_quotes(questions, answer, as_of)

    def profile_call(self) -> Call:
        """Ask whether the token is alive."""
        return calls.PROFILE

    def login_frame(self, client_id: str, token: str) -> str:
        """The first frame of an order stream; it holds the token."""
        return calls.login_frame(client_id, token)

    def renew_call(self) -> Call:
        """Have the token that it is asked with replaced by a new one."""
        return login.RENEW

    def mint_call(self, client_id: str, pin: str, code: str) -> Call:
        """Have a token made, on the login host; it holds PIN and one-time code."""
        return login.mint_call(client_id, pin, code)

    def read_login(self, answer: Answer, account: str) -> Login:
        """The answer to either of them. Never raises."""
        return login.read_login(answer, account)

    def expiry(self, token: str) -> int | None:
        """When a token dies (ns, UTC), as it says itself; None where it does not. Never raises."""
        return login.expiry(token)
