"""The pulse of a run: a small file for those who look on."""

from pathlib import Path

import pytest

from copyctl.edge.pulse import FILE, read_pulse, write_pulse
from copyctl.model.pulse import Pulse, Reads

PULSE = Pulse(at=7, accounts={"1001": Reads(data=5, quotes=1, other=18)})


def test_a_pulse_comes_back_as_it_was_written_and_only_the_last_one(tmp_path: Path) -> None:
    write_pulse(tmp_path, Pulse(at=1, accounts={}))
    write_pulse(tmp_path, PULSE)
    assert read_pulse(tmp_path) == PULSE
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": "x"}', b"\xff"])
def test_a_pulse_that_cannot_be_read_is_none(content: bytes, tmp_path: Path) -> None:
    assert read_pulse(tmp_path) is None
    (tmp_path / FILE).write_bytes(content)
    assert read_pulse(tmp_path) is None


def test_a_pulse_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_pulse(tmp_path / "gone", PULSE)
