"""What is wrong with a rules file: one record for each thing, and the table of their codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CODES: Final[dict[str, str]] = {
    "R101": "The file cannot be read.",
    "R102": "The file is not YAML.",
    "R103": "A key stands twice in one map.",
    "R104": "Files extend one another in a circle.",
    "R105": "A ${...} is not written as ${NAME}, ${NAME:-default} or ${file:PATH}.",
    "R106": "A comment to copyctl is not written as # copyctl: allow CODE: and the reason.",
    "R107": "A comment allows a warning that is not there.",
    "R111": "The language has no such key here.",
    "R112": "A required key is missing.",
    "R113": "The value is of the wrong kind.",
    "R114": "The value is none of the words that may stand here.",
    "R115": "The text does not have the form that is needed here.",
    "R116": "The value is too small, too large, too short or too long.",
    "R201": "A name is used twice.",
    "R202": "A name is reserved.",
    "R203": "Two accounts are one and the same.",
    "R204": "A key needs another one that is missing.",
    "R205": "A range is upside down.",
    "R206": "A secret is written in the file.",
    "R207": "A rate is above what Dhan allows.",
    "R208": "The text names nothing that exists.",
    "R209": "A number has more digits than can be kept.",
    "R210": "A calendar is not known, or is another country's.",
    "R211": "A class of instruments is not known, or has none in this segment.",
    "R212": "Hours overlap, or stand in the wrong order.",
    "R213": "A day is named twice.",
    "R214": "A time lies outside trading hours.",
    "R215": "Hours go on after the table that ships with copyctl changed them.",
    "R216": "The calendar ends before today.",
    "R217": "Everything in a list of days is over.",
    "R220": "A limit lets nothing through, or next to nothing.",
    "R221": "Every entry of this size is above a limit.",
    "R222": "A limit never decides: another one always comes first.",
    "R223": "A safeguard is taken away.",
    "R224": "A distance or a wait defeats its own purpose.",
    "R225": "An action of the kill switch cannot work where it stands.",
    "R226": "The reserve of the rate limits leaves nothing for entries.",
    "R227": "A rule asks for what no order is.",
    "R228": "A rule never decides: an earlier one takes all of its orders.",
    "R229": "A size comes to less than a lot, and is rounded to nothing.",
    "R230": "A token cannot be renewed, or a new one not be kept.",
    "R231": "A door is open to others than this machine.",
    "R232": "Nothing limits what a follower trades.",
    "R233": "Two accounts send from one address.",
    "R234": "An objective is always met, or never.",
    "R235": "What goes to an address can be read, and changed, on its way.",
    "R240": "The instrument list has no such name.",
    "R241": "A freeze quantity is less than a lot.",
    "R301": "A variable is not set.",
    "R302": "A file that a ${file:...} names cannot be read.",
    "R401": "The key is not built yet.",
    "R501": "An order or an outcome of a policy test is not written as it needs to be.",
    "R502": "The rules file of policy tests cannot be used.",
    "R503": "A policy test cannot go like this.",
}

_UNREAD: Final = frozenset({"R101", "R102", "R104"})
_SHAPE: Final = frozenset({"R113", "R114", "R115", "R116"})


class Severity(StrEnum):
    """An error keeps the file from being used; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point of a file: line and column count from 1. ``file`` is the path as the user gave it."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    ``path`` names the key, such as ``policy.sizing.ratio`` or ``followers[0].name``; empty for the file as a whole.
    ``excerpt`` is the line of the file with every secret masked. No field ever holds a secret.
    """

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    path: str
    message: str
    hint: str | None = None
    excerpt: str | None = None


class RulesRefused(Exception):
    """A rules file cannot be used. ``findings``: everything found, errors and warnings, in file order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(summary(self.findings))


def finding(
    code: str, place: Place, path: str, message: str, hint: str | None = None, *, severity: Severity = Severity.ERROR
) -> Finding:
    """A finding at a place; ``code`` is one of ``CODES``."""
    if code not in CODES:
        raise KeyError(code)
    return Finding(
        file=place.file,
        line=place.line,
        column=place.column,
        code=code,
        severity=severity,
        path=path,
        message=message,
        hint=hint,
    )


def in_file_order(findings: Iterable[Finding], files: Iterable[str]) -> list[Finding]:
    """Each finding once, by file (in the order of ``files``), line and column.

    Of a value that does not have the right shape nothing else is told; while a file is not there or not readable,
    nothing is told of keys that it may hold.
    """
    rank = {file: place for place, file in enumerate(files)}
    seen: dict[tuple[str, int, int, str, str], Finding] = {}
    for one in findings:
        seen.setdefault((one.file, one.line, one.column, one.code, one.message), one)
    ordered = sorted(seen.values(), key=lambda f: (rank.get(f.file, len(rank)), f.line, f.column, f.code))
    incomplete = any(one.code in _UNREAD for one in ordered)
    misshapen: dict[tuple[str, int, int], Finding] = {}
    for one in ordered:
        if one.code in _SHAPE:
            misshapen.setdefault((one.file, one.line, one.column), one)
    return [
        one
        for one in ordered
        if misshapen.get((one.file, one.line, one.column), one) is one and not (incomplete and one.code == "R112")
    ]


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that keep the file from being used."""
    return [one for one in findings if one.severity is Severity.ERROR]


def summary(findings: Iterable[Finding]) -> str:
    """One line for each finding: ``file:line:column code path: message``."""
    return "\n".join(f"{f.file}:{f.line}:{f.column} {f.code} {f.path or 'file'}: {f.message}" for f in findings)


def render(findings: Iterable[Finding]) -> str:
    """The findings for people: place, what is wrong, the line with a caret under it, and what to do about it."""
    return "\n".join(line for one in findings for line in _rendered(one))


def _rendered(one: Finding) -> list[str]:
    subject = f"{one.path}: " if one.path else ""
    lines = [f"{one.file}:{one.line}:{one.column}: {one.severity} {one.code} {subject}{one.message}"]
    if one.excerpt is not None:
        number = str(one.line)
        lines.append(f"  {number} | {one.excerpt}")
        lines.append(f"  {' ' * len(number)} | {' ' * (one.column - 1)}^")
    if one.hint is not None:
        lines.append(f"  hint: {one.hint}")
    return lines
