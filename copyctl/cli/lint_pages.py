"""The pages of lint's codes: ``docs/lint``, and ``copyctl lint --codes`` and ``--explain``.

Every page is made of what the code says, why it matters, and two example files with what lint says of the bad one. So
no page is ever older than the code: ``python -m copyctl.cli.lint_pages docs/lint`` writes them all.
"""

import sys
from datetime import date
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Final

from copyctl.cli.at_hand import listing
from copyctl.rules import CODES, EXPLANATIONS, AtHand, Finding, RulesRefused, Severity, load, render
from copyctl.rules import lint as find
from copyctl.rules.shipped import folder

EXAMPLES_AT_HAND: Final = AtHand(today=date(2026, 12, 1), listing=listing)
"""The day on which the examples are looked at, and the list that some of them name."""

EXAMPLES_ENVIRONMENT: Final = {"LEADER_ACCESS_TOKEN": "an example", "ALICE_ACCESS_TOKEN": "an example"}

WIDTH: Final = 116

WHEN_LOADED: Final = ("R301", "R302")
"""Codes that only a run can give: lint needs no variable and no secret."""

SHOWN_BY_NO_FILE: Final = {
    "R216": "No file alone shows it: it hangs on the day, and on the trading days that a run has kept in the store's"
    " folder.",
}
"""Codes without examples, and why."""

GROUPS: Final = {
    "R10": "How the file is written",
    "R11": "What the language allows",
    "R20": "What values say together",
    "R21": "Market hours and days",
    "R22": "Limits, sizes, safeguards and filters",
    "R23": "Accounts and the world around",
    "R24": "Beside an instrument list",
    "R30": "What is read for a run alone",
    "R40": "What is not built yet",
    "R50": "Policy tests",
}
"""The first figures of a code, and what such codes are about."""


def example(code: str, kind: str) -> Path:
    """The file that shows a code (``bad``), or how it is mended (``good``): rules, or policy tests."""
    rules = folder("examples/lint") / code / f"{kind}.yaml"
    return rules if rules.is_file() else rules.with_suffix(".cases.yaml")


def found_in(path: Path, code: str) -> list[Finding]:
    """What is found in an example of a code, as lint or a run finds it."""
    if code not in WHEN_LOADED:
        return find([path], EXAMPLES_AT_HAND)
    try:
        load(path, EXAMPLES_ENVIRONMENT)
    except RulesRefused as refused:
        return list(refused.findings)
    return []


def page(code: str) -> str:
    """The page of one code, as Markdown."""
    parts = [f"# {code}: {CODES[code]}", fill(" ".join(EXPLANATIONS[code].split()), WIDTH, break_on_hyphens=False)]
    if code in SHOWN_BY_NO_FILE:
        return "\n\n".join([*parts, SHOWN_BY_NO_FILE[code], _allowed()]) + "\n"
    bad, good = example(code, "bad"), example(code, "good")
    found = found_in(bad, code)
    who = "A run says" if code in WHEN_LOADED else "Lint says"
    told = render(found).replace(str(bad), bad.name).replace(str(bad.parent), ".")
    parts += ["## Bad", _block(bad), f"{who}:", f"```text\n{told}\n```", "## Good", _block(good)]
    is_warning = any(one.severity is Severity.WARNING for one in found)
    return "\n\n".join([*parts, *((_allowed(),) if is_warning else ())]) + "\n"


def index() -> str:
    """The list of all pages, as Markdown."""
    parts = [_HEAD]
    for start, codes in groupby(CODES, key=lambda code: code[:3]):
        rows = [f"| [{code}]({code}.md) | {CODES[code]} |" for code in codes]
        parts.append(f"## {GROUPS[start]}\n\n| code | what it says |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Every file of ``docs/lint`` and what it holds."""
    return {"README.md": index(), **{f"{code}.md": page(code) for code in CODES}}


def _block(path: Path) -> str:
    return f"```yaml\n{path.read_text(encoding='utf-8', errors='replace').rstrip()}\n```"


def _allowed() -> str:
    return "A warning that is meant is allowed where it stands, with the reason: see [README.md](README.md)."


_HEAD = """# Lint codes

What `copyctl lint` says of a rules file, and of policy tests. Each code has a page: why it matters, a file that shows
it, and the same file mended; `copyctl lint --explain R227` prints one. Codes never change their meaning, more may be
added.

An error keeps the file from being used. A warning does not, unless `--strict` is given; one that is meant is allowed by
a comment at the end of its line, or on a line of its own before it: `# copyctl: allow R223: sold at expiry only`.

Lint needs no network, no secret and no variable. What lies beside the file on the same machine it looks into: the date,
the instrument list that `broker.instruments` names or a run has kept, and the trading days that a run has kept.

The files of the pages lie in `examples/lint`; the pages are written by
`python -m copyctl.cli.lint_pages docs/lint`."""


if __name__ == "__main__":
    for name, text in pages().items():
        Path(sys.argv[1], name).write_text(text, encoding="utf-8")
