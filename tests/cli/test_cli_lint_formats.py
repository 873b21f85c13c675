"""``lint --format sarif|github|junit``: what continuous integration reads."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as Xml

import jsonschema
import pytest
import yaml

from copyctl import __version__
from copyctl.rules import CODES
from tests.cli.test_cli_help import HEAVY
from tests.cli.world import Said, copyctl, document, process

SCHEMA = Path(__file__).with_name("sarif-2.1.0-rtm.5.json")
"""The JSON schema of SARIF 2.1.0 as schemastore.org publishes it under the address that is its own
``id``; taken unchanged from the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT).
"""
FORMATS = ("sarif", "github", "junit")
ODD_NAMES = ("plain.yaml", "with space.yaml", "a,b.yaml", "50%25.yaml", "a:b#c?.yaml", "é₹日.yaml", "<&'\".yaml")
LIMITS = {"limits": {"max_open_orders": 50}}
HALF = {"sizing": {"strategy": "fixed_ratio", "ratio": 0.5}, **LIMITS}
ERROR = {"policy": {"sizing": {"strategy": "fixed_ratio", "ratoi": 0.5}, **LIMITS}}
WARNING = {"policy": {**HALF, "checks": {"margin": False}}}
SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJkaGFuQ2xpZW50SWQiOiIxMSJ9.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(name: str, **changes: object) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document(**changes), sort_keys=False, allow_unicode=True))
    return name


def linted(form: str, *words: str) -> Said:
    return copyctl("lint", "--format", form, *words)


def facts(*files: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(linted("json", *files).stdout)["findings"]
    return found


def sarif(*words: str) -> dict[str, Any]:
    """The only run of a log that the standard's own schema accepts."""
    log = json.loads(linted("sarif", *words).stdout)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def places(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["locations"][0]["physicalLocation"] for one in run["results"]]


