"""``lint``, ``show``, ``schema``: what the rules say, before anything runs."""

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from copyctl.cli import completion, options
from copyctl.cli.at_hand import at_hand
from copyctl.cli.deployment import rules_trouble
from copyctl.cli.speech import DONE, FINDINGS, USAGE, Format, leave, note, say, say_json
from copyctl.cli.tables import document_table, lint_codes_table
from copyctl.rules import CODES, Finding, Severity, junit, render, sarif, schema_text, workflow_commands
from copyctl.rules import lint as find
from copyctl.rules import show as effective
from copyctl.rules.reference import page as rules_page


class LintFormat(StrEnum):
    """How findings look; ``table`` is another word for ``text``, ``markdown`` is for codes alone."""

    TEXT = "text"
    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class SchemaFormat(StrEnum):
    """How a schema looks; ``markdown`` is the page ``docs/rules.md``."""

    JSON = "json"
    MARKDOWN = "markdown"


class Language(StrEnum):
    """The languages that have a schema."""

    RULES = "rules"
    POLICY_TEST = "policy-test"
    TAPE = "tape"
    STORE = "store"


def lint(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES...", help="Rules files and policy tests.")
    ] = None,
    *,
    form: Annotated[LintFormat, typer.Option("--format", help="How the findings look.")] = LintFormat.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    every_code: Annotated[bool, typer.Option("--codes", help="Every code and what it says.")] = False,
    code: Annotated[
        str | None,
        typer.Option("--explain", metavar="CODE", help="The page of one code.", autocompletion=completion.codes),
    ] = None,
) -> None:
    """Check rules and policy tests, without secrets and network.

    Every finding names file, line and column and says what to do. Exit code 1 when there are errors.

    A warning that is meant is allowed where it stands: # copyctl: allow R223: and the reason why.

    For continuous integration: sarif (code scanning), github (annotations of a workflow), junit (test reports).

    \b
    Example:
      copyctl lint rules/half-size.yaml
      copyctl lint --strict --format json rules/*.yaml
      copyctl lint --format sarif rules/*.yaml > lint.sarif
      copyctl lint --format junit rules/*.yaml > lint.xml
      copyctl lint --codes
      copyctl lint --explain R227
    """
    if every_code or code is not None:
        _explain(files, code, form)
        return
    if not files:
        raise typer.BadParameter("name the files to check, or --codes for all that lint can say", param_hint="FILES...")
    if form not in _SAY:
        leave(USAGE, f"findings have no format {form}: it is for --codes")
    for one in files:
        if not one.is_file():
            leave(USAGE, f"there is no file {one}")
    findings = find(files, at_hand())
    _SAY[form](findings, [str(one) for one in files], strict)
    errors = sum(1 for one in findings if one.severity is Severity.ERROR)
    counted = f"{_many(len(files), 'file')}: {_many(errors, 'error')}, {_many(len(findings) - errors, 'warning')}"
    note(f"{counted}; copyctl lint --explain {findings[0].code} says more" if findings else counted)
    raise typer.Exit(FINDINGS if errors or (strict and findings) else DONE)


def _explain(files: list[Path] | None, code: str | None, form: LintFormat) -> None:
    """Say all codes, or the page of one."""
    from copyctl.cli.lint_pages import index, page

    if files:
        leave(USAGE, "--codes and --explain take no files")
    if code is not None:
        if code.upper() not in CODES:
            leave(USAGE, f"there is no code {code}: copyctl lint --codes lists them all")
        typer.echo(page(code.upper()), nl=False)
    elif form is LintFormat.MARKDOWN:
        typer.echo(index(), nl=False)
    elif form is LintFormat.JSON:
        say_json({"codes": [{"code": one, "sentence": sentence} for one, sentence in CODES.items()]})
    elif form in {LintFormat.TEXT, LintFormat.TABLE}:
        say(lint_codes_table(CODES))
    else:
        leave(USAGE, f"codes have no format {form}: text, json or markdown")


def show(
    rules: options.Rules,
    *,
    follower: options.Follower = None,
    form: Annotated[Format, typer.Option("--format", help="How the rules look.")] = Format.JSON,
) -> None:
    """Show the effective rules, secrets masked.

    They are what the file says after extends, defaults and overrides. With --follower, that follower's whole policy
    stands under policy.

    \b
    Example:
      copyctl show --rules rules/half-size.yaml --follower bob
    """
    try:
        with rules_trouble():
            document = effective(rules, follower, os.environ)
    except LookupError as missing:
        leave(USAGE, str(missing.args[0]))
    if form is Format.JSON:
        say_json(document)
    else:
        say(document_table(document))


def schema(
    language: Annotated[Language, typer.Argument(help="The language.")] = Language.RULES,
    *,
    form: Annotated[SchemaFormat, typer.Option("--format", help="How it looks.")] = SchemaFormat.JSON,
) -> None:
    """Print the schema of a language, or of the analytical store.

    The rules, policy tests and tapes have a JSON schema, for editors and for checks elsewhere. As markdown it is a page
    for people: every key of the rules with what may stand there, every table of the store with what its columns mean.

    \b
    Example:
      copyctl schema rules > rules-v1.schema.json
      copyctl schema rules --format markdown > rules.md
      copyctl schema policy-test > policy-test-v1.schema.json
      copyctl schema tape > tape-v1.schema.json
      copyctl schema store --format markdown > data-model.md
    """
    if language is Language.STORE:
        from copyctl.store import page  # it loads the database

        if form is SchemaFormat.MARKDOWN:
            typer.echo(page.page(), nl=False)
        else:
            say_json({"tables": page.model()})
        return
    if form is SchemaFormat.MARKDOWN and language is not Language.RULES:
        leave(USAGE, "rules and store have such a page; docs/policy-tests.md tells of policy tests")
    typer.echo(rules_page() if form is SchemaFormat.MARKDOWN else schema_text(language.value), nl=False)


def _say_lines(text: str) -> None:
    if text:
        typer.echo(text)


_SAY: Final[dict[LintFormat, Callable[[Sequence[Finding], Sequence[str], bool], None]]] = {
    LintFormat.TEXT: lambda findings, _files, _strict: _say_lines(render(findings)),
    LintFormat.TABLE: lambda findings, _files, _strict: _say_lines(render(findings)),
    LintFormat.JSON: lambda findings, files, _strict: say_json(
        {"findings": [_finding(one) for one in findings], "files": len(files)}
    ),
    LintFormat.SARIF: lambda findings, _files, _strict: say_json(sarif(findings)),
    LintFormat.GITHUB: lambda findings, _files, _strict: _say_lines(workflow_commands(findings)),
    LintFormat.JUNIT: lambda findings, files, strict: _say_lines(junit(findings, files, strict=strict)),
}
"""How each format is said: from the findings, the files that were given, and whether warnings count as errors."""


def _finding(one: Finding) -> dict[str, object]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "code": one.code,
        "severity": one.severity.value,
        "path": one.path,
        "message": one.message,
        "hint": one.hint,
    }


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
