"""Profile, addresses and the broker's own kill switch are read in every spelling; what is not told is not guessed."""

import inspect
import json
import typing
from typing import Any

import msgspec
import pytest
from dhanhq import dhanhq
from hypothesis import given
from hypothesis import strategies as st

from copyctl.model.facts import (
    AccountQuestion,
    Addresses,
    AddressWanted,
    BrokerKill,
    BrokerKillStateWanted,
    BrokerKillWanted,
    Fact,
    FactArrived,
    FactReading,
    FundsWanted,
    Lack,
    MarginOrder,
    MarginWanted,
    PositionsWanted,
    Profile,
    ProfileWanted,
)
from copyctl.model.request import Answer, Call, Passage
from copyctl.model.terms import Product, Segment, Side
from copyctl.wire.dhan import Dhan
from tests.properties import tried

ACCOUNT = "1100000002"
OTHER = "1100000009"
AS_OF = 1_789_446_731_250_000_000
DHAN = Dhan()
PROFILE = ProfileWanted(account=ACCOUNT)
ADDRESS = AddressWanted(account=ACCOUNT)
KILL = BrokerKillWanted(account=ACCOUNT)
KILL_STATE = BrokerKillStateWanted(account=ACCOUNT)
EVERY = (PROFILE, ADDRESS, KILL, KILL_STATE)


