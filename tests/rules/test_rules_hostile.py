"""No file makes lint fall over or hang: bytes that are no text, files made to hurt, good files spoiled byte by byte.

Of whatever is thrown at it lint gives findings whose place lies in the file, in every format, within seconds.
"""

import json
import time
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from rules_sample import EVERY_KEY, ROOT, small, write

from copyctl.rules import (
    AtHand,
    Contract,
    Finding,
    Listing,
    errors,
    junit,
    lint,
    render,
    sarif,
    show,
    workflow_commands,
)
from tests.properties import tried

SECONDS = 60.0
"""Far more than any of these takes, far less than a hang."""

LISTING = Listing(contracts={"NIFTY": {Contract("NSE_FNO", "OPTIDX", 65)}}, shares=(), has="1".__eq__)
AT_HAND = AtHand(
    today=date(2026, 11, 30), listing=lambda source, store: LISTING, calendar_end=lambda store, name: date(2026, 1, 1)
)
GOOD = yaml.safe_dump(small(), sort_keys=False)
EXAMPLES = sorted((ROOT / "examples" / "lint").glob("*/*.yaml"))


def linted(folder: Path, content: bytes, at_hand: AtHand = AT_HAND) -> list[Finding]:
    """What is found in a file with these bytes: soon, in the file, and sayable in every format."""
    path = folder / "rules.yaml"
    path.write_bytes(content)
    began = time.monotonic()
    found = lint([path], at_hand)
    for say in (render, sarif, workflow_commands):
        json.dumps(say(found))
    junit(found, [str(path)])
    assert time.monotonic() - began < SECONDS
    most = len(content.decode(errors="replace").splitlines()) + 1
    assert all(1 <= one.line <= most and one.column >= 1 for one in found if one.file == str(path))
    if not errors(found):
        show(path)
    return found


MANY = tried(80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(st.binary(max_size=300))
@example(b"\x00")
@example(b"\xff\xfe" + "version: 1".encode("utf-16-le"))
@example("version: 1".encode("utf-32"))
@example(b"\xed\xa0\x80: 1")
@example(b"\xf4\x90\x80\x80: 1")
def test_any_bytes_give_findings(tmp_path: Path, content: bytes) -> None:
    assert errors(linted(tmp_path, content))


SIGNS = st.sampled_from(
    [
        *(
            b"\x00",
            b"\xef\xbb\xbf",
            b"\r\n",
            b"\r",
            b"\t",
            b"\x85",
            b"\xe2\x80\xa8",
            b"\x1b",
            b"\xff",
            b"\xf0\x9f\x92\xa5",
        ),
        *(b"!", b"!!python/object:os.system ", b"!!set ", b"!!binary ", b"!!timestamp ", b"!<x> ", b"%YAML 9.9\n---\n"),
        *(
            b"<<: ",
            b"<<: *a",
            b"&a ",
            b"*a ",
            b"? ",
            b"- ",
            b": ",
            b"|\n",
            b">-\n",
            b"---\n",
            b"...\n",
            b"#",
            b"'",
            b'"',
        ),
        *(
            b"9" * 400,
            b"1e999",
            b"-0",
            b"0x7fffffff",
            b".nan",
            b"1_000",
            b"12:30:45",
            b"~",
            b"=",
            b"${",
            b"${file:/dev/zero}",
        ),
    ]
)


@MANY
@given(
    st.sampled_from([EVERY_KEY, *EXAMPLES]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SIGNS), min_size=1, max_size=4),
)
def test_a_spoiled_file_gives_findings(tmp_path: Path, source: Path, changes: list[tuple[float, int, bytes]]) -> None:
    content = source.read_bytes()
    for where, length, sign in changes:
        at = int(where * len(content))
        content = content[:at] + sign + content[at + length :]
    linted(tmp_path, content)


@MANY
@given(st.sampled_from(EXAMPLES), st.sampled_from(EXAMPLES), st.floats(0, 1), st.floats(0, 1))
def test_halves_of_two_files_give_findings(tmp_path: Path, one: Path, two: Path, cut: float, again: float) -> None:
    head, tail = one.read_bytes(), two.read_bytes()
    linted(tmp_path, head[: int(cut * len(head))] + tail[int(again * len(tail)) :])


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{q}: &{q} [{', '.join([f'*{p}'] * 9)}]\n" for p, q in zip("abcdefgh", "bcdefghi", strict=True)
)
MAP_LAUGHS = "a: &a {x: 1}\n" + "".join(
    f"{q}: &{q} {{{', '.join(f'k{n}: *{p}' for n in range(9))}}}\n" for p, q in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        *(GOOD + LAUGHS, GOOD + MAP_LAUGHS, GOOD + "x: &x {<<: *x}\n", GOOD + "x: &x [*x]\n", GOOD + "? {a: 1}\n: 2\n"),
        *("[" * 400_000, "{a: " * 150_000, "- " * 200_000, "? " * 200_000, "!" * 300_000, "&a " * 100_000),
        *("a: " + "9" * 900_000, "'" * 900_001, "#" * 900_000, "a:\n" * 250_000, "\n" * 900_000, "- x\n" * 200_000),
        GOOD + "followers: [" + "{name: a, client_id: '2', access_token: '${T}'}, " * 2_500 + "]\n",
        GOOD.replace("ratio: 0.5", f"ratio: 0.{'3' * 5_000}"),
        "\n".join(f"{'  ' * depth}k:" for depth in range(900)),
    ],
    ids=lambda content: ascii(content[-12:]),
)
def test_a_file_made_to_hurt_is_refused_soon(tmp_path: Path, content: str) -> None:
    assert errors(linted(tmp_path, content.encode()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "---\n" + text,
        lambda text: "%YAML 1.2\n---\n" + text,
        lambda text: text + "...\n",
        lambda text: text + "\n\n# the end",
        lambda text: text.rstrip("\n"),
    ],
    ids=["mark", "windows", "document", "directive", "end", "comment", "no last line end"],
)
def test_what_editors_and_systems_do_to_a_file_changes_nothing(tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    assert linted(tmp_path, spoil(GOOD).encode(), AtHand()) == []


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ("logging: !!python/object/apply:os.system {level: info}\n", ["R102"]),
        ("logging: !!map {level: info}\n", []),
        ("logging: &l {level: info}\nalerts: {<<: *l}\n", ["R111"]),
        ("logging: {level: info\x00}\n", ["R102"]),
        ("logging:\n\tlevel: info\n", ["R102"]),
        ("---\nversion: 1\n", ["R102"]),
        ("name: twice\n", ["R103"]),
    ],
)
def test_what_yaml_can_do_and_a_rules_file_must_not_is_told(tmp_path: Path, more: str, codes: list[str]) -> None:
    assert [one.code for one in linted(tmp_path, (GOOD + more).encode(), AtHand())] == codes


def test_a_name_that_is_a_folder_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    file = write(tmp_path, {**small(), "extends": "folder.yaml"})
    assert [one.code for one in lint([file, tmp_path / "folder.yaml"])] == ["R101", "R101"]
