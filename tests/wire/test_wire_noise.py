"""Whatever a stream brings, nothing raises, nothing is guessed, and what is unreadable says why."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from wire_sample import ACCOUNT, DATA, REPORT, frame, read, report

from copyctl.model.reading import FrameReading
from copyctl.wire.dhan.frames import LARGEST_FRAME
from tests.properties import tried

# ---- noise and nonsense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b'{"Type":"other"}', b'{"type":"pong","Data":{}}', b"{}", b'{"status":"connected"}'])
def test_scenario_8_9_another_kind_of_message_is_readable_and_tells_nothing(raw: bytes) -> None:
    assert read(raw) == FrameReading()


@pytest.mark.parametrize("client", ["1100000002", 1100000002])
def test_an_order_of_another_account_is_readable_and_tells_nothing(client: Any) -> None:
    assert read(frame(DATA | {"clientId": client})) == FrameReading()


@pytest.mark.parametrize("client", [None, "", "NA"])
def test_a_frame_without_an_account_is_of_the_streams_own(client: Any) -> None:
    assert read(frame(DATA | {"clientId": client})).reports == (REPORT,)


GOOD = frame(DATA)


@pytest.mark.parametrize(
    "raw",
    [
        b"2",
        b"",
        b" ",
        b"3.5",
        b'"text"',
        b"null",
        b"true",
        b"[]",
        b"[" + GOOD + b"]",
        b"ping",
        b"\x00\x01\x02\xff\xfe",
        b"\x00\x00\x00\x00\x2a",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + b"}",
        b'{"Type":"order_alert"}',
        b'{"Type":"order_alert","Data":null}',
        b'{"Type":"order_alert","Data":[]}',
        b'{"Type":"order_alert","Data":"{}"}',
        b'{"Type":"order_alert","Data":{}}',
        b'{"Data":{"orderNo":"1"}}',
        b'{"Type":"order_alert","Data":{"orderNo":"1","price":1e99999999999999999999}}',
        b'{"Type":"order_alert","Data":{"orderNo":"1","quantity":' + b"9" * 9_000 + b"}}",
        b"[" * 200_000,
        b'{"Type":' * 100_000,
        b'{"Type":"order_alert","Data":{"orderNo":"1","pad":"' + b"x" * LARGEST_FRAME + b'"}}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_scenario_8_9_what_is_no_order_is_unreadable_with_a_reason(raw: bytes) -> None:
    reading = read(raw)
    assert reading.reports == ()
    assert reading.why != ""
    assert len(reading.why) < 300


@pytest.mark.parametrize(
    "changes",
    [
        *({"orderNo": value} for value in (None, "", "NA", 0, "0", True, {}, [], "../trades", "1 2", 1.5, "x" * 65)),
        *({"quantity": value} for value in (-130, "-1", 130.5, "130.5", "many", True, {}, [], 10**30, "1_000", "١٣٠")),
        *({"tradedQty": value} for value in (-1, 0.5, 131, "131", "x", float("inf"))),
        *({"price": value} for value in (-0.05, "-1", "free", "1e400", float("inf"), "Infinity", True, [])),
        *({"triggerPrice": value} for value in (-1, "x")),
        *({"discQuantity": value} for value in (-1, 0.5)),
        *({"avgTradedPrice": value} for value in (-1, "x")),
        *({"legNo": value} for value in (4, "X", -1)),
        {"status": "Traded", "tradedQty": 0, "remainingQuantity": 0},
        {"quantity": 0, "tradedQty": 1},
    ],
    ids=repr,
)
def test_scenario_8_9_numbers_that_no_order_has_are_never_read(changes: dict[str, Any]) -> None:
    reading = read(frame(DATA | changes))
    assert reading.reports == ()
    assert reading.why != ""


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbf" + GOOD, b"\n" + GOOD + b"\r\n", GOOD.replace(b"101.1,", b"NaN,")])
def test_a_frame_in_the_standard_librarys_wider_json_is_read(raw: bytes) -> None:
    assert [replace(seen, last_price=Decimal("101.1")) for seen in read(raw).reports] == [REPORT]


def test_of_a_key_that_comes_twice_the_last_value_counts() -> None:
    raw = GOOD.decode().replace('"remarks": "NR"', '"Remarks": "Super Order", "Remarks": "NR"')
    assert read(raw).reports == (REPORT,)
    raw = GOOD.decode().replace('"remarks": "NR"', '"Remarks": "NR", "remarks": "Super Order"')
    assert read(raw).reports == (replace(REPORT, super_order=True),)


def test_new_keys_do_no_harm() -> None:
    assert report(orderKind="iceberg", nested={"a": [1]}, **{"k" * 5_000: 1}) == REPORT


def test_text_is_always_fit_to_be_stored_and_of_bounded_length() -> None:
    raw = GOOD.decode().replace('"CONFIRMED"', '"\\ud800 lone"').replace('"Pending"', f'"{"y" * 3_000}"')
    seen = read(raw)
    if seen.reports:
        seen.reports[0].text.encode()
        assert len(seen.reports[0].status_text) <= 80
    assert len(report(reasonDescription="z" * 100_000).text) == 1_000


# ---- anything -------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=20,
)
ODD = JSON | st.sampled_from(
    [
        "",
        "NA",
        "0",
        "-1",
        "1e5",
        "1e999",
        "NaN",
        "Infinity",
        "0001-01-01 00:00:00",
        10**25,
        -(10**25),
        "é",
        "\ud83d\ude00",
    ]
)


def holds(reading: FrameReading) -> None:
    """What is true of every reading."""
    assert not (reading.reports and reading.why)
    for seen in reading.reports:
        assert seen.order_id
        assert seen.account == ACCOUNT
        assert type(seen.filled) is int
        assert seen.filled >= 0
        assert isinstance(seen.average_price, Decimal)
        assert seen.average_price >= 0
        assert "float" not in {type(getattr(seen, name)).__name__ for name in seen.__slots__}
        if seen.terms is not None:
            assert seen.terms.quantity >= max(1, seen.filled)
            assert seen.terms.price >= 0
            assert seen.terms.price.is_finite()


@given(st.binary(max_size=400))
def test_scenario_8_9_no_bytes_make_it_raise(raw: bytes) -> None:
    holds(read(raw))


@given(st.text(max_size=400))
def test_scenario_8_9_no_text_makes_it_raise(raw: str) -> None:
    holds(read(raw.encode("utf-8", "surrogatepass")))


@given(JSON)
def test_scenario_8_9_no_json_makes_it_raise(value: Any) -> None:
    holds(read(json.dumps(value)))
    holds(read(frame(value)))


@tried(400)
@given(st.dictionaries(st.sampled_from(sorted(DATA)), ODD, max_size=6))
def test_scenario_8_9_no_values_in_an_order_make_it_raise(changes: dict[str, Any]) -> None:
    holds(read(frame(DATA | changes)))


@given(st.integers(min_value=0, max_value=len(GOOD)), st.binary(max_size=3))
def test_scenario_8_9_no_damage_to_a_frame_makes_it_raise(place: int, damage: bytes) -> None:
    holds(read(GOOD[:place] + damage + GOOD[place + len(damage) :]))
    holds(read(GOOD[:place]))
