import random

import pytest

from copyctl.edge.address import checked
from copyctl.edge.clock import SystemClock
from copyctl.edge.stream import OrderStream
from copyctl.edge.transport import DhanGateway


@pytest.mark.parametrize(
    "url", ["https://api.dhan.co/v2", "http://127.0.0.1:8080/v2", "http://[::1]:8080", "http://bücher.in"]
)
def test_a_place_where_something_could_be(url):
    assert checked(url, "http", "https") == url


NOWHERE = [
    "",
    "nonsense",
    "ftp://host",
    "http://",
    "http://a..b",
    f"http://{'x' * 70}.in",
    "http://h:99999",
    "http://[::1",
]


@pytest.mark.parametrize("url", [*NOWHERE, "http://h:0", "http://h:port"])
def test_a_place_where_nothing_can_be_is_refused_at_once_and_not_in_the_middle_of_a_run(url):
    with pytest.raises(ValueError, match="is no address"):
        DhanGateway(url, "1100000001", lambda: "token", timeout_seconds=1, clock=SystemClock())
    with pytest.raises(ValueError, match="is no address"):
        OrderStream(
            url.replace("http", "ws"),
            lambda: "login",
            lambda _raw: None,
            lambda _up, _why: None,
            initial_seconds=1,
            maximum_seconds=1,
            heartbeat_seconds=1,
            chance=random.Random(1),
        )
