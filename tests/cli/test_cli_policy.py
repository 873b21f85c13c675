"""``lint``, ``show``, ``schema``: without a variable set, without a network."""

import json
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from copyctl.edge.instruments import InstrumentMaster
from copyctl.edge.trading_days import kept_at
from copyctl.rules import CODES
from tests.cli.world import TOKENS, Desk, copyctl, document, process

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "lint"
LIMITS = {"limits": {"max_open_orders": 50}}
HALF = {"sizing": {"strategy": "fixed_ratio", "ratio": 0.5}, **LIMITS}


def written(folder: Path, name: str = "rules.yaml", **changes: object) -> str:
    path = folder / name
    path.write_text(yaml.safe_dump(document(**changes), sort_keys=False))
    return str(path)


def test_lint_of_a_good_file_finds_nothing(tmp_path: Path) -> None:
    done = copyctl("lint", written(tmp_path, policy=HALF))
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 file: 0 errors, 0 warnings" in done.stderr


def test_lint_tells_place_code_and_mend_and_ends_with_1(tmp_path: Path) -> None:
    file = written(tmp_path, policy={"sizing": {"strategy": "fixed_ratio", "ratoi": 0.5}, **LIMITS})
    done = copyctl("lint", file)
    assert done.returncode == 1
    assert f"{file}:" in done.stdout
    assert "R111" in done.stdout
    assert "hint: " in done.stdout


def test_lint_json_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    broken = written(tmp_path, "broken.yaml", policy={"sizing": {"strategy": "fixed_ratio", "ratoi": 0.5}, **LIMITS})
    done = process("lint", "--format", "json", broken, written(tmp_path, "good.yaml", policy=HALF))
    said = json.loads(done.stdout)
    assert (done.returncode, said["files"]) == (1, 2)
    for one in said["findings"]:
        assert {"file", "line", "column", "code", "severity", "message"} <= set(one)
        assert (one["file"], one["severity"]) == (broken, "error")
        assert one["line"] > 1


def test_a_yaml_syntax_error_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("version: 1\nname: [unclosed\n")
    done = copyctl("lint", "--format", "json", str(file))
    assert done.returncode == 1
    assert [one["code"] for one in json.loads(done.stdout)["findings"]] == ["R102"]


def test_warnings_are_findings_only_when_strict(tmp_path: Path) -> None:
    file = written(tmp_path, policy={**HALF, "checks": {"margin": False}})
    lax, strict = copyctl("lint", "--format", "json", file), copyctl("lint", "--format", "json", "--strict", file)
    assert {one["severity"] for one in json.loads(lax.stdout)["findings"]} == {"warning"}
    assert (lax.returncode, strict.returncode) == (0, 1)
    assert lax.stdout == strict.stdout


