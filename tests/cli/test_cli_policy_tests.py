"""``copyctl test``: what it says, how it ends, and that it needs nothing but the files."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tests.cli.world import BARE, Said, copyctl, process

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "rules").glob("*.yaml"))
POLICIES = [path for path in SHIPPED if not path.name.endswith(".cases.yaml")]
HEAVY = {"pandas", "duckdb", "dhanhq", "requests", "aiohttp", "exchange_calendars", "websockets"}
CASES = f"""\
version: 1
rules: {ROOT / "rules" / "half-size.yaml"}
given:
  time: 2026-08-03 10:15
  instruments:
    CE: {{segment: NSE_FNO, instrument: OPTIDX, underlying: NIFTY, expiry: 2026-08-25, lot_size: 65, price: 100}}
cases:
  - name: half of it
    orders: [BUY 260 CE LIMIT 101.5]
    expect: {{alice: copied 130, bob: copied 65}}
  - name: half of it, <or so>
    orders: [BUY 260 CE LIMIT 101.5 PENDING, SELL 65 CE MARKET]
    expect: {{alice: [copied 195, queued], bob: [copied 65, refused]}}
"""


@pytest.fixture
def cases(tmp_path: Path) -> str:
    """A file with a case that passes and one that fails."""
    path = tmp_path / "desk.cases.yaml"
    path.write_text(CASES)
    return str(path)


def ran(*files: str | Path, form: str = "json") -> Said:
    return copyctl("test", "--format", form, *map(str, files))


# ---- what ships -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_that_ships_has_its_tests_and_keeps_them(path: Path) -> None:
    done = ran(path.with_suffix(".cases.yaml"))
    said = json.loads(done.stdout)
    assert [one for one in said["cases"] if not one["ok"]] == []
    assert said["passed"] >= 1
    assert done.returncode == 0


def test_they_are_of_no_other_file_and_clean() -> None:
    of = {path.name.replace(".cases.yaml", ".yaml") for path in SHIPPED if path not in POLICIES}
    assert of == {path.name for path in POLICIES}
    done = copyctl("lint", "--strict", *map(str, SHIPPED))
    assert (done.returncode, done.stdout) == (0, "")


def test_rules_files_stand_for_the_tests_beside_them_and_each_is_run_once() -> None:
    said = [json.loads(ran(*files).stdout) for files in (SHIPPED, POLICIES, set(SHIPPED) - set(POLICIES))]
    assert len({one["passed"] for one in said}) == 1
    assert [one["failed"] for one in said] == [0, 0, 0]


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_json_has_the_keys_of_the_contract(cases: str) -> None:
    done = process("test", cases)
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert done.stderr == "1 passed, 1 failed\n"
    assert (said["passed"], said["failed"]) == (1, 1)
    for one in said["cases"]:
        assert {"file", "name", "ok", "wanted", "got"} <= set(one)
        assert one["file"] == cases
        assert len(one["wanted"]) == len(one["got"])
    assert [one["ok"] for one in said["cases"]] == [True, False]


def test_a_table_shows_wanted_beside_got(cases: str) -> None:
    done = ran(cases, form="table")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"passed  {cases}:8  half of it"
    assert lines[1] == f"FAILED  {cases}:11  half of it, <or so>"
    assert lines[2:5] == [
        "  alice, order 1: quantity",
        "    wanted  copied 195",
        "    got     copied 130",
    ]
    assert "0.5 x 260 = 130, in lots of 65" in lines[5]


def test_junit_has_a_suite_for_each_file_and_a_failure_for_each_case_that_fails(cases: str) -> None:
    done = ran(cases, ROOT / "rules" / "simulator.yaml", form="junit")
    assert done.returncode == 1
    assert done.stdout.isascii()
    root = Xml.fromstring(done.stdout)  # noqa: S314  (our own document)
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "3", "1")
    first, second = root
    assert (first.attrib["name"], first.attrib["tests"], first.attrib["failures"]) == (cases, "2", "1")
    assert second.attrib["failures"] == "0"
    passed, failed = first
    assert (passed.attrib["name"], passed.attrib["line"], list(passed)) == ("half of it", "8", [])
    (failure,) = failed
    assert failed.attrib["name"] == "half of it, <or so>"
    assert failure.attrib["message"].startswith("alice")
    assert failure.text is not None
    assert "wanted  copied 195" in failure.text


def test_quiet_says_no_sum(cases: str) -> None:
    assert copyctl("-q", "test", "--format", "json", cases).stderr == ""


# ---- what cannot be run ---------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_any_file_is_told_at_once(cases: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a.cases.yaml", tmp_path / "b.cases.yaml"
    first.write_text(CASES.replace("BUY 260 CE", "BYU 260 CX"))
    second.write_text(CASES.replace("half-size.yaml", "half-sise.yaml"))
    done = ran(cases, first, second)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count(f"{first}:9:") == 2
    assert "hint: did you mean BUY?" in done.stderr
    assert f"{second}:2:8: error R502" in done.stderr
    assert f"{cases}:" not in done.stderr


def test_a_yaml_error_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.cases.yaml"
    file.write_text("version: 1\nrules: [unclosed\n")
    done = ran(file)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}:3:1: error R102" in done.stderr


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = ran(tmp_path / "nowhere.cases.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"copyctl: there is no file {tmp_path / 'nowhere.cases.yaml'}\n"


def test_rules_without_tests_are_told_and_alone_are_no_success(cases: str, tmp_path: Path) -> None:
    bare = tmp_path / "bare.yaml"
    bare.write_text((ROOT / "rules" / "mirror.yaml").read_text())
    both = ran(cases, bare)
    assert both.returncode == 1
    assert f"{bare} has no policy tests: there is no file {tmp_path / 'bare.cases.yaml'}" in both.stderr
    alone = ran(bare)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "nothing was tested" in alone.stderr


def test_lint_tells_what_is_wrong_with_policy_tests_in_every_format(tmp_path: Path) -> None:
    file = tmp_path / "odd.cases.yaml"
    file.write_text(CASES.replace("expect: {alice: copied 130", "expect: {alcie: copied 130"))
    done = copyctl("lint", "--format", "github", str(file))
    assert done.returncode == 1
    assert done.stdout.startswith(f"::error file={file},line=10,col=14,title=R208 cases[0].expect.alcie::")
    assert "did you mean alice?" in done.stdout


def test_schema_prints_that_of_policy_tests() -> None:
    said = json.loads(copyctl("schema", "policy-test").stdout)
    assert "cases" in said["properties"]
    refused = copyctl("schema", "policy-test", "--format", "markdown")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_it_needs_no_variable_and_loads_nothing_heavy(cases: str) -> None:
    words = ["-X", "importtime", "-m", "copyctl", "test", cases]
    done = subprocess.run([sys.executable, *words], env=BARE, capture_output=True, text=True, check=False)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert done.returncode == 1
    assert "copyctl.lab.policy_tests" in loaded
    assert {one.split(".")[0] for one in loaded}.isdisjoint(HEAVY)
