"""What is said of the port of the metrics, and of addresses that are not encrypted."""

from pathlib import Path

import pytest
from rules_sample import small, write

from copyctl.rules import lint


@pytest.mark.parametrize(
    ("listen", "codes"),
    [
        ("127.0.0.1:9464", []),
        ("localhost:9464", []),
        ("[::1]:9464", []),
        ("127.0.0.1:0", ["R116"]),
        ("127.0.0.1:65536", ["R116"]),
        ("0.0.0.0:9464", ["R231"]),
        ("[::]:9464", ["R231"]),
        ("monitor.example:9464", ["R231"]),
    ],
)
def test_a_port_that_does_not_exist_or_that_others_reach_is_told(listen: str, codes: list[str], tmp_path: Path) -> None:
    assert [one.code for one in lint([write(tmp_path, small(metrics={"listen": listen}))])] == codes


@pytest.mark.parametrize(
    ("broker", "told"),
    [
        ({"rest_url": "http://api.dhan.example/v2"}, ["broker.rest_url"]),
        ({"rest_url": "http://10.0.0.7/v2"}, ["broker.rest_url"]),
        ({"order_update_url": "ws://[2001:db8::1]:9"}, ["broker.order_update_url"]),
        ({"instruments": "http://images.example/list.csv"}, ["broker.instruments"]),
        ({"rest_url": "https://api.dhan.example/v2", "order_update_url": "wss://orders.example"}, []),
        ({"rest_url": "http://127.0.0.1:8080/v2", "order_update_url": "ws://localhost:8080"}, []),
        ({"rest_url": "http://[::1]:8080/v2"}, []),
        ({"instruments": "http.csv"}, []),
        ({"rest_url": "http://[::1/v2"}, []),
        ({"rest_url": "${WHERE}"}, []),
        ({}, []),
    ],
)
def test_an_address_that_is_not_encrypted_is_told_unless_it_is_here(
    broker: dict[str, str], told: list[str], tmp_path: Path
) -> None:
    found = lint([write(tmp_path, small(broker={"adapter": "dhan", **broker}))])
    assert [one.path for one in found if one.code == "R235"] == told
