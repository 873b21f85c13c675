"""What may not stand on a tape does not, and all else stays as it came."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copyctl.edge.disguise import Disguise
from copyctl.edge.logs import register_secret
from tests.properties import tried

LEADER, ALICE = "1100000001", "1100000002"
TOKEN = "eyJhbGciOiJIUzUxMiJ9.disguise.token-of-nobody"
PIN = "482915"

texts = st.text(max_size=12) | st.sampled_from(
    [LEADER, ALICE, f"{LEADER}-4711", f"x{ALICE}y", f"99{ALICE}", TOKEN, f"a {TOKEN} b", PIN, f"pin {PIN}", "NR", ""]
)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none() | st.sampled_from([int(LEADER), int(ALICE)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """Without its texts and numbers."""
    if isinstance(value, dict):
        return [shape(part) for part in value.values()]
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


@tried(300)
@given(value=values, anonymous=st.booleans(), seed=st.integers(0, 9))
def test_whatever_json_says_neither_secret_nor_number_is_in_it_afterwards_and_its_shape_is_the_same(
    value: Any, anonymous: bool, seed: int
) -> None:
    register_secret(TOKEN)
    register_secret(PIN)
    numbers = {ALICE, LEADER} if anonymous else {ALICE}
    disguise = Disguise(numbers, random.Random(seed), anonymous=anonymous)
    came = json.dumps(value)
    kept = disguise.text(came)
    assert not any(one in kept for one in (TOKEN, ALICE, *((LEADER,) if anonymous else ())))
    assert f'"{PIN}"' not in kept
    assert len(shape(json.loads(kept))) == len(shape(value)) or isinstance(value, dict)
    if not any(one in came for one in (TOKEN, PIN, LEADER, ALICE, "eyJ")):
        assert kept == came
    assert disguise.text(came) == kept  # the same each time


@tried(60)
@given(numbers=st.sets(st.from_regex(r"[1-9][0-9]{5,11}", fullmatch=True), min_size=1, max_size=5), seed=st.integers())
def test_invented_numbers_are_as_long_and_nobody_elses(numbers: set[str], seed: int) -> None:
    disguise = Disguise(numbers, random.Random(seed))
    invented = {one: disguise.number(one) for one in numbers}
    assert all(len(one) == len(other) and other.isdigit() and other[0] != "0" for one, other in invented.items())
    assert len(set(invented.values())) == len(numbers)
    assert numbers.isdisjoint(invented.values())
    assert all(disguise.text(f"<{one}-7>") == f"<{other}-7>" for one, other in invented.items())


def test_a_frame_without_a_secret_stays_byte_for_byte_as_it_came() -> None:
    odd = '{ "Type":"order_alert","Data":{"price":101.10,"Remarks":"a","Remarks":"b","x":"\\u20b9","clientName":"Ann"}}'
    assert Disguise({ALICE}, random.Random(1)).text(odd) == odd
    assert Disguise({ALICE}, random.Random(1), anonymous=True).text(odd) == odd.replace("Ann", "")


def test_noise_that_is_no_json_is_masked_where_it_stands() -> None:
    register_secret(TOKEN)
    assert Disguise((), random.Random(1)).text(f"noise {TOKEN} {{") == "noise *** {"


def test_a_quantity_that_looks_like_a_pin_stays_a_number() -> None:
    register_secret(PIN)
    kept = json.loads(Disguise((), random.Random(1)).text(json.dumps({"quantity": int(PIN), "remarks": PIN})))
    assert kept == {"quantity": int(PIN), "remarks": "***"}