def commands(*words: str) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each command, read as a runner reads them."""
    read = []
    for line in linted("github", *words).stdout.splitlines():
        command = re.fullmatch(r"::(error|warning) ([^:]*)::(.*)", line)
        assert command, line
        pairs = (one.partition("=") for one in command[2].split(","))
        read.append((command[1], {name: unescaped(value) for name, _, value in pairs}, unescaped(command[3])))
    return read


def unescaped(text: str) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def junit(*words: str) -> Xml.Element:
    root = Xml.fromstring(linted("junit", *words).stdout)  # noqa: S314  (our own document)
    assert root.tag == "testsuites"
    for counted in (root, *root):
        assert int(counted.attrib["tests"]) == len(list(counted.iter("testcase")))
        assert int(counted.attrib["failures"]) == len(list(counted.iter("failure")))
    return root


def names(elements: Iterable[Xml.Element]) -> list[str]:
    return [one.attrib["name"] for one in elements]


# ---- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_exit_code_and_note_are_those_of_text(form: str) -> None:
    for words in (
        [written("good.yaml", policy=HALF)],
        [written("bad.yaml", **ERROR)],
        [written("odd.yaml", **WARNING)],
    ):
        for strict in ([], ["--strict"]):
            text, done = linted("text", *words, *strict), linted(form, *words, *strict)
            assert (done.returncode, done.stderr) == (text.returncode, text.stderr)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_not_there_gives_no_document(form: str) -> None:
    done = linted(form, "nowhere.yaml")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("form", FORMATS)
def test_no_document_holds_a_secret(form: str) -> None:
    leader = {"client_id": "${LEADER_CLIENT_ID}", "access_token": SECRET}
    done = linted(form, written("secret.yaml", leader=leader), written("twice.yaml", leader={**leader, "tokn": SECRET}))
    assert "R206" in done.stdout
    assert not any(part in done.stdout + done.stderr for part in SECRET.split("."))


@pytest.mark.parametrize("form", FORMATS)
def test_lint_loads_nothing_heavy_for_any_format(form: str) -> None:
    words = ["-X", "importtime", "-m", "copyctl", "lint", "--format", form, written("bad.yaml", **ERROR)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "copyctl.rules.finding_formats" in loaded
    assert {one.split(".")[0] for one in loaded}.isdisjoint(HEAVY)
    assert ("xml.etree.ElementTree" in loaded) is (form == "junit")


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_that_is_no_text_breaks_no_document(form: str) -> None:
    odd = written(os.fsdecode(b"caf\xe9\x1b.yaml"), **ERROR)
    done = process("lint", "--format", form, odd, environment={"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stderr) == (
        1,
        "1 file: 2 errors, 0 warnings; copyctl lint --explain R204 says more\n",
    )
    assert "R111" in done.stdout


# ---- SARIF ----------------------------------------------------------------------------------------------------------


def test_sarif_has_a_result_for_each_finding_with_its_rule_and_place() -> None:
    files = written("bad.yaml", **ERROR), written("odd.yaml", **WARNING)
    run, found = sarif(*files), facts(*files)
    rules = run["tool"]["driver"]["rules"]
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == ("copyctl", __version__)
    assert {one["id"]: one["shortDescription"]["text"] for one in rules} == {f["code"]: CODES[f["code"]] for f in found}
    assert len(rules) == len({f["code"] for f in found})
    assert all(f"copyctl lint --explain {one['id']}" in one["help"]["markdown"] for one in rules)
    for result, place, fact in zip(run["results"], places(run), found, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == fact["code"]
        assert result["level"] == fact["severity"]
        hint = f"\nhint: {fact['hint']}" if fact["hint"] else ""
        assert result["message"]["text"] == f"{fact['path']}: {fact['message']}{hint}"
        line = Path(fact["file"]).read_text().splitlines()[fact["line"] - 1]
        assert place["artifactLocation"] == {"uri": fact["file"]}
        assert place["region"] == {
            "startLine": fact["line"],
            "startColumn": fact["column"],
            "snippet": {"text": line[fact["column"] - 1 :]},
        }


def test_sarif_of_a_clean_file_is_a_run_without_results() -> None:
    run = sarif(written("good.yaml", policy=HALF))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


@pytest.mark.parametrize("name", ODD_NAMES)
def test_sarif_names_a_file_by_a_uri(name: str) -> None:
    (first, *_) = places(sarif(written(f"rules/{name}", **ERROR)))
    uri = first["artifactLocation"]["uri"]
    assert unquote(uri) == f"rules/{name}"
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)


def test_sarif_names_a_file_given_by_its_whole_path_by_a_file_uri(tmp_path: Path) -> None:
    file = written(str(tmp_path / "with space.yaml"), **ERROR)
    assert {one["artifactLocation"]["uri"] for one in places(sarif(file))} == {Path(file).as_uri()}


def test_sarif_names_an_extended_file_without_steps_up_and_down() -> None:
    written("base.yaml", **ERROR)
    Path("desks").mkdir()
    Path("desks/one.yaml").write_text("extends: ../base.yaml\n")
    assert "base.yaml" in {one["artifactLocation"]["uri"] for one in places(sarif("desks/one.yaml"))}


def test_sarif_doubles_braces_which_would_be_placeholders() -> None:
    file = written("braces.yaml", store={"path": "${9}"})
    (fact, *_) = facts(file)
    (result, *_) = sarif(file)["results"]
    assert "{" in fact["message"] + fact["hint"]
    assert (
        result["message"]["text"].replace("{{", "{").replace("}}", "}").startswith(f"{fact['path']}: {fact['message']}")
    )
    assert not re.search(r"(?<!\{)\{(?!\{)", result["message"]["text"])


# ---- GitHub ---------------------------------------------------------------------------------------------------------


def test_github_has_a_command_for_each_finding() -> None:
    files = written("bad.yaml", **ERROR), written("odd.yaml", **WARNING)
    for (level, properties, message), fact in zip(commands(*files), facts(*files), strict=True):
        assert level == fact["severity"]
        assert properties == {
            "file": fact["file"],
            "line": str(fact["line"]),
            "col": str(fact["column"]),
            "title": f"{fact['code']} {fact['path']}",
        }
        assert message == (f"{fact['message']}\nhint: {fact['hint']}" if fact["hint"] else fact["message"])


def test_github_of_a_clean_file_says_nothing() -> None:
    assert linted("github", written("good.yaml", policy=HALF)).stdout == ""


@pytest.mark.parametrize("name", ODD_NAMES)
def test_github_names_any_file(name: str) -> None:
    file = written(f"rules/{name}", **ERROR)
    assert {properties["file"] for _, properties, _ in commands(file)} == {file}


def test_github_keeps_every_message_on_its_line() -> None:
    file = written("messages.yaml", policy={"sizing": {"strategy": "50%: one,\ntwo\r::error::₹"}})
    (said, *_) = (message for _, properties, message in commands(file) if properties["title"].endswith("strategy"))
    (fact, *_) = (one for one in facts(file) if one["path"].endswith("strategy"))
    assert said == fact["message"]
    assert said.startswith("50%: one,\ntwo\r::error::₹ ")


# ---- JUnit ----------------------------------------------------------------------------------------------------------


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_finding() -> None:
    good, bad = written("good.yaml", policy=HALF), written("bad.yaml", **ERROR)
    clean, broken = junit(good, bad)
    assert names([clean, broken]) == [good, bad]
    (passed,) = clean
    assert (passed.tag, passed.attrib["classname"], list(passed)) == ("testcase", good, [])
    assert len(set(names(broken))) == len(broken) == len(facts(bad))
    for case, fact in zip(broken, facts(bad), strict=True):
        (failure,) = case
        assert (case.attrib["file"], case.attrib["line"]) == (bad, str(fact["line"]))
        assert failure.attrib == {"type": fact["code"], "message": f"{fact['path']}: {fact['message']}"}
        assert str(failure.text).startswith(f"{bad}:{fact['line']}:{fact['column']}: error {fact['code']} ")


def test_junit_fails_warnings_only_when_strict() -> None:
    file = written("odd.yaml", **WARNING)
    ((lax,),), ((strict,),) = junit(file), junit("--strict", file)
    assert [one.tag for one in lax] == ["system-out"]
    assert [one.tag for one in strict] == ["failure"]
    assert lax[0].text == strict[0].text
    assert lax.attrib["name"].startswith("R223 policy.checks.margin at ")


def test_junit_keeps_what_is_found_in_an_extended_file() -> None:
    base = written("base.yaml", **ERROR)
    Path("one.yaml").write_text(f"extends: {base}\n")
    suites = junit("one.yaml")
    assert names(suites) == ["one.yaml", base]
    told = [(case.attrib["file"], case.attrib["line"]) for case in suites.iter("testcase") if len(case)]
    assert told == [(one["file"], str(one["line"])) for one in facts("one.yaml")]


def test_junit_of_a_file_that_is_not_yaml() -> None:
    Path("rules.yaml").write_text("version: 1\nname: [unclosed\n")
    ((case,),) = junit("rules.yaml")
    assert case.attrib["name"].startswith("R102 file at ")
    assert case[0].tag == "failure"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_junit_names_any_file(name: str) -> None:
    (suite,) = junit(written(f"rules/{name}", **ERROR))
    assert suite.attrib["name"] == f"rules/{name}"


def test_junit_takes_characters_that_xml_does_not() -> None:
    file = written("characters.yaml", policy={"sizing": {"strategy": "\0\x1b<&]]>₹\ufffe"}})
    done = linted("junit", file)
    assert done.stdout.isascii()
    text = "".join(Xml.fromstring(done.stdout).itertext())  # noqa: S314  (our own document)
    assert "<&]]>₹" in text