def answer(body: Any, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(passage=Passage.ANSWERED, at=AS_OF + 9, left_at=AS_OF, status=status, body=raw)


def read(question: AccountQuestion, body: Any, status: int = 200) -> FactReading:
    reading = DHAN.read_fact(question, [answer(body, status)], AS_OF)
    assert (reading.fact is None) == (reading.lack is not None) == (reading.why != "")
    assert len(reading.why) <= 500
    return reading


def changed(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The row with these values; ... takes a key away."""
    return {key: value for key, value in (row | changes).items() if value is not ...}


def error(code: Any, text: Any, kind: str = "Order_Error") -> dict[str, Any]:
    return {"errorType": kind, "errorCode": code, "errorMessage": text}


# ---- questions ------------------------------------------------------------------------------------------------------


def test_each_question_is_one_call() -> None:
    assert {question: DHAN.calls_for(question) for question in EVERY} == {
        PROFILE: (Call(verb="GET", path="/profile"),),
        ADDRESS: (Call(verb="GET", path="/ip/getIP"),),
        KILL: (Call(method="kill_switch", arguments={"action": "ACTIVATE"}),),
        KILL_STATE: (Call(method="status_kill_switch", arguments={}),),
    }
    for question in (KILL, KILL_STATE):
        [call] = DHAN.calls_for(question)
        inspect.signature(getattr(dhanhq, call.method)).bind(None, **(call.arguments or {}))


def test_no_kind_of_question_was_forgotten() -> None:
    order = MarginOrder(side=Side.BUY, segment=Segment.NSE_EQ, security_id="1", product=Product.CNC, quantity=1)
    asked = (
        FundsWanted(account=ACCOUNT),
        PositionsWanted(account=ACCOUNT),
        MarginWanted(account=ACCOUNT, key="r1", orders=(order,)),
        *EVERY,
    )
    assert {type(question) for question in asked} == set(typing.get_args(AccountQuestion))
    lost = Answer(passage=Passage.NO_ANSWER, at=AS_OF, fault="no answer within 5 s")
    for question in asked:
        expected = FactReading(why="no answer within 5 s", lack=Lack.UNAVAILABLE)
        assert DHAN.read_fact(question, [lost] * len(DHAN.calls_for(question)), AS_OF) == expected


# ---- profile --------------------------------------------------------------------------------------------------------

TOLD_PROFILE: dict[str, Any] = {
    "dhanClientId": ACCOUNT,
    "tokenValidity": "16/09/2026 11:02",
    "activeSegment": "Equity, Derivative, Currency, Commodity",
    "ddpi": "Active",
    "mtf": "Deactive",
    "dataPlan": "Active",
    "dataValidity": "2026-12-05 09:37:52.0",
}
READ_PROFILE = Profile(
    account=ACCOUNT,
    as_of=AS_OF,
    ddpi=True,
    mtf=False,
    data_plan=True,
    segments=("equity", "derivative", "currency", "commodity"),
    token_until=1_789_536_720_000_000_000,  # 2026-09-16 05:32 UTC
)


@pytest.mark.parametrize(
    "told",
    [
        TOLD_PROFILE,
        {key.upper(): value for key, value in TOLD_PROFILE.items()},
        {"dhan_client_id": ACCOUNT, "token_validity": "2026-09-16T11:02:00.000", "active_segment": "EQUITY,DERIVATIVE,"
         "CURRENCY,COMMODITY", "DDPI": "ACTIVE", "MTF": "inactive", "data_plan": "active"},
        changed(TOLD_PROFILE, ddpi=True, mtf=False, dataPlan="Y", dhanClientId=None),
        changed(TOLD_PROFILE, ddpi="1", mtf=0, activeSegment=["Equity", "Derivative", "Currency", "Commodity"]),
        changed(TOLD_PROFILE, activeSegment=" equity ,Derivative ; Currency, Commodity, NA,, equity"),
        {"status": "success", "data": TOLD_PROFILE},
        [TOLD_PROFILE],
        changed(TOLD_PROFILE, dataValidity=..., news={"a": [1]}),
    ],
)  # fmt: skip
def test_a_profile_in_every_spelling_is_the_same(told: Any) -> None:
    assert read(PROFILE, told) == FactReading(fact=READ_PROFILE)


@pytest.mark.parametrize(
    ("key", "field"),
    [("ddpi", "ddpi"), ("mtf", "mtf"), ("dataPlan", "data_plan"), ("activeSegment", "segments"),
     ("tokenValidity", "token_until")],
)  # fmt: skip
@pytest.mark.parametrize("value", [..., None, "NA", "", [], {}, "0001-01-01 00:00:00"])
def test_what_a_profile_does_not_tell_is_none(key: str, field: str, value: Any) -> None:
    if (key, value) == ("activeSegment", "0001-01-01 00:00:00"):
        return
    fact = read(PROFILE, changed(TOLD_PROFILE, **{key: value})).fact
    assert fact == msgspec.structs.replace(READ_PROFILE, **{field: None})


def test_a_word_of_a_profile_that_we_do_not_know_is_none_and_a_dead_plan_is_no_plan() -> None:
    told = changed(TOLD_PROFILE, ddpi="Pending", mtf="perhaps", dataPlan="Deactive", tokenValidity="soon")
    fact = read(PROFILE, told).fact
    assert fact == msgspec.structs.replace(READ_PROFILE, ddpi=None, mtf=None, data_plan=False, token_until=None)


def test_a_profile_of_nothing_but_a_client_says_that_the_token_is_taken() -> None:
    assert read(PROFILE, {"dhanClientId": ACCOUNT}).fact == Profile(account=ACCOUNT, as_of=AS_OF)


# ---- addresses ------------------------------------------------------------------------------------------------------

DOCUMENTED: dict[str, Any] = {
    "primaryIP": "49.36.10.1",
    "secondaryIP": "49.36.10.2",
    "modifyDatePrimary": "2026-09-28",
    "modifyDateSecondary": "2026-09-30",
}
SEEN: dict[str, Any] = DOCUMENTED | {
    "ip": "49.36.10.1",
    "detectedIP": "49.36.10.2",
    "ipMatchStatus": "MATCH",
    "ordersAllowed": True,
}
BOTH = ("49.36.10.1", "49.36.10.2")


def addresses(**values: Any) -> Addresses:
    return Addresses(account=ACCOUNT, as_of=AS_OF, **values)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (DOCUMENTED, {"registered": BOTH}),
        (SEEN, {"registered": BOTH, "detected": BOTH[1], "allowed": True}),
        ({key.upper(): str(value) for key, value in SEEN.items()},
         {"registered": BOTH, "detected": BOTH[1], "allowed": True}),
        ({"status": "success", "data": SEEN}, {"registered": BOTH, "detected": BOTH[1], "allowed": True}),
        ([SEEN | {"dhanClientId": ACCOUNT}], {"registered": BOTH, "detected": BOTH[1], "allowed": True}),
        (DOCUMENTED | {"secondaryIP": ""}, {"registered": BOTH[:1]}),
        (DOCUMENTED | {"secondaryIP": None, "primaryIP": " 49.36.10.1 "}, {"registered": BOTH[:1]}),
        (DOCUMENTED | {"primaryIP": "NA"}, {"registered": BOTH[1:]}),
        (DOCUMENTED | {"secondaryIP": "49.36.10.1"}, {"registered": BOTH[:1]}),
        ({"primaryIP": "2406:DA00:0000:0000:0000:0000:0000:0007", "secondaryIP": "::ffff:49.36.10.2"},
         {"registered": ("2406:da00::7", "49.36.10.2")}),
        ({"ip": "49.36.10.1", "ipFlag": "PRIMARY", "ordersAllowed": "false"},
         {"registered": BOTH[:1], "allowed": False}),
        ([{"ip": "49.36.10.1", "ipFlag": "PRIMARY"}, {"ip": "49.36.10.2", "ipFlag": "SECONDARY"}],
         {"registered": BOTH}),
        ({"primary_ip": "", "secondary_ip": None}, {"registered": ()}),
        ({"primaryIP": "::", "secondaryIP": "NA", "ip": ""}, {"registered": ()}),
        ({"ordersAllowed": True}, {"allowed": True}),
        ({"secondaryIP": BOTH[1], "ordersAllowed": True}, {"allowed": True}),
        (DOCUMENTED | {"primaryIP": "10.420.29.14", "ordersAllowed": False}, {"allowed": False}),
        (DOCUMENTED | {"primaryIP": {"ip": "49.36.10.1"}, "ordersAllowed": False}, {"allowed": False}),
        (SEEN | {"detectedIP": "somewhere", "ordersAllowed": "NA", "ipMatchStatus": "PERHAPS"}, {"registered": BOTH}),
        (SEEN | {"ordersAllowed": None}, {"registered": BOTH, "detected": BOTH[1], "allowed": True}),
        (SEEN | {"ordersAllowed": False}, {"registered": BOTH, "detected": BOTH[1], "allowed": False}),
    ],
)  # fmt: skip
def test_addresses_in_every_shape(told: Any, expected: dict[str, Any]) -> None:
    assert read(ADDRESS, told) == FactReading(fact=addresses(**expected))


@pytest.mark.parametrize(
    ("status", "allowed"),
    [("MATCH", True), ("match", True), ("PRIMARY_MATCH", True), ("SECONDARY_MATCH", True), ("MISMATCH", False),
     ("NO_MATCH", False), ("not matched", False), ("", None), ("UNKNOWN", None)],
)  # fmt: skip
def test_where_orders_allowed_is_not_told_the_match_is_the_word(status: str, allowed: bool | None) -> None:
    assert read(ADDRESS, DOCUMENTED | {"ipMatchStatus": status}).fact == addresses(registered=BOTH, allowed=allowed)


@pytest.mark.parametrize(
    "said",
    ["No IP found for the user", "no static IP registered", "IP not found", "IP address has not been configured",
     "Static IP is not set", "No IPs added"],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_that_no_address_is_registered_may_come_as_an_error(said: str, status: int) -> None:
    for body in ([{"message": said, "status": "ERROR"}], {"message": said, "status": "ERROR"}, error("DH-906", said)):
        assert read(ADDRESS, body, status).fact == addresses(registered=())


@pytest.mark.parametrize(
    ("body", "lack"),
    [
        ([{"message": "Invalid IP", "status": "ERROR"}], Lack.REFUSED),
        ([{"message": "IP not whitelisted", "status": "ERROR"}], Lack.REFUSED),
        ([{"message": "No IP match", "status": "ERROR"}], Lack.UNAVAILABLE),
        ([{"message": "Something went wrong", "status": "ERROR"}], Lack.UNAVAILABLE),
        ([], Lack.UNAVAILABLE),
        ([[], []], Lack.UNAVAILABLE),
        ({"modifyDatePrimary": "2026-09-28"}, Lack.UNAVAILABLE),
        ({"secondaryIP": ""}, Lack.UNAVAILABLE),
        ({"secondaryIP": "49.36.10.2", "detectedIP": "49.36.10.1"}, Lack.UNAVAILABLE),
        ({"primaryIP": "10.420.29.14", "secondaryIP": "10.420.43.12"}, Lack.UNAVAILABLE),
        ({"primaryIP": "4" * 5000}, Lack.UNAVAILABLE),
        ({"primaryIP": ["49.36.10.1"]}, Lack.UNAVAILABLE),
    ],
)
def test_what_tells_no_address_is_not_taken_for_none_registered(body: Any, lack: Lack) -> None:
    assert read(ADDRESS, body).lack is lack


@pytest.mark.parametrize(
    ("known", "source_ip", "expected"),
    [
        ({"registered": BOTH, "allowed": True}, "8.8.8.8", True),  # the broker's own word before all
        ({"registered": BOTH, "detected": BOTH[0], "allowed": False}, None, False),
        ({"registered": (), "allowed": True}, None, True),
        ({"registered": ()}, "8.8.8.8", False),  # orders need one
        ({"registered": BOTH, "detected": BOTH[1]}, None, True),
        ({"registered": BOTH, "detected": "8.8.8.8"}, BOTH[0], False),  # the broker saw better than the rules say
        ({"registered": BOTH}, BOTH[1], True),
        ({"registered": BOTH}, "::ffff:49.36.10.2", True),
        ({"registered": ("2406:da00::7",)}, "2406:DA00:0:0::0007", True),
        ({"registered": BOTH}, "8.8.8.8", False),
        ({"registered": BOTH}, "10.0.0.5", None),  # a router stands before it
        ({"registered": BOTH}, "127.0.0.1", None),
        ({"registered": ("127.0.0.1",)}, "127.0.0.1", True),
        ({"registered": BOTH}, None, None),
        ({"registered": BOTH}, "nonsense", None),
        ({"allowed": None}, BOTH[0], None),
    ],
)
def test_what_the_start_can_know_of_an_accounts_address(
    known: dict[str, Any], source_ip: str | None, expected: bool | None
) -> None:
    assert addresses(**known).takes_orders(source_ip) is expected


# ---- the kill switch ------------------------------------------------------------------------------------------------

DONE = "Kill Switch has been successfully activated"


def kill(active: bool | None, text: str) -> BrokerKill:
    return BrokerKill(account=ACCOUNT, as_of=AS_OF, active=active, text=text)


@pytest.mark.parametrize(
    ("said", "active"),
    [
        ("ACTIVATE", True),
        ("DEACTIVATE", False),
        ("Active", True),
        ("INACTIVE", False),
        (True, True),
        (False, False),
        (DONE, True),
        (DONE.upper(), True),
        ("Kill Switch is already active", True),
        ("Kill Switch has been successfully deactivated", False),
        ("Kill switch is in-active", False),
        ("Kill Switch is not active", False),
        ("Kill Switch cannot be activated as positions are open", False),
        ("Kill Switch cannot be deactivated", None),
        ("Kill Switch", None),
        ("7", None),
    ],
)
def test_the_state_of_the_kill_switch_is_a_word_or_a_sentence(said: Any, active: bool | None) -> None:
    row = {"dhanClientId": ACCOUNT, "killSwitchStatus": said}
    for told in (row, {"data": row}, [row], {"KILL_SWITCH_STATUS": said}, {"status": "SUCCESS", "message": said}):
        assert read(KILL_STATE, told).fact == kill(active, str(said))


def test_a_kill_switch_that_was_turned_on_says_so() -> None:
    assert read(KILL, {"dhanClientId": ACCOUNT, "killSwitchStatus": DONE}).fact == kill(True, DONE)
    assert read(KILL, {"killSwitchStatus": "Request received"}).fact == kill(None, "Request received")
    for body in (error("DH-906", "Kill switch is already active"), error(None, "Already activated")):
        assert read(KILL, body, 400).fact == kill(True, body["errorMessage"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("DH-906", "Kill Switch cannot be activated while positions or pending orders are open")),
        (400, error("DH-905", "Please close all open positions", "Input_Exception")),
        (400, error("DH-906", "already: positions are open")),
        (422, error(None, "Pending orders exist")),
        (200, error("DH-906", "Open positions exist")),
        (200, {"status": "failure", "remarks": "Open positions exist"}),
        (200, {"dhanClientId": ACCOUNT, "killSwitchStatus": "Kill Switch could not be activated: not flat"}),
    ],
)
def test_a_kill_switch_that_dhan_refuses_is_certainly_not_on(status: int, body: Any) -> None:
    reading = read(KILL, body, status)
    assert (reading.fact, reading.lack) == (None, Lack.NOT_NOW)
    assert any(word in reading.why for word in ("position", "Pending", "not flat"))


@pytest.mark.parametrize(
    ("status", "body", "lack"),
    [
        (500, error("DH-908", "Internal Server Error"), Lack.UNAVAILABLE),
        (400, error("DH-909", "could not talk to the backend", "Network_Error"), Lack.UNAVAILABLE),
        (408, error("DH-906", "too late"), Lack.UNAVAILABLE),
        (301, error("DH-906", "elsewhere"), Lack.UNAVAILABLE),
        (202, b"", Lack.UNAVAILABLE),
        (403, b"<html>CloudFront</html>", Lack.UNAVAILABLE),
        (400, error("DH-905", "Invalid IP", "Input_Exception"), Lack.REFUSED),
        (404, {"timestamp": "x", "status": 404, "error": "Not Found", "path": "/v2/killswitch"}, Lack.NOT_KNOWN),
        (200, {"dhanClientId": ACCOUNT}, Lack.UNAVAILABLE),
    ],
)
def test_any_other_answer_leaves_open_whether_it_is_on_or_says_why_it_cannot_be(
    status: int, body: Any, lack: Lack
) -> None:
    assert read(KILL, body, status).lack is lack


# ---- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", EVERY, ids=lambda question: type(question).__name__)
@pytest.mark.parametrize(
    ("status", "body", "lack"),
    [
        (401, error("DH-901", "expired"), Lack.REFUSED),
        (401, b"", Lack.REFUSED),
        (400, error("DH-906", "Invalid Token"), Lack.REFUSED),
        (401, {"status": "failed", "data": {"807": "token expired"}}, Lack.REFUSED),
        (429, error("DH-904", "Too many requests"), Lack.THROTTLED),
        (400, {"status": "failed", "data": {"805": "Too many requests"}}, Lack.THROTTLED),
        (404, {"timestamp": "x", "status": 404, "error": "Not Found", "path": "/v2/x"}, Lack.NOT_KNOWN),
        (502, b"<html>bad gateway</html>", Lack.UNAVAILABLE),
        (200, b"", Lack.UNAVAILABLE),
        (200, b'{"ddpi":', Lack.UNAVAILABLE),
        (200, {}, Lack.UNAVAILABLE),
        (200, {"surprise": []}, Lack.UNAVAILABLE),
        (200, "ACTIVATE", Lack.UNAVAILABLE),
        (200, [1, 2], Lack.UNAVAILABLE),
        (200, TOLD_PROFILE | DOCUMENTED | {"killSwitchStatus": DONE, "dhanClientId": OTHER}, Lack.UNAVAILABLE),
        (200, TOLD_PROFILE | DOCUMENTED | {"killSwitchStatus": DONE, "dhanClientId": True}, Lack.UNAVAILABLE),
    ],
)
def test_why_there_is_no_fact(question: AccountQuestion, status: int, body: Any, lack: Lack) -> None:
    assert read(question, body, status).lack is lack


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
ODD = JSON | st.sampled_from(
    ["", "NA", "0", "::1", "fe80::1%1", "255.255.255.255", 10**25, "é", "\ud800", "31/02/2026 1"]
)
STATUS = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 429, 500, 502])
KEYS = sorted({*TOLD_PROFILE, *SEEN, "killSwitchStatus", "message", "status", "errorCode", "data"})


@given(st.binary(max_size=300), STATUS)
def test_scenario_8_9_no_bytes_make_it_raise(raw: bytes, status: int) -> None:
    for question in EVERY:
        read(question, raw, status)


@tried(300)
@given(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=8), STATUS)
def test_scenario_8_9_no_values_make_it_raise(values: dict[str, Any], status: int) -> None:
    for question in EVERY:
        for whole in (values, [values], [values, SEEN], {"data": values}):
            fact = read(question, whole, status).fact
            if isinstance(fact, Addresses):
                assert fact.takes_orders("10.0.0.5") in (True, False, None)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        (PROFILE, READ_PROFILE),
        (ADDRESS, addresses(registered=BOTH, detected=BOTH[0], allowed=False)),
        (ADDRESS, addresses(registered=())),
        (KILL, kill(True, DONE)),
        (KILL_STATE, kill(False, "DEACTIVATE")),
        (KILL, None),
    ],
)
def test_an_answer_can_be_journalled_and_read_again(question: Any, fact: Fact | None) -> None:
    event = FactArrived(at=AS_OF, account=ACCOUNT, question=question, fact=fact, why="", lack=Lack.NOT_NOW)
    assert msgspec.json.decode(msgspec.json.encode(event), type=FactArrived) == event