def test_lint_of_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = copyctl("lint", str(tmp_path / "nowhere.yaml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"copyctl: there is no file {tmp_path / 'nowhere.yaml'}\n"


def test_every_code_has_a_page_on_the_terminal() -> None:
    listed = json.loads(copyctl("lint", "--codes", "--format", "json").stdout)["codes"]
    assert [(one["code"], one["sentence"]) for one in listed] == list(CODES.items())
    table = copyctl("lint", "--codes").stdout
    for code in CODES:
        assert code in table
    assert copyctl("lint", "--codes", "--format", "markdown").stdout == (PAGES / "README.md").read_text()
    assert copyctl("lint", "--explain", "r227").stdout == (PAGES / "R227.md").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("--codes", "x.yaml"),
        ("--explain", "R999"),
        ("--codes", "--format", "sarif"),
        ("x.yaml", "--format", "markdown"),
    ],
)
def test_codes_and_findings_are_asked_for_apart(words: tuple[str, ...]) -> None:
    done = copyctl("lint", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_lint_looks_into_what_lies_beside_the_file(tmp_path: Path) -> None:
    """The list that a run has kept in the store's folder, the trading days likewise, and the day itself."""
    broker = {"adapter": "dhan", "instruments": "https://127.0.0.1:1/list.csv"}
    policy = {**HALF, "limits": {"max_underlying_lots": {"NIFTTY": 3, "RELIANCE": 5}}}
    policy["market_hours"] = {"holidays": ["2020-01-02"]}
    file = written(tmp_path, policy=policy, broker=broker, store={"path": "kept"})

    def codes() -> list[str]:
        return [one["code"] for one in json.loads(copyctl("lint", "--format", "json", file).stdout)["findings"]]

    assert codes() == ["R217"]
    kept = InstrumentMaster.kept_at(broker["instruments"], tmp_path / "kept")
    kept.parent.mkdir()
    kept.write_bytes((ROOT / "examples" / "lint" / "instruments.csv").read_bytes())
    assert sorted(codes()) == ["R217", "R240"]
    days = {"calendar": "XBOM", "first": "2019-01-01", "last": "2020-12-31", "open_days": [], "bounded": True}
    source = f"exchange_calendars {metadata.version('exchange_calendars')}"
    kept_at(kept.parent, "XBOM").write_text(json.dumps({**days, "source": source}))
    assert sorted(codes()) == ["R216", "R217", "R240"]
    kept_at(kept.parent, "XBOM").write_text(json.dumps({**days, "source": "exchange_calendars 1.0"}))
    assert sorted(codes()) == ["R217", "R240"]


def test_a_list_that_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    policy = {**HALF, "limits": {"max_underlying_lots": {"NIFTTY": 3}}}
    file = written(tmp_path, policy=policy, broker={"adapter": "dhan", "instruments": "list.csv"})
    assert copyctl("lint", file).stdout == ""


def test_show_gives_the_effective_rules_with_every_secret_masked(desk: Desk) -> None:
    tokens = {f"{name}_ACCESS_TOKEN": token for name, token in TOKENS.items()}
    done = desk.apart("show", environment=tokens)
    said = json.loads(done.stdout)
    assert said["policy"]["sizing"]["ratio"] == 0.5
    assert said["leader"]["access_token"] == "***"
    assert said["rate_limits"]["orders"]["per_second"] == 10
    assert all(token not in done.stdout + done.stderr for token in TOKENS.values())


def test_show_of_one_follower_gives_its_own_policy(desk: Desk) -> None:
    said = json.loads(desk.run("show", "--follower", "bob").stdout)
    assert [one["name"] for one in said["followers"]] == ["bob"]
    assert said["policy"]["sizing"]["ratio"] == 0.001


def test_show_as_a_table_has_one_line_for_each_value(desk: Desk) -> None:
    lines = desk.run("show", "--format", "table").stdout.splitlines()
    assert any(line.split() == ["policy.sizing.ratio", "0.5"] for line in lines)
    assert any(line.split() == ["followers[0].access_token", "***"] for line in lines)


def test_show_of_a_stranger_says_who_is_there(desk: Desk) -> None:
    done = desk.run("show", "--follower", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "copyctl: no follower is called carol; there are alice, bob\n"


@pytest.mark.parametrize("words", [("schema",), ("schema", "rules")])
def test_schema_prints_the_json_schema(words: tuple[str, ...]) -> None:
    said = json.loads(copyctl(*words).stdout)
    assert said["$schema"].startswith("https://json-schema.org/")
    assert "policy" in said["properties"]


def test_schema_as_markdown_is_the_page_of_the_documentation() -> None:
    done = process("schema", "rules", "--format", "markdown")
    assert (done.returncode, done.stdout) == (0, (ROOT / "docs" / "rules.md").read_text())


@pytest.mark.parametrize("command", ["show", "status", "orders", "positions", "events", "kill", "resume"])
def test_rules_that_cannot_be_used_are_exit_code_2(command: str, tmp_path: Path) -> None:
    file = written(tmp_path, policy={"sizing": {"strategy": "sideways"}})
    for wrong in (file, str(tmp_path / "nowhere.yaml")):
        done = copyctl(command, "--rules", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert wrong in done.stderr
        assert "Traceback" not in done.stderr


def test_a_variable_that_says_where_the_store_is_must_be_set(tmp_path: Path) -> None:
    file = written(tmp_path, store={"path": "${STORE_FOLDER}"})
    done = copyctl("status", "--rules", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "STORE_FOLDER" in done.stderr
    given = copyctl("status", "--rules", file, environment={"STORE_FOLDER": str(tmp_path / "elsewhere")})
    assert given.returncode == 0
