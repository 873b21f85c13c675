"""Answers kept as they came: every key, every digit, and no answer that could not be read again."""

import json

import pytest

from copyctl.model.request import Answer, Passage
from copyctl.wire.dhan.dialect import Dhan

ME, OTHER = "1100000001", "1100000002"
ROW = {"dhanClientId": ME, "orderId": "122609150001234", "orderStatus": "PENDING", "quantity": 130, "odd": None}
FUNDS = f'{{"dhanClientId":"{ME}","availabelBalance":98440.10,"sodLimit":113642}}'


def said(body: str, status: int = 200) -> Answer:
    return Answer(passage=Passage.ANSWERED, at=0, status=status, body=body.encode())


@pytest.mark.parametrize("body", [json.dumps([ROW]), json.dumps({"data": [ROW]}, indent=2), json.dumps([ROW, "x"])])
def test_rows_are_kept_with_every_key_in_one_line(body: str) -> None:
    kept = Dhan().verbatim("book", said(body), ME)
    assert (json.loads(kept.text), kept.why) == ([ROW], "")
    assert "\n" not in kept.text


def test_numbers_keep_their_digits() -> None:
    assert Dhan().verbatim("funds", said(FUNDS), ME).text == FUNDS
    row = json.dumps(ROW).replace("130", '130, "price": 101.10').replace(" ", "")
    assert Dhan().verbatim("book", said(f"[{row}]"), ME).text == f"[{row}]"


def test_nothing_there_is_an_empty_book() -> None:
    nothing = '{"errorType":"x","errorCode":"DH-1111","errorMessage":"No holdings available"}'
    assert Dhan().verbatim("book", said(nothing, 500), ME).text == "[]"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("book", "<html>", 502),
        ("book", '{"orderId": ', 200),
        ("book", '[{"orderStatus": "PENDING"}]', 200),
        ("trades", '"text"', 200),
        ("positions", "{}", 200),
        ("holdings", "<html>", 200),
        ("funds", '{"sodLimit": 5}', 200),
        ("funds", FUNDS.replace(ME, OTHER), 200),
    ],
)
def test_what_could_not_be_read_again_is_not_kept(kind: str, body: str, status: int) -> None:
    kept = Dhan().verbatim(kind, said(body, status), ME)
    assert kept.text == ""
    assert kept.why


def test_half_a_pair_of_a_character_and_no_number_are_kept_as_what_can_be_read_again() -> None:
    body = json.dumps([ROW]).replace('"odd": null', '"odd": "a\\ud800é", "\\udfff": NaN')
    (row,) = json.loads(Dhan().verbatim("book", said(body), ME).text)
    assert (row["odd"], row["?"]) == ("a?é", None)


def test_a_refused_token_and_too_many_questions_are_told_apart() -> None:
    refused = '{"errorType":"Invalid_Authentication","errorCode":"DH-901","errorMessage":"Client ID or token invalid"}'
    many = '{"errorType":"Rate_Limit","errorCode":"DH-904","errorMessage":"Too many requests"}'
    assert Dhan().verbatim("book", said(refused, 401), ME).refused
    assert Dhan().verbatim("book", said(many, 429), ME).throttled
