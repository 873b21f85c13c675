"""``test``: policy tests, what the rules make of a leader's orders beside what they should."""

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from copyctl.cli.speech import DONE, FINDINGS, USAGE, clean, leave, note, paper, say_json
from copyctl.rules import Finding, RulesRefused, are_cases, beside, junit_document, render

if TYPE_CHECKING:
    from copyctl.lab.case_report import Result


class TestFormat(StrEnum):
    """How the outcome looks."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"


def test(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Policy tests, or rules files with some.")],
    *,
    form: Annotated[
        TestFormat | None,
        typer.Option("--format", help="How the outcome looks.", show_default="table on a terminal, else json"),
    ] = None,  # noqa: PT028  (a command of this name, not a test of pytest)
) -> None:
    """Run policy tests, without secrets and network.

    A file of policy tests (*.cases.yaml) names its rules file, says what an account has and what the leader does, and
    what should become of it. In the place of one, its rules file may stand. Exit code 1 when a case fails, 2 when a
    file cannot be used.

    \b
    Example:
      copyctl test rules/half-size.cases.yaml
      copyctl test rules/*.yaml
      copyctl test --format junit rules/*.cases.yaml > cases.xml
    """
    results = _run(_chosen(files))
    _SAY[form or _usual()](results)
    failed = sum(1 for one in results if one.failed)
    note(f"{len(results) - failed} passed, {failed} failed")
    raise typer.Exit(FINDINGS if failed else DONE)


def _usual() -> TestFormat:
    from copyctl.cli.speech import chosen

    return TestFormat(chosen(None).value)


def _chosen(files: Sequence[Path]) -> list[Path]:
    """The files of policy tests among these and beside them, each once."""
    found: dict[Path, None] = {}
    for one in files:
        if not one.is_file():
            leave(USAGE, f"there is no file {one}")
        tests = one if are_cases(one) else Path(beside(one))
        if tests.is_file():
            found[tests] = None
        else:
            note(f"{one} has no policy tests: there is no file {tests}")
    if not found:
        leave(USAGE, "no policy tests are here: nothing was tested")
    return list(found)


def _run(files: Sequence[Path]) -> "list[Result]":
    """Every case of every file; first all that is wrong with any of them is told."""
    from copyctl.lab.case_report import Result
    from copyctl.lab.policy_tests import run_case
    from copyctl.model.cases import Cases
    from copyctl.rules import load
    from copyctl.rules.policy_tests import read_cases

    readable: list[Cases] = []
    wrong: list[Finding] = []
    for one in files:
        try:
            readable.append(read_cases(one))
        except RulesRefused as refused:
            wrong += refused.findings
    if wrong:
        leave(USAGE, f"the policy tests cannot be run:\n{render(dict.fromkeys(wrong))}")
    results: list[Result] = []
    for cases in readable:
        rules = load(cases.rules, {}, offline=True)
        results += [Result(file=cases.file, case=one, verdicts=tuple(run_case(rules, one))) for one in cases.cases]
    return results


def _say_table(results: "Sequence[Result]") -> None:
    """A line for each case, and for each that fails what was wanted beside what came instead."""
    from copyctl.lab.case_report import difference

    page = paper(sys.stdout)
    for one in results:
        mark = Text("FAILED", style="bold red") if one.failed else Text("passed", style="green")
        page.print(mark + Text(f"  {one.file}:{one.case.line}  {clean(one.case.name)}"), soft_wrap=True)
        for told in difference(one.failed, _orders(one)).splitlines():
            page.print(clean(told), soft_wrap=True)


def _say_junit(results: "Sequence[Result]") -> None:
    """One suite for each file, one test case for each case."""
    from xml.etree import ElementTree as Xml

    from copyctl.lab.case_report import difference

    root = Xml.Element("testsuites", name="copyctl test")
    for file in dict.fromkeys(one.file for one in results):
        suite = Xml.SubElement(root, "testsuite", name=file)
        for one in results:
            if one.file != file:
                continue
            line = str(one.case.line)
            case = Xml.SubElement(suite, "testcase", classname=file, name=one.case.name, file=file, line=line)
            if one.failed:
                about = ", ".join(dict.fromkeys(verdict.follower for verdict in one.failed))
                told = Xml.SubElement(case, "failure", type="outcome", message=f"{about}: not as expected")
                told.text = difference(one.failed, _orders(one))
    typer.echo(junit_document(root))


def _say_json(results: "Sequence[Result]") -> None:
    from copyctl.lab.case_report import row

    failed = sum(1 for one in results if one.failed)
    say_json({"passed": len(results) - failed, "failed": failed, "cases": [row(one) for one in results]})


def _orders(result: "Result") -> int:
    return max(verdict.number for verdict in result.verdicts)


_SAY: "Final[dict[TestFormat, Callable[[Sequence[Result]], None]]]" = {
    TestFormat.TABLE: _say_table,
    TestFormat.JSON: _say_json,
    TestFormat.JUNIT: _say_junit,
}
