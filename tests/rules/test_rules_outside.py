"""What is said of the port of the metrics."""

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
